"""What Kent's login tries on agreements: reading others', signing for others, moving its own.

`OTHERS` is Essex's with Norfolk, signed by both; `OWN` is Kent's with Essex, signed by nobody, and
`DRAFT` is another that wasn't sent out. `prepare_agreements` stores them.
"""

from __future__ import annotations

import hashlib
import json
from datetime import date

import asyncpg

from rls.attacks import NO_RLS, Attack, reads, writes

OTHERS = "00000000-0000-4000-8000-0000000000a1"
OWN = "00000000-0000-4000-8000-0000000000a2"
DRAFT = "00000000-0000-4000-8000-0000000000a3"

KEYS = {slug: slug.encode().ljust(32, b".") for slug in ("kent", "essex", "norfolk")}
ESSEX_KEY = hashlib.sha256(KEYS["essex"]).hexdigest()
KENT_KEY = hashlib.sha256(KEYS["kent"]).hexdigest()
ZEROS = "decode(repeat('00', 64), 'hex')"

_SIGN = "INSERT INTO policies.signature (agreement_id, version, tenant_id, key_id, signature"
_TELL = (
    "INSERT INTO policies.agreement_event "
    "(agreement_id, version, tenant_id, username, act, reason) VALUES "
)


async def prepare_agreements(admin: asyncpg.Connection) -> None:
    """Store the keys and the agreements, through the store's own guards."""
    for slug, key in KEYS.items():
        await admin.execute(
            "INSERT INTO policies.signatory_key (tenant_id, key_id, public_key, office, "
            "valid_from) SELECT tenant_id, $2, $3, 'Office', $4 FROM tenants.tenant "
            "WHERE slug = $1",
            slug,
            hashlib.sha256(key).hexdigest(),
            key,
            date(2026, 1, 1),
        )
    for agreement, parties in {
        OTHERS: ("essex", "norfolk"),
        OWN: ("kent", "essex"),
        DRAFT: ("kent", "essex"),
    }.items():
        document = {
            "id": agreement,
            "version": 1,
            "reference": agreement[-2:],
            "title": "Secret terms",
            "parties": [{"tenant": slug} for slug in parties],
            "valid_from": "2026-01-01",
        }
        await admin.execute(
            "INSERT INTO policies.agreement (agreement_id, version, reference, title, status, "
            "document, digest) VALUES ($1, 1, $2, 'Secret terms', 'draft', $3, sha256(''))",
            agreement,
            agreement[-2:],
            json.dumps(document),
        )
        await admin.execute(
            "INSERT INTO policies.agreement_event (agreement_id, version, tenant_id, username, "
            "act, reason) SELECT $1, 1, tenant_id, 'amo.admin', 'proposed', 'Secret reason' "
            "FROM tenants.tenant WHERE slug = 'amo'",
            agreement,
        )
        if agreement != DRAFT:
            await admin.execute(
                "UPDATE policies.agreement SET status = 'out_for_signature' "
                "WHERE agreement_id = $1",
                agreement,
            )
    await admin.execute(
        f"{_SIGN}) SELECT '{OTHERS}', 1, k.tenant_id, k.key_id, {ZEROS} "
        "FROM policies.signatory_key AS k JOIN tenants.tenant AS t USING (tenant_id) "
        "WHERE t.slug IN ('essex', 'norfolk')"
    )


