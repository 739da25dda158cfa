"""What Kent's login tries to write, to become, or to find out from errors."""

from __future__ import annotations

import json
from uuid import uuid4

import asyncpg

from rls.attacks import NO_RLS, Attack, reads, without, writes
from support.world import World, open_consultation


async def finds_home(connection: asyncpg.Connection, world: World) -> bool:
    """Intern the street that a closed nominal of Essex lives in, and get the same place's id."""
    place = {"premises": "", "street": "Secret Street closed", "town": "", "county": ""}
    async with connection.transaction():
        await open_consultation(connection, world.grants["kent"], "alteration")
        ids = await connection.fetchval(
            "SELECT records.intern_locations($1)", json.dumps([{**place, "postcode": "ZZ1 1ZZ"}])
        )
    return world.locations["closed"] in ids


_NEW_NOMINAL = (
    "INSERT INTO records.nominal (owner_force, nominal_id, label_id) "
    "VALUES ({essex}, '{new}', {open_label})"
)
_OPEN = "WHERE owner_force = {essex} AND nominal_id = '{open}'"


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


WRITING = [
    Attack(
        "creates a nominal of another force",
        "a row's owner must be the login's own force",
        writes(_NEW_NOMINAL),
        "ALTER POLICY add_own ON records.nominal WITH CHECK (true); "
        "ALTER POLICY feed ON records.change WITH CHECK (true)",
    ),
    Attack(
        "writes under a consultation that only reads",
        "writing needs an event that says so",
        writes(
            "INSERT INTO records.nominal (owner_force, nominal_id, label_id) "
            "VALUES ({kent}, '{new}', {kent_label})",
            kind="consultation",
        ),
        "ALTER POLICY add_own ON records.nominal "
        "WITH CHECK (owner_force = (SELECT ctx.session_tenant()))",
    ),
    Attack(
        "writes without any event",
        "writing needs an event that says so",
        writes(
            "INSERT INTO records.nominal (owner_force, nominal_id, label_id) "
            "VALUES ({kent}, '{new}', {kent_label})",
            kind=None,
        ),
        "ALTER POLICY add_own ON records.nominal "
        "WITH CHECK (owner_force = (SELECT ctx.session_tenant()))",
    ),
    Attack(
        "changes another force's nominal that it sees",
        "changes are for the owner's login",
        writes(f"UPDATE records.nominal SET sex = 'F' {_OPEN}"),
        "ALTER POLICY change_own ON records.nominal USING (true) WITH CHECK (true); "
        "ALTER POLICY keep ON records.history WITH CHECK (true); "
        "ALTER POLICY still_there ON records.nominal USING (true); "
        "ALTER POLICY feed ON records.change WITH CHECK (true)",
    ),
    Attack(
        "erases another force's nominal that it sees",
        "erasure is for the owner's login",
        writes(f"DELETE FROM records.nominal {_OPEN}", kind="erasure"),
        "ALTER POLICY erase_own ON records.nominal USING (true); "
        "ALTER POLICY keep ON records.history WITH CHECK (true); "
        "ALTER POLICY feed ON records.change WITH CHECK (true)",
    ),
    Attack(
        "hangs a row on another force's nominal",
        "a row's owner must be the login's own force",
        writes(
            "INSERT INTO records.contact (owner_force, nominal_id, row_id, label_id, kind, value) "
            "VALUES ({essex}, '{open}', '{new}', {open_label}, 'email', 'x')"
        ),
        "ALTER POLICY add_own ON records.contact WITH CHECK (true)",
    ),
    Attack(
        "gives its nominal to another force",
        "a row's owner must stay the login's own force",
        writes(
            "UPDATE records.nominal SET owner_force = {essex}, label_id = {open_label} "
            "WHERE owner_force = {kent} AND nominal_id = '{own}'"
        ),
        "ALTER POLICY change_own ON records.nominal WITH CHECK (true); "
        "ALTER POLICY keep ON records.history WITH CHECK (true); "
        "ALTER POLICY feed ON records.change WITH CHECK (true); "
        "DROP TRIGGER keep_history ON records.nominal; "
        "DROP TRIGGER queue_changed ON records.nominal; "
        "DROP TRIGGER keep_merged ON records.nominal; "
        "DROP TABLE sharing.match_queue, sharing.link_step, sharing.link, sharing.link_decision, "
        "records.merge, records.link_verdict CASCADE; "
        + "; ".join(
            f"ALTER TABLE records.{table} DROP CONSTRAINT {constraint}"
            for table, constraint in (
                ("address", "address_owner_force_location_id_fkey"),
                ("involvement", "involvement_owner_force_record_id_fkey"),
                ("source_reference", "source_reference_owner_force_nominal_id_fkey"),
                ("restriction", "restriction_owner_force_nominal_id_fkey"),
                ("lock", "lock_owner_force_nominal_id_fkey"),
                ("name_key", "name_key_owner_force_nominal_id_name_row_id_label_id_fkey"),
            )
        ),
    ),
    Attack(
        "labels its nominal with another force's label",
        "a label belongs to its owner",
        writes(
            "INSERT INTO records.nominal (owner_force, nominal_id, label_id) "
            "VALUES ({kent}, '{new}', {open_label})"
        ),
        "ALTER TABLE records.nominal DROP CONSTRAINT nominal_owner_force_label_id_fkey",
    ),
    Attack(
        "gives a child another label than its nominal's",
        "a child carries its nominal's label",
        writes(
            "INSERT INTO records.contact (owner_force, nominal_id, row_id, label_id, kind, value) "
            "VALUES ({kent}, '{own}', '{new}', {open_label}, 'email', 'x')"
        ),
        "ALTER TABLE records.contact DROP CONSTRAINT contact_owner_force_nominal_id_label_id_fkey",
    ),
    Attack(
        "overwrites through ON CONFLICT",
        "changes are for the owner's login",
        writes(
            "INSERT INTO records.nominal (owner_force, nominal_id, label_id) "
            "VALUES ({essex}, '{open}', {open_label}) "
            "ON CONFLICT (owner_force, nominal_id) DO UPDATE SET sex = 'F'"
        ),
        "ALTER POLICY add_own ON records.nominal WITH CHECK (true); "
        "ALTER POLICY change_own ON records.nominal USING (true) WITH CHECK (true); "
        "ALTER POLICY keep ON records.history WITH CHECK (true); "
        "ALTER POLICY still_there ON records.nominal USING (true); "
        "ALTER POLICY feed ON records.change WITH CHECK (true)",
    ),
    Attack(
        "copies rows into another force",
        "COPY is refused where policies stand",
        copies_in,
        f"{NO_RLS.format('records.nominal')}; "
        "ALTER POLICY feed ON records.change WITH CHECK (true)",
    ),
    Attack(
        "learns from an error that a nominal exists",
        "the owner check comes before any foreign key",
        reveals_existence,
        NO_RLS.format("records.contact"),
    ),
    Attack(
        "learns from an error that a record number exists",
        "numbers are unique within a force only",
        reveals_number,
        "ALTER TABLE records.record ADD CONSTRAINT oracle UNIQUE (record_number)",
    ),
    Attack(
        "locks another force's row",
        "locking needs the right to change",
        reads(f"SELECT 1 FROM records.nominal {_OPEN} FOR UPDATE"),
        "ALTER POLICY change_own ON records.nominal USING (true)",
    ),
    Attack(
        "forges history",
        "only the trigger's owner writes history",
        writes(
            "INSERT INTO records.history (owner_force, nominal_id, label_id, scope, table_name, "
            "row_id, image, valid_from) VALUES ({kent}, '{own}', {kent_label}, 'summary', "
            "'nominal', '{own}', '{{}}', now())"
        ),
        f"GRANT INSERT ON records.history TO athena_force; {NO_RLS.format('records.history')}",
    ),
    Attack(
        "creates a table",
        "no login may create anything",
        reads("SELECT 1 FROM pg_namespace WHERE has_schema_privilege(oid, 'CREATE')"),
        "GRANT CREATE ON SCHEMA records TO athena_force",
    ),
    *(
        Attack(
            f"changes {table} rows of another force's nominal that it sees",
            "changes are for the owner's login",
            writes(f"UPDATE records.{table} SET kind = 'x' {_OPEN}"),
            f"ALTER POLICY change_own ON records.{table} USING (true) WITH CHECK (true); "
            "ALTER POLICY keep ON records.history WITH CHECK (true)",
        )
        for table in ("nominal_name", "address")
    ),
    Attack(
        "erases a name of another force's nominal that it sees",
        "erasure is for the owner's login",
        writes(f"DELETE FROM records.nominal_name {_OPEN}", kind="erasure"),
        "ALTER POLICY erase_own ON records.nominal_name USING (true); "
        "ALTER POLICY keep ON records.history WITH CHECK (true)",
    ),
    Attack(
        "relabels its nominal with another force's label",
        "a label belongs to its owner",
        writes(
            "UPDATE records.nominal SET label_id = {open_label} "
            "WHERE owner_force = {kent} AND nominal_id = '{own}'"
        ),
        "ALTER TABLE records.nominal DROP CONSTRAINT nominal_owner_force_label_id_fkey; "
        "DROP TRIGGER keep_restricted ON records.nominal",
    ),
    Attack(
        "points an address of its own at another force's location",
        "a location belongs to its owner",
        writes(
            "INSERT INTO records.address (owner_force, nominal_id, row_id, label_id, kind, "
            "location_id) VALUES ({kent}, '{own}', '{new}', {kent_label}, 'home', '{location}')"
        ),
        "ALTER TABLE records.address DROP CONSTRAINT address_owner_force_location_id_fkey",
    ),
    Attack(
        "adds a location to another force",
        "a row's owner must be the login's own force",
        writes("INSERT INTO records.location (owner_force, location_id) VALUES ({essex}, '{new}')"),
        "ALTER POLICY add_own ON records.location WITH CHECK (true)",
    ),
    *(
        Attack(
            f"makes a {what} under a consultation that changes nothing",
            "what is written needs a logged change",
            reads(f"SELECT records.intern_{what}s('{row}')"),
            without(f"records.intern_{what}s(jsonb)", "NOT ctx.may_write()", "false"),
        )
        for what, row in {
            "location": '[{{"premises": "", "street": "x", "town": "", "county": ""}}]',
            "record": '[{{"record_class": "case", "record_number": "x", '
            '"label_id": {kent_label}}}]',
        }.items()
    ),
    Attack(
        "makes a record under a label of another force",
        "a label belongs to its owner",
        reads(
            "SELECT records.intern_records('[{{"
            '"record_class": "case", "record_number": "x", "label_id": {open_label}'
            "}}]')",
            kind="alteration",
        ),
        "ALTER TABLE records.record DROP CONSTRAINT record_owner_force_label_id_fkey",
    ),
    Attack(
        "finds the home of a closed nominal by interning the same place",
        "a place is looked for within the own force only",
        finds_home,
        "ALTER POLICY own_places ON records.location USING (true) WITH CHECK (true); "
        + without(
            "records.intern_locations(jsonb)",
            "l.owner_force = v_owner AND ",
            "",
        ),
    ),
    Attack(
        "refers a source of another force to its nominal",
        "a row's owner must be the login's own force",
        writes(
            "INSERT INTO records.source_reference (owner_force, source, source_id, nominal_id) "
            "VALUES ({essex}, 'x', '{new}', '{open}')"
        ),
        "ALTER POLICY add_own ON records.source_reference WITH CHECK (true)",
    ),
    Attack(
        "saves a search in a colleague's name",
        "a saved search is its own member's",
        writes(
            "INSERT INTO sharing.search (owner_force, search_id, member_id, purpose, reason, "
            "query, hits, expires_at) VALUES ({kent}, '{new}', '{new}', 'x', 'x', '{{}}', '[]', "
            "now())"
        ),
        "ALTER POLICY own_searches ON sharing.search WITH CHECK (true)",
    ),
    Attack(
        "deletes a search that a colleague saved",
        "a saved search is its own member's",
        writes("DELETE FROM sharing.search WHERE reason = 'colleague'"),
        "ALTER POLICY own_searches ON sharing.search "
        "USING (owner_force = (SELECT ctx.session_tenant()))",
    ),
    Attack(
        "empties the history",
        "no login may truncate",
        writes("TRUNCATE records.history"),
        "GRANT TRUNCATE ON records.history TO athena_force",
    ),
]
