"""What Kent's login tries to read beyond its grants while a consultation is open."""

from __future__ import annotations

import asyncpg

from rls.attacks import NO_RLS, Attack, reads
from support.world import GIVEN_TERM, GROUPS, SURNAME_TERM, World, open_consultation

TABLE_OF_GROUP = {
    "assessments": "assessment",
    "contacts": "contact",
    "descriptions": "description",
    "identifiers": "identifier",
    "involvements": "involvement",
    "markers": "marker",
}
_CLOSED = "WHERE owner_force = {essex} AND nominal_id = '{closed}'"


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


async def row_security_off(connection: asyncpg.Connection, world: World) -> bool:
    """Turn row security off, as a dump does, and read a closed nominal."""
    async with connection.transaction():
        await open_consultation(connection, world.grants["kent"])
        await connection.execute("SET LOCAL row_security = off")
        return bool(
            await connection.fetch(
                "SELECT 1 FROM records.nominal WHERE nominal_id = $1", world.nominals["closed"]
            )
        )


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

CLOSED_GROUPS = [
    Attack(
        f"reads {table} rows of a closed nominal",
        "a row shows only to grants of its label",
        reads(f"SELECT 1 FROM records.{table} {_CLOSED}"),
        f"ALTER POLICY visible ON records.{table} USING (true)",
    )
    for table in ("address", *TABLE_OF_GROUP.values())
]

READING = [
    Attack(
        "reads a record of a closed nominal",
        "a row shows only to grants of its label",
        reads("SELECT 1 FROM records.record WHERE record_number = '{essex}/closed/1'"),
        "ALTER POLICY visible ON records.record USING (true)",
    ),
    Attack(
        "turns row security off for its session",
        "row_security = off refuses instead of showing",
        row_security_off,
        NO_RLS.format("records.nominal"),
    ),
    Attack(
        "reads the planner's statistics of values",
        "statistics hide where policies stand",
        reads("SELECT 1 FROM pg_stats WHERE schemaname = 'records' AND tablename = 'contact'"),
        NO_RLS.format("records.contact"),
    ),
    Attack(
        "reads a search that a colleague saved",
        "a saved search is its own member's",
        reads("SELECT 1 FROM sharing.search WHERE reason = 'colleague'"),
        "ALTER POLICY own_searches ON sharing.search "
        "USING (owner_force = (SELECT ctx.session_tenant()))",
    ),
    Attack(
        "reads a search that another force saved",
        "a saved search is its own member's",
        reads("SELECT 1 FROM sharing.search WHERE owner_force = {essex}"),
        "ALTER POLICY own_searches ON sharing.search USING (true)",
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
        "finds a closed nominal by a whole search",
        "the search function runs with the caller's rights",
        reads(
            f"SELECT 1 FROM sharing.find_people(ARRAY[{SURNAME_TERM}::bigint << 39], "
            f"ARRAY[({SURNAME_TERM + 1})::bigint << 39], 1, 20, 50, ARRAY[30000::bigint << 46], "
            f"ARRAY[30001::bigint << 46], ARRAY[{SURNAME_TERM}], ARRAY[{GIVEN_TERM}], "
            f"ARRAY[{SURNAME_TERM}::bigint << 39], ARRAY[({SURNAME_TERM + 1})::bigint << 39], "
            "50, 50) WHERE nominal_id = '{closed}'"
        ),
        "ALTER FUNCTION sharing.find_people SECURITY DEFINER; "
        "ALTER FUNCTION sharing.find_people OWNER TO CURRENT_USER",
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
        reads("SELECT 1 FROM audit.event_{month} UNION ALL SELECT 1 FROM audit.event_other"),
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
            f"GRANT USAGE ON SCHEMA {table.split('.')[0]} TO athena_force; "
            f"GRANT SELECT ON {table} TO athena_force; {NO_RLS.format(table)}",
        )
        for table in (
            "ctx.label",
            "ctx.grant_set",
            "ctx.grant_scope",
            "ctx.policy_state",
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
        for table in ("names.cleaning", "names.term", "names.pair", "policies.decision")
    ),
]

assert set(TABLE_OF_GROUP) | {"addresses"} == set(GROUPS)
