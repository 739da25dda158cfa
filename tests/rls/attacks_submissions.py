"""What is tried on what partners submit: by a force's login, and by the partners' own."""

from __future__ import annotations

from uuid import uuid4

import asyncpg

from rls.attacks import NO_RLS, Attack, fill, reads, writes
from rls.attacks_partners import calls
from rls.prepared_partners import CLINIC, SHELTER, identity
from support.world import World, open_consultation

_OWN = "owner_force = (SELECT ctx.session_tenant())"
_NO_TRIGGERS = "ALTER TABLE sharing.submission DISABLE TRIGGER USER"
_OPEN = f"{NO_RLS.format('sharing.submission')}; {_NO_TRIGGERS}"


async def reads_in_another_role(connection: asyncpg.Connection, world: World) -> bool:
    """Read the own force's queue as one who works in its administration."""
    writer = await world.as_login("athena_policy_writer")
    try:
        revision, epoch = await writer.fetchrow("SELECT * FROM ctx.policy_versions()")
        grant = await writer.fetchval(
            "SELECT ctx.store_grant_set('athena_kent', $1, $2, 'admin.kent', "
            "'{force_administrator}', 'investigation', $3, $4, $5, 900, '{}')",
            world.kent,
            uuid4(),
            uuid4(),
            revision,
            epoch,
        )
    finally:
        await writer.close()
    async with connection.transaction():
        await open_consultation(connection, grant)
        statement = fill("SELECT 1 FROM sharing.submission WHERE owner_force = {kent}", world)
        return bool(await connection.fetch(statement))


def _submits(partner: int, owner: str) -> str:
    return (
        "INSERT INTO sharing.submission (owner_force, submission_id, partner_id, agreement_id, "
        "kind, purpose, idempotency_key, request_digest, submitted_by, submitted_role, clock, "
        f"due_at) SELECT {owner}, gen_random_uuid(), {partner}, '{identity(partner)}', "
        "'address_change', 'safeguarding', 'attack', sha256(''), 'x', 'x', 'hours:24', now()"
    )


_A_FORCE = "(SELECT min(t.tenant_id) FROM tenants.tenant AS t WHERE t.kind = 'force')"
_NO_FORCE = "(SELECT min(t.tenant_id) FROM tenants.tenant AS t WHERE t.kind <> 'force')"

SUBMISSIONS = [
    *(
        Attack(
            f"reads sharing.{table} of Essex's queue",
            "what is submitted to a force is its own",
            reads(f"SELECT 1 FROM sharing.{table} WHERE owner_force = {{essex}}"),
            NO_RLS.format(f"sharing.{table}"),
        )
        for table in ("submission", "submission_content")
    ),
    *(
        Attack(
            f"reads sharing.{table} without a consultation",
            "a transaction without an event sees no submission",
            reads(f"SELECT 1 FROM sharing.{table}", consulting=False),
            f"ALTER POLICY intake_reads ON sharing.{table} USING ({_OWN})",
        )
        for table in ("submission", "submission_content")
    ),
    Attack(
        "reads the queue in another role",
        "officers and supervisors work at intake",
        reads_in_another_role,
        f"ALTER POLICY intake_reads ON sharing.submission USING ({_OWN})",
    ),
    Attack(
        "decides on a submission to Essex",
        "what is submitted to a force is its own to decide",
        writes(
            "UPDATE sharing.submission SET state = 'accepted', declined_because = NULL "
            "WHERE owner_force = {essex}"
        ),
        f"{_OPEN}; ALTER TABLE sharing.submission DROP CONSTRAINT submission_check",
    ),
    Attack(
        "takes back a decision",
        "a submission is decided once",
        writes(
            "UPDATE sharing.submission SET state = 'accepted', declined_because = NULL "
            "WHERE owner_force = {kent}"
        ),
        "DROP TRIGGER assess_submission ON sharing.submission",
    ),
    Attack(
        "submits to itself in a partner's name",
        "only a partner's call submits",
        writes(_submits(SHELTER, "{kent}")),
        f"GRANT INSERT ON sharing.submission TO athena_force; {_OPEN}",
    ),
    Attack(
        "changes what was submitted",
        "the words are as they were sent",
        writes("UPDATE sharing.submission_content SET sealed = 'x' WHERE owner_force = {kent}"),
        "GRANT UPDATE ON sharing.submission_content TO athena_force; "
        f"{NO_RLS.format('sharing.submission_content')}",
    ),
    Attack(
        "erases what was submitted before its time",
        "the delivering process alone forgets",
        reads("SELECT sharing.forget_submissions() IS NULL"),
        "GRANT EXECUTE ON FUNCTION sharing.forget_submissions() TO athena_force",
    ),
    Attack(
        "a call reads another partner's submission",
        "a call runs for one partner, and is shown that one's rows",
        calls(f"SELECT 1 FROM sharing.submission WHERE partner_id = {SHELTER}"),
        NO_RLS.format("sharing.submission"),
    ),
    Attack(
        "a call of nobody reads submissions",
        "a transaction that doesn't say for whom it runs is shown nothing",
        calls("SELECT 1 FROM sharing.submission", None),
        NO_RLS.format("sharing.submission"),
    ),
    Attack(
        "a call reads what was submitted",
        "the words are written, and read at intake alone",
        calls("SELECT 1 FROM sharing.submission_content", SHELTER),
        "GRANT SELECT ON sharing.submission_content TO athena_ppss; "
        f"{NO_RLS.format('sharing.submission_content')}",
    ),
    Attack(
        "a call submits as another partner",
        "a call submits for its own partner",
        calls(f"{_submits(SHELTER, _A_FORCE)} RETURNING 1"),
        NO_RLS.format("sharing.submission"),
    ),
    Attack(
        "a call submits to somebody who is no force",
        "only forces have an intake queue",
        calls(f"{_submits(CLINIC, _NO_FORCE)} RETURNING 1"),
        "DROP TRIGGER receive_submission ON sharing.submission",
    ),
    Attack(
        "a call accepts its own submission",
        "only the force decides",
        calls(
            "UPDATE sharing.submission SET state = 'accepted', declined_because = NULL "
            f"WHERE partner_id = {SHELTER} RETURNING 1",
            SHELTER,
        ),
        f"GRANT UPDATE ON sharing.submission TO athena_ppss; {_OPEN}; "
        "ALTER TABLE sharing.submission DROP CONSTRAINT submission_check",
    ),
]
