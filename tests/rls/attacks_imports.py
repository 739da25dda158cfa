"""What Kent's login tries on imports: runs, rows that were set aside, rows that wait."""

from __future__ import annotations

import asyncpg

from rls.attacks import Attack, reads, without, writes
from support.world import GROUPS, World, open_consultation, store_grant

OWN = "owner_force = (SELECT ctx.session_tenant())"
IMPORTER = f"{OWN} AND owner_force = ANY ((SELECT ctx.visible_labels('imports'))::smallint[])"
POLICIES = {"import_run": "own_runs", "import_row": "own_rows", "import_held": "own_held"}

_NEW_RUN = (
    "INSERT INTO records.import_run (owner_force, run_id, source, file_name, file_sha256, "
    "mapping_sha256) VALUES ({owner}, '{{new}}', 'y', 'y', repeat('0', 64), repeat('0', 64))"
)


async def prepare_imports(world: World, admin: asyncpg.Connection) -> None:
    """Give Kent an import that is over, and grant sets of members who import."""
    scopes = {key: [world.labels["kent"]] for key in ("match", "summary", *GROUPS)}
    scopes["imports"] = [world.kent]
    world.grants["importer"] = await store_grant(world, "athena_kent", world.kent, scopes)
    del scopes["assessments"]
    world.grants["half_shown"] = await store_grant(world, "athena_kent", world.kent, scopes)
    run = world.work["finished_run"] = await admin.fetchval(
        "INSERT INTO records.import_run (owner_force, run_id, source, file_name, file_sha256, "
        "mapping_sha256, rows_read, state, loaded) SELECT $1, gen_random_uuid(), 'over', 'over', "
        "repeat('0', 64), repeat('0', 64), 1, 'finished', 0 RETURNING run_id",
        world.kent,
    )
    await admin.execute(
        "INSERT INTO records.import_row (owner_force, run_id, row_number, line, outcome) "
        "VALUES ($1, $2, 1, 2, 'rejected')",
        world.kent,
        run,
    )


PLACES = (
    "records.intern_places(uuid[], text[], text[], text[], text[], text[], bigint[], "
    "double precision[], double precision[])"
)
HEADERS = "records.intern_headers(uuid[], text[], text[], smallint[])"
_PLACE = (
    "SELECT records.intern_places(ARRAY['{new}']::uuid[], ARRAY[''], ARRAY['x'], ARRAY[''], "
    "ARRAY[''], ARRAY[NULL]::text[], ARRAY[NULL]::bigint[], ARRAY[NULL]::float8[], "
    "ARRAY[NULL]::float8[])"
)
_HEADER = (
    "SELECT records.intern_headers(ARRAY['{{new}}']::uuid[], ARRAY['case'], ARRAY['x'], "
    "ARRAY[{label}]::smallint[])"
)


async def finds_home(connection: asyncpg.Connection, world: World) -> bool:
    """Intern the street of a closed nominal of Essex as a batch's, and get the same place's id."""
    async with connection.transaction():
        await open_consultation(connection, world.grants["kent"], "alteration")
        ids = await connection.fetchval(
            "SELECT records.intern_places(ARRAY[gen_random_uuid()], ARRAY[''], "
            "ARRAY['Secret Street closed'], ARRAY[''], ARRAY[''], ARRAY['ZZ1 1ZZ'], "
            "ARRAY[NULL]::bigint[], ARRAY[NULL]::float8[], ARRAY[NULL]::float8[])"
        )
    return world.locations["closed"] in ids


async def copies_past_the_policies(connection: asyncpg.Connection, world: World) -> bool:
    """COPY a nominal into the table of a batch, and move it to Essex."""
    async with connection.transaction():
        await open_consultation(connection, world.grants["kent"], "alteration")
        await connection.execute("SELECT records.stage_import()")
        await connection.copy_records_to_table(
            "import_nominal",
            schema_name="pg_temp",
            columns=["n", "row_id", "label_no"],
            records=[(1, world.nominals["closed"], world.labels["open"])],
        )
        done = await connection.execute(
            "INSERT INTO records.nominal (owner_force, nominal_id, label_id) "
            f"SELECT {world.essex}, gen_random_uuid(), label_no FROM pg_temp.import_nominal"
        )
        return not done.endswith(" 0")


STAGING = [
    Attack(
        "copies a nominal into the tables of a batch and moves it to another force",
        "rows leave those tables under the policies of every write",
        copies_past_the_policies,
        "ALTER POLICY add_own ON records.nominal WITH CHECK (true); "
        "ALTER POLICY feed ON records.change WITH CHECK (true)",
    ),
    Attack(
        "makes a temporary table of its own",
        "a login has no right to; the stager makes those of a batch",
        writes("CREATE TEMPORARY TABLE pg_temp.own AS SELECT 1 AS x", kind=None),
        "DO $$ BEGIN EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO athena_force', "
        "current_database()); END $$",
    ),
    Attack(
        "makes a place of a batch under a consultation that changes nothing",
        "what is written needs a logged change",
        reads(_PLACE),
        without(PLACES, "NOT ctx.may_write()", "false"),
    ),
    Attack(
        "makes a header of a batch under a consultation that changes nothing",
        "what is written needs a logged change",
        reads(_HEADER.format(label="{kent_label}")),
        without(HEADERS, "NOT ctx.may_write()", "false"),
    ),
    Attack(
        "makes a header of a batch under a label of another force",
        "a label belongs to its owner",
        reads(_HEADER.format(label="{open_label}"), kind="alteration"),
        "ALTER TABLE records.record DROP CONSTRAINT record_owner_force_label_id_fkey",
    ),
    Attack(
        "finds the home of a closed nominal by interning the same place in a batch",
        "a place is looked for within the own force only",
        finds_home,
        "ALTER POLICY own_places ON records.location USING (true) WITH CHECK (true); "
        + without(PLACES, "l.owner_force = v_owner AND ", ""),
    ),
]


