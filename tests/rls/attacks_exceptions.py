"""What Kent's login tries against restrictions, locks and break-glass."""

from __future__ import annotations

import asyncpg

from rls.attacks import NO_RLS, Attack, fill, reads, without, writes
from support.exceptions import TABLES
from support.world import SURNAME_TERM, World, open_consultation

BREAK_GLASS = "records.break_glass(uuid, smallint, uuid, text, text, integer)"
_OWN = "WHERE owner_force = {kent} AND nominal_id = '{own}'"
_NEW_ACCESS = (
    "INSERT INTO records.emergency_access (access_id, owner_force, nominal_id, tenant_id, "
    "member_id, username, purpose, reason, emergency, expires_at) VALUES ('{new}', {essex}, "
    "'{closed}', {kent}, '{new}', 'x', 'x', 'x', 'x', now() + interval '1 day')"
)


def opens(nominal: str) -> str:
    """Return the query that opens a nominal by its id."""
    return (
        "SELECT access_id FROM records.break_glass(NULL, {essex}::smallint, "
        f"'{{{nominal}}}', 'x', 'an emergency', 60) WHERE access_id IS NOT NULL"
    )


async def opens_sealed(connection: asyncpg.Connection, world: World) -> bool:
    """Open a record that its owner has sealed."""
    async with connection.transaction():
        await open_consultation(connection, world.grants["sealed"])
        return bool(
            await connection.fetch(
                "SELECT 1 FROM records.break_glass(NULL, $1, $2, 'x', 'x', 60) "
                "WHERE access_id IS NOT NULL",
                world.essex,
                world.nominals["sealed"],
            )
        )


