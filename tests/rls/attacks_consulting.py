"""What Kent's login tries without a consultation, or with one that doesn't count."""

from __future__ import annotations

import json
from uuid import uuid4

import asyncpg

from rls.attacks import (
    APPEND,
    OPEN,
    WITHOUT_AN_EVENT,
    Attack,
    Steps,
    reads,
    without,
    without_in_view,
)
from support.world import World, name_consultation, open_consultation


async def earlier_consultation(connection: asyncpg.Connection, world: World) -> bool:
    """Open a consultation, commit, and name it in the next transaction, as on a standby."""
    async with connection.transaction():
        await open_consultation(connection, world.grants["kent"])
        xid = await connection.fetchval("SELECT pg_current_xact_id()::text")
    async with connection.transaction():
        await name_consultation(connection, xid, world.grants["kent"])
        return bool(await connection.fetch("SELECT 1 FROM records.nominal"))


async def consultation_of_another_session(connection: asyncpg.Connection, world: World) -> bool:
    """Read while another session of the same login has an open consultation."""
    other = await world.as_login("athena_kent")
    try:
        async with other.transaction():
            await open_consultation(other, world.grants["kent"])
            async with connection.transaction():
                return bool(await connection.fetch("SELECT 1 FROM records.nominal"))
    finally:
        await other.close()


async def rolled_back_savepoint(connection: asyncpg.Connection, world: World) -> bool:
    """Open a consultation in a savepoint, roll that back, and read on."""
    async with connection.transaction():
        await connection.execute("SAVEPOINT before")
        await open_consultation(connection, world.grants["kent"])
        await connection.execute("ROLLBACK TO SAVEPOINT before")
        return bool(await connection.fetch("SELECT 1 FROM records.nominal"))


async def forged_settings(connection: asyncpg.Connection, world: World) -> bool:
    """Set every setting that a policy could be tempted to trust."""
    async with connection.transaction():
        for name in ("tenant", "force", "login", "grant_set", "consultation", "member"):
            await connection.execute(
                "SELECT set_config($1, $2, true)", f"athena.{name}", str(world.grants["essex"])
            )
        return bool(await connection.fetch("SELECT 1 FROM records.nominal"))


async def foreign_grant_set(connection: asyncpg.Connection, world: World) -> bool:
    """Open a consultation under Essex's grant set."""
    async with connection.transaction():
        await open_consultation(connection, world.grants["essex"])
        return bool(
            await connection.fetch(
                "SELECT 1 FROM records.nominal WHERE nominal_id = $1", world.nominals["closed"]
            )
        )


async def refusal_opens_visibility(connection: asyncpg.Connection, world: World) -> bool:
    """Log a refusal and read under it."""
    async with connection.transaction():
        await connection.execute(
            "SELECT audit.refuse('attack', $1, 'kent', '{officer}', 'investigation', 'x', '{}', "
            "'[]')",
            uuid4(),
        )
        return bool(await connection.fetch("SELECT 1 FROM records.nominal"))


async def notes_its_own_consultation(connection: asyncpg.Connection, world: World) -> bool:
    """Note an open consultation by itself, without an event, and read."""
    async with connection.transaction():
        await connection.execute(
            "INSERT INTO ctx.consultation VALUES (pg_current_xact_id(), now(), session_user, $1)",
            world.grants["kent"],
        )
        return bool(await connection.fetch("SELECT 1 FROM records.nominal"))


def logs_under(grant: str) -> Steps:
    """Return steps that succeed when the log takes an event under a grant set."""

    async def steps(connection: asyncpg.Connection, world: World) -> bool:
        async with connection.transaction():
            await open_consultation(connection, world.grants[grant])
            return True

    return steps


async def reads_on_after_a_change(connection: asyncpg.Connection, world: World) -> bool:
    """Open a consultation, let the policy change, and read on in the same transaction."""
    admin = await world.cluster.admin(world.database)
    raised = False
    try:
        async with connection.transaction():
            await open_consultation(connection, world.grants["kent"])
            assert await connection.fetch("SELECT 1 FROM records.nominal")
            await admin.execute("UPDATE ctx.policy_state SET revision = revision + 1")
            raised = True
            return bool(await connection.fetch("SELECT 1 FROM records.nominal"))
    finally:
        if raised:
            await admin.execute("UPDATE ctx.policy_state SET revision = revision - 1")
        await admin.close()


