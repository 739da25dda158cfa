"""What Kent's login tries to become or to create: another role, or an object of its own.

Roles belong to the whole server, so an attack on a membership is proved by a stand-in: a login
made as a force's login is made, which gets the membership that Kent's login lacks.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from uuid import uuid4

import asyncpg

from rls.attacks import Attack, Steps, reads, writes
from support.world import World, open_consultation


@dataclass(frozen=True)
class RoleAttack:
    """An attempt that a role's membership or attribute would let succeed, and that gift."""

    name: str
    steps: Steps
    gift: str


def becomes(role: str) -> Steps:
    """Return steps that succeed when SET ROLE makes the session another role."""

    async def steps(connection: asyncpg.Connection, world: World) -> bool:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL ROLE {role}")
            return bool(await connection.fetchval("SELECT current_user = $1", role))

    return steps


async def becomes_owner(connection: asyncpg.Connection, world: World) -> bool:
    """Become the owner, take the policies away, and read a closed nominal."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute("SET LOCAL ROLE athena_owner")
        await connection.execute("ALTER TABLE records.nominal DISABLE ROW LEVEL SECURITY")
        return bool(
            await connection.fetch(
                "SELECT 1 FROM records.nominal WHERE nominal_id = $1", world.nominals["closed"]
            )
        )
    finally:
        await transaction.rollback()


async def becomes_policy_writer(connection: asyncpg.Connection, world: World) -> bool:
    """Become the policy writer and store a grant of everything for oneself."""
    async with connection.transaction():
        await connection.execute("SET LOCAL ROLE athena_policy_writer")
        grant = await connection.fetchval(
            "SELECT ctx.store_grant_set(session_user, $1, $2, 'x', '{}', 'x', $2, "
            "(SELECT revision FROM ctx.policy_versions()), 0, 900, $3)",
            world.kent,
            uuid4(),
            json.dumps({"summary": list(world.labels.values())}),
        )
        return grant is not None


async def authenticates_as_essex(connection: asyncpg.Connection, world: World) -> bool:
    """Become Essex's login for the whole session, and read a closed nominal."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute("SET LOCAL SESSION AUTHORIZATION athena_essex")
        await open_consultation(connection, world.grants["essex"])
        return bool(
            await connection.fetch(
                "SELECT 1 FROM records.nominal WHERE nominal_id = $1", world.nominals["closed"]
            )
        )
    finally:
        await transaction.rollback()


async def reads_as_every_force(connection: asyncpg.Connection, world: World) -> bool:
    """Become the role that every force's login has, and read without a consultation."""
    async with connection.transaction():
        await connection.execute("SET LOCAL ROLE athena_force")
        return bool(await connection.fetch("SELECT 1 FROM records.nominal"))


async def overhears(connection: asyncpg.Connection, world: World) -> bool:
    """Read what Essex is asking at this moment."""
    essex = await world.as_login("athena_essex")
    try:
        await essex.execute("SELECT 'a secret question'")
        return bool(
            await connection.fetch(
                "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() "
                "AND usename = 'athena_essex' AND query LIKE '%secret question%'"
            )
        )
    finally:
        await essex.close()


BECOMING = [
    RoleAttack("overhears another force's questions", overhears, "GRANT pg_read_all_stats TO {0}"),
    RoleAttack("becomes another force", becomes("athena_essex"), "GRANT athena_essex TO {0}"),
    RoleAttack("becomes the owner", becomes_owner, "GRANT athena_owner TO {0}"),
    RoleAttack(
        "becomes the policy writer", becomes_policy_writer, "GRANT athena_policy_writer TO {0}"
    ),
    RoleAttack(
        "authenticates as another force", authenticates_as_essex, "ALTER ROLE {0} SUPERUSER"
    ),
    RoleAttack(
        "is a member of another role",
        reads(
            "SELECT 1 FROM pg_roles WHERE pg_has_role(session_user, oid, 'MEMBER') "
            "AND rolname NOT IN (session_user, 'athena_force')",
            consulting=False,
        ),
        "GRANT athena_essex TO {0}",
    ),
]

_SCHEMAS = ("audit", "ctx", "names", "policies", "public", "records", "sharing", "tenants", "work")


async def stores_unseen(connection: asyncpg.Connection, world: World) -> bool:
    """Write a large object, without an event, and give it to another force."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        number = await connection.fetchval("SELECT lo_from_bytea(0, 'unseen')")
        await connection.execute(f"GRANT SELECT ON LARGE OBJECT {number} TO athena_essex")
        return True
    finally:
        await transaction.rollback()


CREATING = [
    Attack(
        "hands over data in a large object",
        "no login may make a large object",
        stores_unseen,
        "GRANT EXECUTE ON FUNCTION lo_from_bytea(oid, bytea) TO athena_force",
    ),
    Attack(
        "reads as the role of every force",
        "policies ask who authenticated, never the current role",
        reads_as_every_force,
        "CREATE POLICY by_role ON records.nominal FOR SELECT TO athena_force "
        "USING (current_user = 'athena_force')",
    ),
    *(
        Attack(
            f"creates a function in {schema}",
            "no login may create in a schema",
            writes(f"CREATE FUNCTION {schema}.mine() RETURNS integer RETURN 1"),
            f"GRANT USAGE, CREATE ON SCHEMA {schema} TO athena_force",
        )
        for schema in _SCHEMAS
    ),
    Attack(
        "creates a view",
        "no login may create in a schema",
        writes("CREATE VIEW records.mine AS SELECT * FROM records.nominal"),
        "GRANT CREATE ON SCHEMA records TO athena_force",
    ),
    Attack(
        "creates a schema",
        "no login may create in the database",
        writes("CREATE SCHEMA mine"),
        "DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO athena_force', "
        "current_database()); END $$",
    ),
    Attack(
        "creates a temporary table",
        "no login may create temporary objects",
        writes("CREATE TEMPORARY TABLE mine AS SELECT 1 AS one"),
        "DO $$ BEGIN EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO athena_force', "
        "current_database()); END $$",
    ),
    Attack(
        "hangs a trigger on a record table",
        "no login may add triggers",
        writes(
            "CREATE TRIGGER mine BEFORE UPDATE ON records.nominal FOR EACH ROW "
            "EXECUTE FUNCTION suppress_redundant_updates_trigger()"
        ),
        "GRANT TRIGGER ON records.nominal TO athena_force",
    ),
]
