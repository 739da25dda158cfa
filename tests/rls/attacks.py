"""What Kent's login tries, and the one defence that each attempt tests.

An attack returns True when it read or wrote something outside Kent's grants, or anything at all
without a consultation. ``remove`` is run by a superuser in a scratch database: an attack that
doesn't succeed then has proved nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import uuid4

import asyncpg

from support.world import GIVEN_TERM, GROUPS, SURNAME_TERM, World, open_consultation

Steps = Callable[[asyncpg.Connection, World], Awaitable[bool]]

TABLE_OF_GROUP = {
    "assessments": "assessment",
    "contacts": "contact",
    "descriptions": "description",
    "identifiers": "identifier",
    "involvements": "involvement",
    "markers": "marker",
}
NO_RLS = "ALTER TABLE {0} DISABLE ROW LEVEL SECURITY"
OPEN_LABELS = """
    CREATE OR REPLACE FUNCTION ctx.visible_labels(p_scope text) RETURNS smallint[]
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    RETURN ARRAY[{0}]::smallint[]
"""


@dataclass(frozen=True)
class Attack:
    """An attempt, the defence it tests, and the SQL that takes that defence away."""

    name: str
    defence: str
    steps: Steps
    remove: str


def reads(statement: str, *, consulting: bool = True) -> Steps:
    """Return steps that succeed when a query gives a row."""

    async def steps(connection: asyncpg.Connection, world: World) -> bool:
        async with connection.transaction():
            if consulting:
                await open_consultation(connection, world.grants["kent"])
            return bool(await connection.fetch(fill(statement, world)))

    return steps


def writes(statement: str, kind: str | None = "alteration") -> Steps:
    """Return steps that succeed when a statement touches a row."""

    async def steps(connection: asyncpg.Connection, world: World) -> bool:
        async with connection.transaction():
            if kind is not None:
                await open_consultation(connection, world.grants["kent"], kind)
            done = await connection.execute(fill(statement, world))
            return not done.endswith(" 0")

    return steps


def fill(statement: str, world: World) -> str:
    """Put the world's ids into a statement."""
    return statement.format(
        kent=world.kent,
        essex=world.essex,
        open=world.nominals["open"],
        closed=world.nominals["closed"],
        pointer=world.nominals["pointer"],
        own=world.nominals["kent"],
        open_label=world.labels["open"],
        closed_label=world.labels["closed"],
        pointer_label=world.labels["pointer"],
        kent_label=world.labels["kent"],
        location=world.locations["closed"],
        kent_grant=world.grants["kent"],
        essex_grant=world.grants["essex"],
        new=uuid4(),
    )


async def earlier_consultation(connection: asyncpg.Connection, world: World) -> bool:
    """Open a consultation, commit, and read in the next transaction."""
    async with connection.transaction():
        await open_consultation(connection, world.grants["kent"])
    async with connection.transaction():
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


async def copies_out(connection: asyncpg.Connection, world: World) -> bool:
    """COPY a closed nominal to the client."""
    async with connection.transaction():
        await open_consultation(connection, world.grants["kent"])
        copied: list[bytes] = []

        async def take(data: bytes) -> None:
            copied.append(data)

        await connection.copy_from_query(
            f"SELECT * FROM records.nominal WHERE nominal_id = '{world.nominals['closed']}'",
            output=take,
        )
        return bool(b"".join(copied))


async def copies_in(connection: asyncpg.Connection, world: World) -> bool:
    """COPY a nominal into Essex."""
    async with connection.transaction():
        await open_consultation(connection, world.grants["kent"], "alteration")
        done = await connection.copy_records_to_table(
            "nominal",
            schema_name="records",
            columns=["owner_force", "nominal_id", "label_id"],
            records=[(world.essex, uuid4(), world.labels["open"])],
        )
        return not done.endswith(" 0")