async def learns_the_id(connection: asyncpg.Connection, world: World) -> bool:
    """Open a record, read its id, and roll everything back."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await open_consultation(connection, world.grants["kent"])
        await connection.execute(fill(opens("pointer"), world))
        return bool(
            await connection.fetch(
                "SELECT nominal_id FROM records.emergency_access WHERE nominal_id = $1",
                world.nominals["pointer"],
            )
        )
    finally:
        await transaction.rollback()


async def points_at_locked(connection: asyncpg.Connection, world: World) -> bool:
    """Let the pointer function find a record that is locked against the member."""
    async with connection.transaction():
        await open_consultation(connection, world.grants["pointing"])
        found = await connection.fetch(
            "SELECT label_id FROM sharing.point_to(ARRAY[$1::bigint << 39], "
            "ARRAY[($1 + 1)::bigint << 39], '{}', '{}', 'x')",
            SURNAME_TERM,
        )
        return world.labels["pointer"] in [row["label_id"] for row in found]


EXCEPTIONS = [
    *(
        Attack(
            f"reads {table} rows of a record locked against the member",
            "a lock wins over the label",
            reads(f"SELECT 1 FROM records.{table} {_OWN}", grant="excepted"),
            f"DROP POLICY not_withheld ON records.{table}",
        )
        for table in (*TABLES, "change", "source_reference")
    ),
    Attack(
        "reads the history of a record locked against the member",
        "a lock wins over the label",
        reads(f"SELECT 1 FROM records.history {_OWN}", grant="excepted"),
        "DROP POLICY not_withheld ON records.history; ALTER POLICY visible_summary "
        "ON records.history USING "
        "(label_id = ANY ((SELECT ctx.visible_labels('summary'))::smallint[]))",
    ),
    Attack(
        "erases a record locked against the member without looking at it",
        "a lock wins over the label",
        writes("DELETE FROM records.nominal", kind="erasure", grant="excepted"),
        "DROP POLICY not_withheld ON records.nominal",
    ),
    Attack(
        "is pointed to a record locked against the member",
        "a lock wins over the label, for pointers too",
        points_at_locked,
        "DROP POLICY not_withheld_pointer ON records.name_key",
    ),
    Attack(
        "reads whom another force restricts its record to",
        "restrictions are their owner's",
        reads("SELECT 1 FROM records.restriction WHERE owner_force = {essex}"),
        "ALTER POLICY own_restrictions ON records.restriction USING (true)",
    ),
    Attack(
        "reads restrictions without a consultation",
        "restrictions show under a logged consultation only",
        reads("SELECT 1 FROM records.restriction", consulting=False),
        "ALTER POLICY own_restrictions ON records.restriction USING (true)",
    ),
    Attack(
        "names itself for another force's record",
        "restrictions are their owner's",
        writes(
            "INSERT INTO records.restriction (owner_force, restriction_id, nominal_id, member_id, "
            "named, set_by, set_by_name, reason) VALUES ({essex}, '{new}', '{open}', '{new}', "
            "'x', ctx.session_member(), 'x', 'x')"
        ),
        "ALTER POLICY add_own ON records.restriction WITH CHECK (true)",
    ),
    Attack(
        "restricts a record in somebody else's name",
        "who sets a restriction is who asks",
        writes(
            "INSERT INTO records.restriction (owner_force, restriction_id, nominal_id, member_id, "
            "named, set_by, set_by_name, reason) VALUES ({kent}, '{new}', '{own}', '{new}', "
            "'x', '{new}', 'x', 'x')"
        ),
        "ALTER POLICY add_own ON records.restriction WITH CHECK (true)",
    ),
    Attack(
        "ends another force's restriction",
        "restrictions are their owner's",
        writes("UPDATE records.restriction SET until = now() WHERE owner_force = {essex}"),
        "ALTER POLICY own_restrictions ON records.restriction USING (true); "
        "ALTER POLICY end_own ON records.restriction USING (true) WITH CHECK (true)",
    ),
    Attack(
        "hands a restriction over to itself",
        "only the end of a restriction can be changed",
        writes("UPDATE records.restriction SET member_id = '{new}' WHERE owner_force = {kent}"),
        "GRANT UPDATE ON records.restriction TO athena_force",
    ),
    Attack(
        "reads another force's lock",
        "locks are their owner's",
        reads("SELECT 1 FROM records.lock WHERE owner_force = {essex}"),
        "ALTER POLICY own_locks ON records.lock USING (true)",
    ),
    Attack(
        "reads the lock against the member",
        "a lock hides itself",
        reads(f"SELECT 1 FROM records.lock {_OWN}", grant="excepted"),
        "DROP POLICY not_withheld ON records.lock",
    ),
    Attack(
        "reads the restrictions of a record locked against the member",
        "a lock hides the record's restrictions too",
        reads(f"SELECT 1 FROM records.restriction {_OWN}", grant="excepted"),
        "DROP POLICY not_withheld ON records.restriction",
    ),
    Attack(
        "lifts a lock against the member",
        "nobody lifts a lock against themselves",
        writes("UPDATE records.lock SET until = now() WHERE owner_force = {kent}"),
        "ALTER POLICY end_own ON records.lock USING (true)",
    ),
    Attack(
        "lifts a lock by deleting it",
        "locks are ended, never deleted",
        writes("DELETE FROM records.lock WHERE owner_force = {kent}", kind="erasure"),
        "GRANT DELETE ON records.lock TO athena_force; "
        "CREATE POLICY delete_own ON records.lock FOR DELETE TO athena_force USING (true)",
    ),
    Attack(
        "locks a record without a logged change",
        "what is written needs a logged change",
        writes(
            "INSERT INTO records.lock (owner_force, lock_id, nominal_id, member_id, named, "
            "set_by, set_by_name, reason) VALUES ({kent}, '{new}', '{own}', '{new}', 'x', "
            "ctx.session_member(), 'x', 'x')",
            kind="consultation",
        ),
        "ALTER POLICY add_own ON records.lock WITH CHECK (true)",
    ),
    Attack(
        "moves a restricted record under an open label",
        "a record restricted to named members stays restricted",
        writes(
            "UPDATE records.nominal SET label_id = ctx.intern_label('nominal', 'OFFICIAL', 'P', "
            f"'{{{{}}}}', '{{{{x}}}}', false, false) {_OWN}"
        ),
        "DROP TRIGGER keep_restricted ON records.nominal; "
        "DROP TRIGGER relabelled ON records.nominal; "
        "ALTER POLICY visible ON records.nominal USING (true)",
    ),
    Attack(
        "reads an access that concerns other forces",
        "an access concerns its owner's and its member's force",
        reads(
            "SELECT 1 FROM records.emergency_access WHERE owner_force = {essex} "
            "AND tenant_id <> {kent}"
        ),
        "ALTER POLICY concerned_forces ON records.emergency_access USING (true)",
    ),
    Attack(
        "reads the access to a record locked against the member",
        "a lock hides the accesses to the record too",
        reads(f"SELECT 1 FROM records.emergency_access {_OWN}", grant="excepted"),
        "DROP POLICY not_withheld ON records.emergency_access",
    ),
    Attack(
        "opens a record by hand",
        "only the function opens a record, and logs it",
        writes(_NEW_ACCESS),
        "GRANT INSERT ON records.emergency_access TO athena_force; "
        f"{NO_RLS.format('records.emergency_access')}",
    ),
    Attack(
        "keeps a record open for longer",
        "no login changes an access",
        writes("UPDATE records.emergency_access SET expires_at = 'infinity'"),
        "GRANT UPDATE ON records.emergency_access TO athena_force; "
        f"{NO_RLS.format('records.emergency_access')}",
    ),
    Attack(
        "opens a record that shows nothing",
        "only what is shown as a pointer or a summary opens",
        reads(opens("closed")),
        "ALTER POLICY openable ON records.nominal USING (true)",
    ),
    Attack(
        "opens a record locked against the member",
        "a lock wins over an emergency",
        reads(opens("pointer"), grant="pointing"),
        "DROP POLICY not_withheld_emergency ON records.nominal",
    ),
    Attack(
        "opens a sealed record",
        "a sealed record is never opened",
        opens_sealed,
        without(BREAK_GLASS, "v_label.sealed", "false"),
    ),
    Attack(
        "opens a record, learns its id and leaves no trace",
        "the id is told once the access is committed",
        learns_the_id,
        "ALTER POLICY concerned_forces ON records.emergency_access USING (true)",
    ),
    Attack(
        "reads a review that concerns other forces",
        "a review shows with its access",
        reads("SELECT 1 FROM records.emergency_review WHERE tenant_id = {essex}"),
        "ALTER POLICY concerned_forces ON records.emergency_review USING (true)",
    ),
    Attack(
        "reviews for another force",
        "each force reviews for itself",
        writes(
            "INSERT INTO records.emergency_review (access_id, tenant_id, reviewed_by, "
            "reviewed_by_name, outcome, note) SELECT access_id, {essex}, ctx.session_member(), "
            "'x', 'justified', '' FROM records.emergency_access WHERE owner_force = {kent}"
        ),
        "ALTER POLICY review_own ON records.emergency_review WITH CHECK (true)",
    ),
    Attack(
        "reviews what the member opened",
        "nobody reviews what they opened themselves",
        writes(
            "INSERT INTO records.emergency_review (access_id, tenant_id, reviewed_by, "
            "reviewed_by_name, outcome, note) SELECT access_id, {kent}, ctx.session_member(), "
            "'x', 'justified', '' FROM records.emergency_access WHERE tenant_id = {kent}"
        ),
        "ALTER POLICY review_own ON records.emergency_review WITH CHECK (true)",
    ),
    Attack(
        "adds a single record to its grant set",
        "force logins can't write grant sets",
        writes(
            "INSERT INTO ctx.grant_record VALUES ('{kent_grant}', {essex}, '{closed}', "
            "'{{summary}}')",
            kind=None,
        ),
        f"GRANT INSERT ON ctx.grant_record TO athena_force; {NO_RLS.format('ctx.grant_record')}",
    ),
    Attack(
        "adds a single record to its grant set by the function",
        "only the policy writer stores grant sets",
        reads(
            "SELECT ctx.except_records('{kent_grant}', 0, NULL, jsonb_build_array("
            "jsonb_build_object('owner_force', {essex}, 'nominal_id', '{closed}', 'scopes', "
            "jsonb_build_array('summary'))), '[]')",
            consulting=False,
        ),
        "GRANT EXECUTE ON FUNCTION ctx.except_records TO athena_force",
    ),
    Attack(
        "takes a lock out of its grant set",
        "force logins can't write grant sets",
        writes("DELETE FROM ctx.grant_lock", kind=None),
        "GRANT SELECT, DELETE ON ctx.grant_lock TO athena_force; "
        f"{NO_RLS.format('ctx.grant_lock')}",
    ),
    Attack(
        "asks which records are locked against a member",
        "only the policy writer asks for exceptions",
        reads(
            "SELECT 1 WHERE ctx.exceptions_of({kent}::smallint, '{new}', '{{}}', 'x') IS NOT NULL",
            consulting=False,
        ),
        "GRANT EXECUTE ON FUNCTION ctx.exceptions_of TO athena_force",
    ),
]
