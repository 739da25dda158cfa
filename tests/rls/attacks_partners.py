"""What is tried on partners' tables: by a force's login, and by the partners' own."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from rls.attacks import NO_RLS, Attack, Steps, reads, writes
from rls.prepared_partners import CLINIC, SHELTER, identity
from support.world import World

PPSS = "athena_ppss"
KEPT_FROM_FORCES = (
    "partner",
    "partner_contact",
    "partner_key",
    "partner_agreement",
    "partner_review",
    "partner_nonce",
    "partner_call",
    "partner_usage",
    "partner_check",
    "partner_answer",
    "partner_batch",
    "partner_batch_item",
)
OWN = ("partner_usage", "partner_check", "partner_answer", "partner_review", "disclosure",
       "disclosure_payload", "partner_batch", "partner_batch_item")  # fmt: skip
"""What a call sees of its own partner alone."""


def calls(statement: str, partner: int | None = CLINIC, prepare: Sequence[str] = ()) -> Steps:
    """Return steps of the partners' login that succeed when a query gives a row.

    The transaction runs for a partner, or for none.
    """

    async def steps(connection: asyncpg.Connection, world: World) -> bool:
        del connection  # a force's: the partners' is opened instead
        own = await world.as_login(PPSS)
        try:
            async with own.transaction():
                if partner is not None:
                    await own.execute(
                        "INSERT INTO sharing.partner_call (partner_id) VALUES ($1)", partner
                    )
                for before in prepare:
                    await own.execute(before)
                return bool(await own.fetch(statement))
        finally:
            await own.close()

    return steps


PARTNERS = [
    *(
        Attack(
            f"reads sharing.{table}",
            "forces keep no partners and see none of their calls",
            reads(f"SELECT 1 FROM sharing.{table}"),
            f"GRANT SELECT ON sharing.{table} TO athena_force; {NO_RLS.format(f'sharing.{table}')}",
        )
        for table in KEPT_FROM_FORCES
    ),
    *(
        Attack(
            f"reads sharing.{table} of Essex's records",
            "the ledger is its own force's data protection officer's",
            reads(f"SELECT 1 FROM sharing.{table} WHERE owner_force = {{essex}}"),
            NO_RLS.format(f"sharing.{table}"),
        )
        for table in ("disclosure", "disclosure_payload")
    ),
    Attack(
        "enters a disclosure",
        "only a partner's call discloses",
        writes(
            "INSERT INTO sharing.disclosure_payload VALUES ({kent}, "
            f"'{identity(CLINIC)}', {SHELTER}, 'x', 'x')"
        ),
        "GRANT INSERT ON sharing.disclosure_payload TO athena_force; "
        f"{NO_RLS.format('sharing.disclosure_payload')}; "
        "ALTER TABLE sharing.disclosure_payload "
        "DROP CONSTRAINT disclosure_payload_owner_force_disclosure_id_fkey",
    ),
    *(
        Attack(
            f"a call reads sharing.{table} of another partner",
            "a call runs for one partner, and is shown that one's rows",
            calls(f"SELECT 1 FROM sharing.{table} WHERE partner_id = {SHELTER}"),
            NO_RLS.format(f"sharing.{table}"),
        )
        for table in OWN
    ),
    *(
        Attack(
            f"a call of nobody reads sharing.{table}",
            "a transaction that doesn't say for whom it runs is shown nothing",
            calls(f"SELECT 1 FROM sharing.{table}", None),
            NO_RLS.format(f"sharing.{table}"),
        )
        for table in OWN
    ),
    Attack(
        "a call runs for a second partner",
        "for whom a transaction runs is noted once",
        calls(
            f"INSERT INTO sharing.partner_call (partner_id) VALUES ({SHELTER}) RETURNING 1",
        ),
        "ALTER TABLE sharing.partner_call DROP CONSTRAINT partner_call_pkey",
    ),
    Attack(
        "a call reads for whom others run",
        "a transaction reads its own note",
        calls(f"SELECT 1 FROM sharing.partner_call WHERE partner_id = {SHELTER}"),
        NO_RLS.format("sharing.partner_call"),
    ),
    Attack(
        "a call reads nonces",
        "nonces are noted, never read",
        calls("SELECT 1 FROM sharing.partner_nonce"),
        "GRANT SELECT ON sharing.partner_nonce TO athena_ppss; "
        f"{NO_RLS.format('sharing.partner_nonce')}",
    ),
    Attack(
        "a call discloses without an event",
        "nothing enters the ledger whose event the transaction hasn't appended",
        calls(
            "INSERT INTO sharing.disclosure (owner_force, disclosure_id, partner_id, check_id, "
            "nominal_id, agreement_id, decision_id, event_id, purpose, asked_by, asked_role, "
            f"level, fields, digest) SELECT min(t.tenant_id), '{identity(CLINIC)}', {CLINIC}, "
            f"'{identity(CLINIC)}', gen_random_uuid(), '{identity(CLINIC)}', gen_random_uuid(), "
            "gen_random_uuid(), 'safeguarding', 'x', 'x', 'full', '{}', sha256('') "
            "FROM tenants.tenant AS t RETURNING 1"
        ),
        "DROP TRIGGER attest_disclosure ON sharing.disclosure",
    ),
    Attack(
        "a call answers for another partner",
        "a call writes rows of its own partner",
        calls(
            f"INSERT INTO sharing.partner_usage VALUES ({SHELTER}, '{identity(SHELTER)}', 'hour', "
            "now(), 1) RETURNING 1"
        ),
        NO_RLS.format("sharing.partner_usage"),
    ),
    Attack(
        "a call lifts its own review",
        "only the client body lifts one",
        calls(
            "UPDATE sharing.partner_review SET lifted_by = 'x', lifted_reason = 'Mine' RETURNING 1"
        ),
        "GRANT UPDATE (lifted_by, lifted_reason) ON sharing.partner_review TO athena_ppss",
    ),
    Attack(
        "a call revives a key",
        "only the client body keeps keys",
        calls("UPDATE sharing.partner_key SET valid_to = 'infinity' RETURNING 1"),
        "GRANT UPDATE ON sharing.partner_key TO athena_ppss; "
        f"{NO_RLS.format('sharing.partner_key')}",
    ),
    Attack(
        "a call raises its caps",
        "only the client body sets caps",
        calls("UPDATE sharing.partner_agreement SET daily_cap = 9 RETURNING 1"),
        "GRANT UPDATE ON sharing.partner_agreement TO athena_ppss; "
        f"{NO_RLS.format('sharing.partner_agreement')}",
    ),
    *(
        Attack(
            f"a call reads records.{table} without a consultation",
            "partners are shown records under a logged consultation",
            calls(f"SELECT 1 FROM records.{table}"),
            NO_RLS.format(f"records.{table}"),
        )
        for table in ("nominal", "name_key", "address", "location", "record", "marker")
    ),
]  # fmt: skip