async def reveals_existence(connection: asyncpg.Connection, world: World) -> bool:
    """Tell an existing closed nominal from one that doesn't exist by the error of a child row."""
    errors = []
    for nominal in (world.nominals["closed"], uuid4()):
        try:
            async with connection.transaction():
                await open_consultation(connection, world.grants["kent"], "alteration")
                await connection.execute(
                    "INSERT INTO records.contact (owner_force, nominal_id, row_id, label_id, kind, "
                    "value) VALUES ($1, $2, $3, $4, 'email', 'x')",
                    world.essex,
                    nominal,
                    uuid4(),
                    world.labels["closed"],
                )
            errors.append("")
        except asyncpg.PostgresError as error:
            errors.append(f"{error.sqlstate} {error}")
    return errors[0] != errors[1]


async def reveals_number(connection: asyncpg.Connection, world: World) -> bool:
    """Tell a record number of Essex that exists from one that doesn't."""
    errors = []
    for number in (f"{world.essex}/closed/1", "no such number"):
        transaction = connection.transaction()
        await transaction.start()
        try:
            await open_consultation(connection, world.grants["kent"], "alteration")
            await connection.execute(
                "INSERT INTO records.record (owner_force, record_id, record_class, "
                "record_number, label_id) VALUES ($1, $2, 'investigation', $3, $4)",
                world.kent,
                uuid4(),
                number,
                world.labels["kent"],
            )
            errors.append("")
        except asyncpg.PostgresError as error:
            errors.append(f"{error.sqlstate} {error}")
        finally:
            await transaction.rollback()
    return errors[0] != errors[1]


async def leaky_function(connection: asyncpg.Connection, world: World) -> bool:
    """See hidden rows through a function of one's own in the WHERE clause."""
    seen: list[str] = []
    connection.add_log_listener(lambda _, message: seen.append(str(message)))
    async with connection.transaction():
        await open_consultation(connection, world.grants["kent"])
        await connection.execute(
            "CREATE FUNCTION pg_temp.peek(t text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS "
            "$$ BEGIN RAISE NOTICE '%', t; RETURN true; END $$"
        )
        await connection.fetch("SELECT 1 FROM records.contact WHERE pg_temp.peek(value)")
    return any("secret-closed" in message for message in seen)


async def another_members_search(connection: asyncpg.Connection, world: World) -> bool:
    """Read a search that another member saved."""
    return await reads("SELECT 1 FROM sharing.search")(connection, world)


_CLOSED = "WHERE owner_force = {essex} AND nominal_id = '{closed}'"
_ALL_LABELS = "SELECT label_id FROM ctx.label"