WITHOUT_CONSULTATION = [
    Attack(
        f"reads {table} without a consultation",
        "a transaction without an event sees no label",
        reads(f"SELECT 1 FROM records.{table}", consulting=False),
        WITHOUT_AN_EVENT,
    )
    for table in (
        "nominal",
        "nominal_name",
        "name_key",
        "identifier",
        "contact",
        "address",
        "location",
        "description",
        "marker",
        "assessment",
        "involvement",
        "record",
        "history",
        "change",
        "source_reference",
    )
]


async def outlives_its_grant(connection: asyncpg.Connection, world: World) -> bool:
    """Hold a transaction open past the expiry of its grant set, and read what's new."""
    writer = await world.as_login("athena_policy_writer")
    try:
        grant = await writer.fetchval(
            "SELECT ctx.store_grant_set('athena_kent', $1, $2, 'x', '{}', 'x', $2, "
            "(SELECT revision FROM ctx.policy_versions()), 0, 3, $3)",
            world.kent,
            uuid4(),
            json.dumps({"summary": [world.labels["open"]]}),
        )
    finally:
        await writer.close()
    async with connection.transaction():
        await open_consultation(connection, grant)
        await connection.execute("SELECT pg_sleep(3.1)")
        return bool(await connection.fetch("SELECT 1 FROM records.nominal"))


CONSULTING = [
    Attack(
        "reads in the transaction after a consultation",
        "a consultation counts in its own transaction only",
        earlier_consultation,
        without_in_view(OPEN, "c.at = now()")
        + without_in_view(OPEN, "c.xid = pg_current_xact_id_if_assigned()"),
    ),
    Attack(
        "reads beside another session's consultation",
        "a consultation counts in its own transaction only",
        consultation_of_another_session,
        WITHOUT_AN_EVENT,
    ),
    Attack(
        "reads after rolling its consultation back",
        "the event must be there when rows are read",
        rolled_back_savepoint,
        WITHOUT_AN_EVENT,
    ),
    Attack(
        "notes a consultation without an event",
        "only the log notes that a consultation is open, beside its event",
        notes_its_own_consultation,
        "GRANT INSERT ON ctx.consultation TO athena_force; "
        "CREATE POLICY anybody ON ctx.consultation FOR INSERT TO athena_force WITH CHECK (true)",
    ),
    Attack(
        "forges settings",
        "policies trust the login, never a setting",
        forged_settings,
        "CREATE POLICY by_setting ON records.nominal FOR SELECT TO athena_force "
        "USING (current_setting('athena.grant_set', true) IS NOT NULL)",
    ),
    Attack(
        "uses another force's grant set",
        "a grant set is bound to its login",
        foreign_grant_set,
        without(APPEND, "login = session_user")
        + without_in_view(OPEN, "g.login = SESSION_USER")
        + "ALTER POLICY own_grant_sets ON ctx.grant_set USING (true)",
    ),
    Attack(
        "reads under a logged refusal",
        "only an event under a grant set opens anything",
        refusal_opens_visibility,
        WITHOUT_AN_EVENT,
    ),
    Attack(
        "logs an event under an expired grant set",
        "the log takes no event under an expired grant set",
        logs_under("expired"),
        without(APPEND, "expires_at > clock_timestamp()"),
    ),
    Attack(
        "logs an event under a stale grant set",
        "the log takes no event under a grant set of an older policy",
        logs_under("stale"),
        without(APPEND, "v_grant.policy_revision <> v_state.revision", "false"),
    ),
    Attack(
        "logs an event without a reason",
        "the log takes no event on records without a reason",
        reads(
            "SELECT audit.append('{kent_grant}', 'consultation', 'x', ' ', '{{}}', '[]')",
            consulting=False,
        ),
        without(APPEND, "length(btrim(coalesce(p_reason, ''''))) = 0", "false"),
    ),
    Attack(
        "logs its reading as administration",
        "only events on records stand under a grant set",
        reads(
            "SELECT audit.append('{kent_grant}', 'administration', 'x', 'x', '{{}}', '[]')",
            consulting=False,
        ),
        without(APPEND, "p_kind IN (''refusal'', ''administration'')", "false"),
    ),
    Attack(
        "reads on after the policy changed",
        "a consultation ends with the policy that allowed it",
        reads_on_after_a_change,
        without_in_view(OPEN, "g.policy_revision = ", "g.policy_revision <= "),
    ),
    Attack(
        "reads on after its grant set expired",
        "expiry is judged by the clock, not by when the transaction began",
        outlives_its_grant,
        without_in_view(OPEN, "clock_timestamp()", "now()"),
    ),
]
