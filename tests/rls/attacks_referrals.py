"""What is tried on referrals: by a force's login, and by the partners' own."""

from __future__ import annotations

import asyncpg

from rls.attacks import NO_RLS, Attack, Steps, reads, writes
from rls.attacks_partners import calls
from rls.prepared_partners import CLINIC, SHELTER, identity
from support.world import World

_OWN = "owner_force = (SELECT ctx.session_tenant())"
_OPEN = f"{NO_RLS.format('sharing.referral')}; ALTER TABLE sharing.referral DISABLE TRIGGER USER"


def _refers(partner: int) -> str:
    return (
        "INSERT INTO sharing.referral (owner_force, referral_id, partner_id, agreement_id, "
        "nominal_id, disclosure_id, officer_event, kind, purpose, sent_by, sent_fields, clock, "
        "due_at) SELECT d.owner_force, gen_random_uuid(), "
        f"{partner}, '{identity(partner)}', d.nominal_id, d.disclosure_id, gen_random_uuid(), "
        "'victim_support', 'safeguarding', gen_random_uuid(), d.fields, 'working_days:2', now() "
        "FROM sharing.disclosure AS d LIMIT 1"
    )


def _as_client_body(statement: str) -> Steps:
    async def steps(connection: asyncpg.Connection, world: World) -> bool:
        del connection  # a force's: the client body's is opened instead
        own = await world.as_login("athena_amo")
        try:
            return bool(await own.fetch(statement))
        finally:
            await own.close()

    return steps


_WITHDRAWS = (
    "UPDATE sharing.referral SET state = 'withdrawn', withdrawn_because = 'wrong_person' "
    "WHERE owner_force = {force}"
)

REFERRALS = [
    Attack(
        "reads Essex's referrals",
        "what a force refers is its own",
        reads("SELECT 1 FROM sharing.referral WHERE owner_force = {essex}"),
        NO_RLS.format("sharing.referral"),
    ),
    Attack(
        "reads referrals without a consultation",
        "a transaction without an event sees no referral",
        reads("SELECT 1 FROM sharing.referral", consulting=False),
        f"ALTER POLICY officers_read ON sharing.referral USING ({_OWN})",
    ),
    Attack(
        "withdraws a referral of Essex's",
        "what a force refers is its own to withdraw",
        writes(_WITHDRAWS.format(force="{essex}")),
        _OPEN,
    ),
    Attack(
        "withdraws what was declined",
        "a referral that is over stays so",
        writes(_WITHDRAWS.format(force="{kent}")),
        "DROP TRIGGER move_referral ON sharing.referral",
    ),
    Attack(
        "escalates before the time is over",
        "the delivering process alone escalates",
        reads("SELECT 1 FROM sharing.escalate_referral(1::smallint, gen_random_uuid())"),
        "GRANT EXECUTE ON FUNCTION sharing.escalate_referral(smallint, uuid) TO athena_force",
    ),
    Attack(
        "tells the client body before the time is over",
        "the delivering process alone escalates",
        reads("SELECT 1 FROM sharing.put_referral_to_client_body(1::smallint, gen_random_uuid())"),
        "GRANT EXECUTE ON FUNCTION sharing.put_referral_to_client_body(smallint, uuid) "
        "TO athena_force",
    ),
    Attack(
        "the client body reads of whom a late referral is",
        "the client body is told whose a referral is, never of whom",
        _as_client_body("SELECT nominal_id FROM sharing.referral"),
        "GRANT SELECT (nominal_id) ON sharing.referral TO athena_amo",
    ),
    Attack(
        "the client body reads a referral that isn't late",
        "the client body is told of what stays unanswered, and of nothing else",
        _as_client_body("SELECT 1 FROM sharing.referral WHERE client_body_at IS NULL"),
        "ALTER POLICY client_body_watches ON sharing.referral USING (true); "
        "ALTER TABLE sharing.referral DISABLE TRIGGER USER; "
        "UPDATE sharing.referral SET client_body_at = NULL",
    ),
    Attack(
        "a call reads another partner's referral",
        "a call runs for one partner, and is shown that one's rows",
        calls(f"SELECT 1 FROM sharing.referral WHERE partner_id = {SHELTER}"),
        NO_RLS.format("sharing.referral"),
    ),
    Attack(
        "a call of nobody reads referrals",
        "a transaction that doesn't say for whom it runs is shown nothing",
        calls("SELECT 1 FROM sharing.referral", None),
        NO_RLS.format("sharing.referral"),
    ),
    Attack(
        "a call answers another partner's referral",
        "a referral is answered by whom it was sent to",
        calls(
            "UPDATE sharing.referral SET state = 'acknowledged' "
            f"WHERE partner_id = {SHELTER} RETURNING 1",
            CLINIC,
        ),
        _OPEN,
    ),
    Attack(
        "a call answers what it declined",
        "a referral that is over stays so",
        calls(
            "UPDATE sharing.referral SET state = 'acknowledged' "
            f"WHERE partner_id = {SHELTER} RETURNING 1",
            SHELTER,
        ),
        "DROP TRIGGER move_referral ON sharing.referral",
    ),
    Attack(
        "a call makes up a referral that no officer made",
        "a referral stands on an officer's event of this minute",
        calls(f"{_refers(SHELTER)} RETURNING 1", SHELTER),
        "ALTER TABLE sharing.referral DISABLE TRIGGER USER",
    ),
]
