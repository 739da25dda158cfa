"""What Kent's login tries with what explains and counts: decisions, labels and policies."""

from __future__ import annotations

import asyncpg

from rls.attacks import NO_RLS, Attack, Steps, reads, without
from support.world import World, open_consultation

OWN_DECISION = "audit.own_decision(uuid)"
LABEL_OF = "records.label_of(uuid)"


def asks_about(grant: str, *, consulting: bool = True) -> Steps:
    """Return steps that succeed when a decision is told of that a grant set was relied on."""

    async def steps(connection: asyncpg.Connection, world: World) -> bool:
        admin = await world.cluster.admin(world.database)
        try:
            decision = await admin.fetchval(
                "SELECT decision_id FROM ctx.grant_set WHERE grant_set_id = $1",
                world.grants[grant],
            )
        finally:
            await admin.close()
        async with connection.transaction():
            if consulting:
                await open_consultation(connection, world.grants["kent"])
            return bool(await connection.fetch("SELECT * FROM audit.own_decision($1)", decision))

    return steps


FORESEEING = [
    Attack(
        "asks about a colleague's decision",
        "a decision is told to the member who relied on it",
        asks_about("colleague"),
        without(OWN_DECISION, "e.member_id = ctx.session_member()"),
    ),
    Attack(
        "asks about another force's decision",
        "a decision is told inside its force only",
        asks_about("essex"),
        without(OWN_DECISION, "e.tenant_id = ctx.session_tenant()")
        + without(OWN_DECISION, "e.member_id = ctx.session_member()")
        + "ALTER POLICY explaining ON audit.event USING (true)",
    ),
    Attack(
        "asks about a decision without a consultation",
        "who asks about a decision has logged it",
        asks_about("kent", consulting=False),
        without(OWN_DECISION, "ctx.open_grant_set() IS NOT NULL")
        + without(OWN_DECISION, "e.member_id = ctx.session_member()"),
    ),
    Attack(
        "looks up the label of a closed nominal",
        "only oversight looks up a label",
        reads("SELECT 1 FROM records.label_of('{closed}')"),
        f"GRANT EXECUTE ON FUNCTION {LABEL_OF} TO athena_force; "
        "ALTER POLICY explaining ON records.nominal USING (true)",
    ),
    Attack(
        "counts nominals by label",
        "only the counter counts",
        reads("SELECT 1 FROM records.count_by_label()"),
        "GRANT EXECUTE ON FUNCTION records.count_by_label() TO athena_force; "
        "ALTER POLICY counting ON records.nominal USING (true)",
    ),
    Attack(
        "counts consultations by decision",
        "only the counter counts",
        reads("SELECT 1 FROM audit.count_decisions(10)"),
        "GRANT EXECUTE ON FUNCTION audit.count_decisions(integer) TO athena_force; "
        "ALTER POLICY counting ON audit.event USING (true)",
    ),
    Attack(
        "reads the archived policies",
        "force logins are granted nothing there",
        reads("SELECT count(*) FROM policies.bundle"),
        "GRANT USAGE ON SCHEMA policies TO athena_force; "
        f"GRANT SELECT ON policies.bundle TO athena_force; {NO_RLS.format('policies.bundle')}",
    ),
]