WITHOUT_CONSULTATION = [
    Attack(
        f"reads {table} without a consultation",
        "a transaction without an event sees no label",
        reads(f"SELECT 1 FROM records.{table}", consulting=False),
        NO_RLS.format(f"records.{table}"),
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

UNGRANTED_GROUPS = [
    Attack(
        f"reads {group} of a nominal shown without them",
        "each group has a policy of its own",
        reads(
            f"SELECT 1 FROM records.{table} WHERE owner_force = {{essex}} "
            "AND nominal_id = '{open}'"
        ),
        f"ALTER POLICY visible ON records.{table} USING "
        "(label_id = ANY ((SELECT ctx.visible_labels('summary'))::smallint[]))",
    )
    for group, table in TABLE_OF_GROUP.items()
]

READING = [
    Attack(
        "reads in the transaction after a consultation",
        "a consultation counts in its own transaction only",
        earlier_consultation,
        """
        CREATE OR REPLACE FUNCTION ctx.open_grant_set() RETURNS uuid
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
        RETURN (SELECT e.grant_set_id FROM audit.event AS e WHERE e.login = session_user
                ORDER BY e.at DESC LIMIT 1);
        CREATE POLICY any_event ON audit.event FOR SELECT TO athena_visibility USING (true)
        """,
    ),
    Attack(
        "reads beside another session's consultation",
        "a consultation counts in its own transaction only",
        consultation_of_another_session,
        OPEN_LABELS.format(_ALL_LABELS)
        .replace("ARRAY[SELECT", "ARRAY(SELECT")
        .replace("ctx.label]", "ctx.label)")
        + "; GRANT SELECT ON ctx.label TO athena_visibility; "
        "CREATE POLICY any_label ON ctx.label FOR SELECT TO athena_visibility USING (true)",
    ),
    Attack(
        "reads after rolling its consultation back",
        "the event must be there when rows are read",
        rolled_back_savepoint,
        NO_RLS.format("records.nominal"),
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
        """
        ALTER POLICY own_grant_sets ON ctx.grant_set USING (true);
        CREATE OR REPLACE FUNCTION audit.append(
            p_grant_set uuid, p_kind text, p_action text, p_reason text, p_content jsonb,
            p_records jsonb, OUT event_id uuid, OUT label_epoch integer)
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            event_id := audit.write(p_kind, p_action, NULL, 'x', '{}', 'x', p_grant_set, NULL, 1,
                p_reason, p_content, p_records);
        END $$;
        CREATE OR REPLACE FUNCTION ctx.open_grant_set() RETURNS uuid
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
        RETURN (SELECT e.grant_set_id FROM audit.event AS e
                WHERE e.at = now() AND e.xid = pg_current_xact_id_if_assigned() LIMIT 1)
        """,
    ),
    Attack(
        "reads under a logged refusal",
        "only an event under a grant set opens anything",
        refusal_opens_visibility,
        NO_RLS.format("records.nominal"),
    ),
    Attack(
        "reads a nominal of a label it may not see",
        "a row shows only to grants of its label",
        reads(f"SELECT 1 FROM records.nominal {_CLOSED}"),
        "ALTER POLICY visible ON records.nominal USING (true)",
    ),
    Attack(
        "reads names of a closed nominal",
        "a row shows only to grants of its label",
        reads(f"SELECT 1 FROM records.nominal_name {_CLOSED}"),
        "ALTER POLICY visible ON records.nominal_name USING (true)",
    ),
    Attack(
        "reads name keys of a closed nominal",
        "a row shows only to grants of its label",
        reads(f"SELECT 1 FROM records.name_key {_CLOSED}"),
        "ALTER POLICY visible ON records.name_key USING (true)",
    ),
    Attack(
        "finds a closed nominal through the search function",
        "the search function runs with the caller's rights",
        reads(
            f"SELECT 1 FROM sharing.find_by_name(ARRAY[{SURNAME_TERM}::bigint << 39], "
            f"ARRAY[({SURNAME_TERM + 1})::bigint << 39], 50, 50) "
            "WHERE nominal_id = '{closed}'"
        ),
        "ALTER FUNCTION sharing.find_by_name SECURITY DEFINER; "
        "ALTER FUNCTION sharing.find_by_name OWNER TO CURRENT_USER",
    ),
    Attack(
        "finds a closed nominal by its day of birth",
        "the search function runs with the caller's rights",
        reads(
            "SELECT 1 FROM sharing.find_by_day(ARRAY[30000::bigint << 46], "
            f"ARRAY[30001::bigint << 46], ARRAY[{SURNAME_TERM}], ARRAY[{GIVEN_TERM}], 50) "
            "WHERE nominal_id = '{closed}'"
        ),
        "ALTER FUNCTION sharing.find_by_day SECURITY DEFINER; "
        "ALTER FUNCTION sharing.find_by_day OWNER TO CURRENT_USER",
    ),
    Attack(
        "reads a pointer's row",
        "pointers show to no login",
        reads(
            "SELECT 1 FROM records.nominal WHERE owner_force = {essex} AND nominal_id = '{pointer}'"
        ),
        "CREATE POLICY pointers ON records.nominal FOR SELECT TO athena_force "
        "USING (label_id = ANY ((SELECT ctx.visible_labels('pointer'))::smallint[]))",
    ),
    Attack(
        "points without a consultation",
        "the pointer function needs an open consultation",
        reads(
            f"SELECT 1 FROM sharing.point_to(ARRAY[{SURNAME_TERM}::bigint << 39], "
            f"ARRAY[({SURNAME_TERM + 1})::bigint << 39], '{{{{}}}}', '{{{{}}}}', 'x')",
            consulting=False,
        ),
        "ALTER POLICY pointers ON records.name_key USING (true); "
        "CREATE OR REPLACE FUNCTION audit.append(p_grant_set uuid, p_kind text, p_action text, "
        "p_reason text, p_content jsonb, p_records jsonb, OUT event_id uuid, "
        "OUT label_epoch integer) LANGUAGE sql AS 'SELECT NULL::uuid, 0'",
    ),
    Attack(
        "reads a location of a closed nominal",
        "a location shows through a visible address only",
        reads("SELECT 1 FROM records.location WHERE location_id = '{location}'"),
        "ALTER POLICY visible ON records.location USING (true)",
    ),
    Attack(
        "reads the history of a closed nominal",
        "history is never more visible than the present",
        reads(f"SELECT 1 FROM records.history {_CLOSED}"),
        "ALTER POLICY visible_summary ON records.history USING (true)",
    ),
    Attack(
        "reads another force's change feed",
        "the change feed is each force's own",
        reads("SELECT 1 FROM records.change WHERE owner_force = {essex}"),
        "ALTER POLICY own_changes ON records.change USING (true)",
    ),
    Attack(
        "reads the log",
        "the log shows to a data protection officer's grant only",
        reads("SELECT 1 FROM audit.event"),
        "CREATE POLICY any_event ON audit.event FOR SELECT TO athena_force USING (true)",
    ),
    Attack(
        "reads the words of the log",
        "the log shows to a data protection officer's grant only",
        reads("SELECT 1 FROM audit.content"),
        "CREATE POLICY any_event ON audit.content FOR SELECT TO athena_force USING (true)",
    ),
    Attack(
        "reads a partition of the log directly",
        "no login is granted a partition",
        reads("SELECT 1 FROM audit.event_2026_11 UNION ALL SELECT 1 FROM audit.event_other"),
        "DO $$ DECLARE part regclass; BEGIN FOR part IN SELECT inhrelid FROM pg_inherits "
        "WHERE inhparent = 'audit.event'::regclass LOOP "
        "EXECUTE format('GRANT SELECT ON %s TO athena_force', part); "
        "EXECUTE format('ALTER TABLE %s DISABLE ROW LEVEL SECURITY', part); END LOOP; END $$",
    ),
    Attack(
        "copies a closed nominal out",
        "COPY of a query stands under the policies too",
        copies_out,
        "ALTER POLICY visible ON records.nominal USING (true)",
    ),
    Attack(
        "peeks with a function of its own",
        "no login can create a function, a temporary one neither",
        leaky_function,
        "DO $$ BEGIN EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO athena_force', "
        "current_database()); END $$; ALTER POLICY visible ON records.contact USING (true)",
    ),
    *(
        Attack(
            f"reads {table}",
            "force logins are granted nothing there",
            reads(f"SELECT 1 FROM {table}"),
            f"INSERT INTO {table} SELECT * FROM {table} LIMIT 0; "
            f"GRANT USAGE ON SCHEMA {table.split('.')[0]} TO athena_force; "
            f"GRANT SELECT ON {table} TO athena_force; {NO_RLS.format(table)}",
        )
        for table in (
            "ctx.label",
            "ctx.grant_set",
            "ctx.grant_scope",
            "ctx.policy_state",
            "tenants.member",
            "tenants.member_role",
        )
    ),
    *(
        Attack(
            f"reads {table}",
            "force logins are granted nothing there",
            reads(f"SELECT count(*) FROM {table}"),
            f"GRANT USAGE ON SCHEMA {table.split('.')[0]} TO athena_force; "
            f"GRANT SELECT ON {table} TO athena_force",
        )
        for table in ("names.term", "names.pair", "policies.agreement", "policies.decision")
    ),
]

assert set(TABLE_OF_GROUP) | {"addresses"} == set(GROUPS)