AGREEMENTS = [
    *(
        Attack(
            f"reads another's row of policies.{table}",
            "agreements are their parties'",
            reads(f"SELECT 1 FROM policies.{table} WHERE {condition}"),
            NO_RLS.format(f"policies.{table}"),
        )
        for table, condition in {
            "agreement": f"agreement_id = '{OTHERS}'",
            "signature": f"agreement_id = '{OTHERS}'",
            "agreement_event": f"agreement_id = '{OTHERS}'",
            "signatory_key": f"key_id = '{ESSEX_KEY}'",
        }.items()
    ),
    Attack(
        "signs for Essex",
        "a tenant signs for itself alone",
        writes(f"{_SIGN}) VALUES ('{OWN}', 1, {{essex}}, '{ESSEX_KEY}', {ZEROS})"),
        NO_RLS.format("policies.signature"),
    ),
    Attack(
        "signs at a moment of its choice",
        "the moment of a signature is the store's clock",
        writes(
            f"{_SIGN}, signed_at) VALUES ('{OWN}', 1, {{kent}}, '{KENT_KEY}', {ZEROS}, "
            "now() - interval '1 day')"
        ),
        "GRANT INSERT (signed_at) ON policies.signature TO athena_force",
    ),
    Attack(
        "signs what wasn't sent out",
        "only what is out for signature is signed",
        writes(f"{_SIGN}) VALUES ('{DRAFT}', 1, {{kent}}, '{KENT_KEY}', {ZEROS})"),
        "DROP TRIGGER guard_signature ON policies.signature",
    ),
    Attack(
        "signs what it isn't party to",
        "a party alone signs",
        writes(f"{_SIGN}) VALUES ('{OTHERS}', 1, {{kent}}, '{KENT_KEY}', {ZEROS})"),
        f"{NO_RLS.format('policies.signature')}; "
        "DROP TRIGGER guard_signature ON policies.signature",
    ),
    Attack(
        "takes Essex's signature away",
        "a signature stays",
        writes(f"DELETE FROM policies.signature WHERE agreement_id = '{OTHERS}'"),
        f"GRANT DELETE ON policies.signature TO athena_force; "
        f"{NO_RLS.format('policies.signature')}; "
        "DROP TRIGGER guard_signature ON policies.signature",
    ),
    Attack(
        "registers a key for Essex",
        "the client body registers keys",
        writes(
            "INSERT INTO policies.signatory_key (tenant_id, key_id, public_key, office, "
            "valid_from) SELECT {essex}, encode(sha256(k), 'hex'), k, 'x', '2026-01-01' "
            "FROM (SELECT decode(repeat('01', 32), 'hex')) AS new (k)"
        ),
        "GRANT INSERT ON policies.signatory_key TO athena_force; "
        f"{NO_RLS.format('policies.signatory_key')}",
    ),
    Attack(
        "revokes Essex's key",
        "the client body revokes keys",
        writes(
            "UPDATE policies.signatory_key SET revoked_from = now(), revoked_reason = 'xxx' "
            f"WHERE key_id = '{ESSEX_KEY}'"
        ),
        "GRANT UPDATE ON policies.signatory_key TO athena_force; "
        f"{NO_RLS.format('policies.signatory_key')}",
    ),
    Attack(
        "ends an agreement that it is party to",
        "the client body moves agreements",
        writes(f"UPDATE policies.agreement SET status = 'terminated' WHERE agreement_id = '{OWN}'"),
        "GRANT UPDATE ON policies.agreement TO athena_force; "
        "GRANT EXECUTE ON FUNCTION policies.missing_parties TO athena_force; "
        f"{NO_RLS.format('policies.agreement')}",
    ),
    Attack(
        "widens an agreement that it is party to",
        "a version is immutable",
        writes(
            "UPDATE policies.agreement SET document = document || '{{\"onward_sharing\": true}}' "
            f"WHERE agreement_id = '{OWN}'"
        ),
        "GRANT UPDATE ON policies.agreement TO athena_force; "
        f"{NO_RLS.format('policies.agreement')}; "
        "DROP TRIGGER guard_agreement ON policies.agreement",
    ),
    Attack(
        "brings an agreement into force that nobody signed",
        "every party signs first",
        reads(f"SELECT 1 WHERE policies.enter_into_force('{OWN}', 1, 'x')"),
        "DROP TRIGGER guard_agreement ON policies.agreement",
    ),
    Attack(
        "brings others' agreement into force",
        "a party or the client body does that",
        reads(f"SELECT 1 WHERE policies.enter_into_force('{OTHERS}', 1, 'x')"),
        """
        DO $remove$ DECLARE whole text := pg_get_functiondef(
            'policies.enter_into_force(uuid, integer, text)'::regprocedure); BEGIN
            IF position('(session_user = ' IN whole) = 0 THEN
                RAISE EXCEPTION 'the condition to remove is not there: %', whole;
            END IF;
            EXECUTE replace(whole, '(session_user = ', '(true OR session_user = ');
        END $remove$;
        """,
    ),
    Attack(
        "tells a step as Essex",
        "a tenant tells its own steps",
        writes(f"{_TELL} ('{OWN}', 1, {{essex}}, 'signatory.essex', 'signed', 'I did it')"),
        NO_RLS.format("policies.agreement_event"),
    ),
    Attack(
        "tells that an agreement ended",
        "a party tells that it signed, and nothing else",
        writes(f"{_TELL} ('{OWN}', 1, {{kent}}, 'x', 'terminated', 'It is over')"),
        NO_RLS.format("policies.agreement_event"),
    ),
    Attack(
        "rewrites an agreement's history",
        "steps are append-only",
        writes("UPDATE policies.agreement_event SET reason = 'another'"),
        "GRANT UPDATE ON policies.agreement_event TO athena_force; "
        f"{NO_RLS.format('policies.agreement_event')}; "
        "DROP TRIGGER guard_event ON policies.agreement_event",
    ),
]
