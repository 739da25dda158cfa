"""What Kent's login tries with sessions that outlive a transaction, and by other ways to rows."""

from __future__ import annotations

import asyncio

import asyncpg

from rls.attacks import WITHOUT_AN_EVENT, Attack, Steps, reads, writes
from support.waiting import PATIENCE
from support.world import World, open_consultation

SCHEMAS = (
    "n.nspname IN ('audit', 'ctx', 'names', 'policies', 'public', 'records', 'sharing', 'tenants')"
)


async def setting_left_behind(connection: asyncpg.Connection, world: World) -> bool:
    """Set for the whole session, as a pooler leaves it to the next user, and read later."""
    async with connection.transaction():
        for name in ("tenant", "force", "login", "grant_set", "consultation", "member"):
            await connection.execute(
                "SELECT set_config($1, $2, false)", f"athena.{name}", str(world.grants["essex"])
            )
    async with connection.transaction():
        return bool(await connection.fetch("SELECT 1 FROM records.nominal"))


async def cancelled_and_reused(connection: asyncpg.Connection, world: World) -> bool:
    """Cancel a statement in a transaction that consults, roll back, and read on the connection."""
    cancelled = False
    process = await connection.fetchval("SELECT pg_backend_pid()")
    other = await world.as_login("athena_kent")
    transaction = connection.transaction()
    await transaction.start()
    try:
        await open_consultation(connection, world.grants["kent"])
        sleeping = asyncio.ensure_future(connection.execute("SELECT pg_sleep(60)"))
        async with asyncio.timeout(PATIENCE):
            while not await other.fetchval(
                "SELECT pg_cancel_backend(pid) FROM pg_stat_activity "
                "WHERE pid = $1 AND state = 'active' AND wait_event = 'PgSleep'",
                process,
            ):
                pass
        try:
            await sleeping
        except asyncpg.QueryCanceledError:
            cancelled = True
    finally:
        await transaction.rollback()
        await other.close()
    async with connection.transaction():
        seen = await connection.fetch("SELECT 1 FROM records.nominal")
        return cancelled and bool(seen)


async def consultation_after_its_end(connection: asyncpg.Connection, world: World) -> bool:
    """Prepare a query under a consultation and run the prepared statement in the next one."""
    async with connection.transaction():
        await open_consultation(connection, world.grants["kent"])
        prepared = await connection.prepare("SELECT 1 FROM records.nominal")
        assert await prepared.fetch()
    async with connection.transaction():
        return bool(await prepared.fetch())


def finds(kinds: str, column: str = "nominal_id") -> Steps:
    """Return steps that read a closed nominal from every relation of some kinds that there is."""

    async def steps(connection: asyncpg.Connection, world: World) -> bool:
        relations = await connection.fetch(
            "SELECT c.oid::regclass::text FROM pg_class AS c JOIN pg_namespace AS n "
            f"ON n.oid = c.relnamespace WHERE {SCHEMAS} AND {kinds}"
        )
        async with connection.transaction():
            await open_consultation(connection, world.grants["kent"])
            for (relation,) in relations:
                if await connection.fetch(
                    f"SELECT 1 FROM {relation} WHERE {column} = $1", world.nominals["closed"]
                ):
                    return True
        return False

    return steps


async def counts_by_sequence(connection: asyncpg.Connection, world: World) -> bool:
    """Read how far any sequence is, and so how much others have done."""
    sequences = await connection.fetch(
        "SELECT c.oid::regclass::text FROM pg_class AS c JOIN pg_namespace AS n "
        f"ON n.oid = c.relnamespace WHERE {SCHEMAS} AND c.relkind = 'S'"
    )
    for (sequence,) in sequences:
        await connection.fetchval(f"SELECT last_value FROM {sequence}")
    return bool(sequences)


SESSIONS = [
    Attack(
        "leaves a setting to the next transaction",
        "policies trust the login, never a setting",
        setting_left_behind,
        "CREATE POLICY by_setting ON records.nominal FOR SELECT TO athena_force "
        "USING (current_setting('athena.grant_set', true) <> '')",
    ),
    Attack(
        "reads on a connection whose consultation was cancelled",
        "a consultation that was rolled back counts no more",
        cancelled_and_reused,
        WITHOUT_AN_EVENT,
    ),
    Attack(
        "runs a statement that it prepared while consulting",
        "policies are asked at every execution, not when a plan is made",
        consultation_after_its_end,
        WITHOUT_AN_EVENT,
    ),
    Attack(
        "reads through a view with its owner's rights",
        "there is no view that runs with its owner's rights",
        finds("c.relkind = 'v' AND c.reloptions IS DISTINCT FROM '{security_invoker=true}'"),
        "CREATE VIEW records.everybody AS SELECT * FROM records.nominal; "
        "GRANT SELECT ON records.everybody TO athena_force",
    ),
    Attack(
        "reads a materialised view",
        "there is no materialised view: no policy can stand on one",
        finds("c.relkind = 'm'"),
        "CREATE MATERIALIZED VIEW records.kept AS SELECT * FROM records.nominal; "
        "GRANT SELECT ON records.kept TO athena_force",
    ),
    Attack(
        "reads a child table directly",
        "no table of records has a child table: a parent's policies don't stand on it",
        finds("EXISTS (SELECT FROM pg_inherits WHERE inhrelid = c.oid) AND NOT c.relispartition"),
        "CREATE TABLE records.nominal_old () INHERITS (records.nominal); "
        "INSERT INTO records.nominal_old SELECT * FROM records.nominal; "
        "GRANT SELECT ON records.nominal_old TO athena_force",
    ),
    Attack(
        "counts what others do by a sequence",
        "there is no sequence: ids are random",
        counts_by_sequence,
        "CREATE SEQUENCE records.counter; GRANT SELECT ON records.counter TO athena_force",
    ),
    Attack(
        "reads a file of the server",
        "no login may read the server's files",
        reads("SELECT 1 WHERE pg_read_file('PG_VERSION') <> ''"),
        "GRANT EXECUTE ON FUNCTION pg_read_file(text) TO athena_force",
    ),
    Attack(
        "merges into another force's nominal that it sees",
        "changes are for the owner's login",
        writes(
            "MERGE INTO records.nominal AS n USING (SELECT '{open}'::uuid AS id) AS w "
            "ON n.owner_force = {essex} AND n.nominal_id = w.id "
            "WHEN MATCHED THEN UPDATE SET sex = 'F'"
        ),
        "ALTER POLICY change_own ON records.nominal USING (true) WITH CHECK (true); "
        "ALTER POLICY keep ON records.history WITH CHECK (true); "
        "ALTER POLICY still_there ON records.nominal USING (true); "
        "ALTER POLICY feed ON records.change WITH CHECK (true)",
    ),
]