def asks(table: str, condition: str) -> str:
    """Return SQL that makes a table's read policy ask only this."""
    return f"ALTER POLICY {POLICIES[table]} ON records.{table} USING ({condition})"


IMPORTS = [
    *STAGING,
    *(
        Attack(
            f"reads another force's {table}",
            "an import is its own force's",
            reads(f"SELECT 1 FROM records.{table} WHERE owner_force = {{essex}}", grant="importer"),
            asks(table, "true"),
        )
        for table in POLICIES
    ),
    *(
        Attack(
            f"reads {table} without a consultation",
            "a transaction without an event sees no import",
            reads(f"SELECT 1 FROM records.{table}", consulting=False),
            asks(table, OWN),
        )
        for table in POLICIES
    ),
    *(
        Attack(
            f"reads {table} as a member who doesn't import",
            "imports are shown to those who may import",
            reads(f"SELECT 1 FROM records.{table}"),
            asks(table, OWN),
        )
        for table in POLICIES
    ),
    Attack(
        "reads a waiting row of which a group isn't shown",
        "a row that waits is shown whole or not at all",
        reads("SELECT 1 FROM records.import_held", grant="half_shown"),
        asks("import_held", IMPORTER),
    ),
    Attack(
        "begins an import for another force",
        "a force imports into its own records",
        writes(_NEW_RUN.format(owner="{essex}"), grant="importer"),
        "ALTER POLICY add_own ON records.import_run WITH CHECK (true)",
    ),
    Attack(
        "begins an import without logging a change",
        "an import is begun with an event of its kind or not at all",
        writes(_NEW_RUN.format(owner="{kent}"), kind="consultation", grant="importer"),
        f"ALTER POLICY add_own ON records.import_run WITH CHECK ({OWN})",
    ),
    Attack(
        "moves another force's checkpoint",
        "a checkpoint is moved by its own force",
        writes(
            "UPDATE records.import_run SET rows_read = 9 WHERE owner_force = {essex}",
            grant="importer",
        ),
        f"{asks('import_run', 'true')}; "
        "ALTER POLICY go_on ON records.import_run USING (true) WITH CHECK (true)",
    ),
    Attack(
        "moves the checkpoint of an import that is over",
        "an import that is over stays as it is",
        writes(
            "UPDATE records.import_run SET rows_read = 0 WHERE run_id = '{finished_run}'",
            grant="importer",
        ),
        f"ALTER POLICY go_on ON records.import_run USING ({OWN})",
    ),
    Attack(
        "gives an import another file",
        "what an import is of is said once",
        writes(
            "UPDATE records.import_run SET file_sha256 = repeat('1', 64) WHERE state = 'running'",
            grant="importer",
        ),
        "GRANT UPDATE ON records.import_run TO athena_force",
    ),
    Attack(
        "makes a rejected row a loaded one",
        "only a row that waits is decided on",
        writes(
            "UPDATE records.import_row SET outcome = 'loaded', decided_at = now() "
            "WHERE run_id = '{finished_run}'",
            grant="importer",
        ),
        f"ALTER POLICY decide ON records.import_row USING ({OWN})",
    ),
    Attack(
        "takes a row out of the account",
        "no row of an import is deleted",
        writes("DELETE FROM records.import_row WHERE outcome = 'rejected'", grant="importer"),
        "GRANT DELETE ON records.import_row TO athena_force; CREATE POLICY removable "
        "ON records.import_row FOR DELETE TO athena_force USING (true)",
    ),
    Attack(
        "takes another force's waiting row away",
        "a waiting row is decided on by its own force",
        writes("DELETE FROM records.import_held WHERE owner_force = {essex}", grant="importer"),
        f"{asks('import_held', 'true')}; ALTER POLICY decided ON records.import_held USING (true)",
    ),
    Attack(
        "gives a name key another label than its name's",
        "a name key carries its name's label",
        writes(
            "INSERT INTO records.name_key (owner_force, nominal_id, row_id, label_id, name_row_id, "
            "name_key, date_key) SELECT owner_force, nominal_id, '{new}', {open_label}, "
            "name_row_id, name_key, date_key FROM records.name_key WHERE nominal_id = '{own}'"
        ),
        "ALTER TABLE records.name_key DROP CONSTRAINT "
        "name_key_owner_force_nominal_id_name_row_id_label_id_fkey",
    ),
]
