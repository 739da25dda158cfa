"""What Kent's login tries with the rights of administrators: others' members, tenants, rules."""

from __future__ import annotations

import asyncpg

from rls.attacks import NO_RLS, Attack, Steps, fill, reads, writes
from support.world import World, open_consultation

MEMBERSHIP = ("tenants.member", "tenants.member_role", "tenants.team", "tenants.team_member")


def administers(statement: str, action: str = "members.read") -> Steps:
    """Return steps that log an act of administration and succeed when a statement gives a row."""

    async def steps(connection: asyncpg.Connection, world: World) -> bool:
        async with connection.transaction():
            await connection.execute(
                "SELECT audit.administer($1, NULL, 'attack', '{}', 'a test of the walls', '{}')",
                action,
            )
            return bool(await connection.fetch(fill(statement, world)))

    return steps


async def restores_history(connection: asyncpg.Connection, world: World) -> bool:
    """Give a nominal that stood before a history that it never had."""
    async with connection.transaction():
        await open_consultation(connection, world.grants["kent"], "collection")
        rows = (
            '[{"history_id": "11111111-1111-4111-8111-111111111111", "scope": "summary", '
            f'"nominal_id": "{world.nominals["kent"]}", "table_name": "nominal", '
            f'"row_id": "{world.nominals["kent"]}", "image": {{"sex": "F"}}, '
            '"valid_from": "2020-01-01", "replaced_at": "2020-01-02"}]'
        )
        await connection.execute("SELECT records.restore_history($1)", rows)
        return bool(
            await connection.fetch(
                'SELECT 1 FROM records.history WHERE image = \'{"sex": "F"}\'',
            )
        )


ADMINISTRATION = [
    *(
        Attack(
            f"reads {table} without logging that it administers",
            "members are seen by transactions that log an act of administration",
            reads(f"SELECT 1 FROM {table}"),
            NO_RLS.format(table),
        )
        for table in MEMBERSHIP
    ),
    *(
        Attack(
            f"reads Essex's {table} while it administers",
            "a force's login administers its own members",
            administers(f"SELECT 1 FROM {table} WHERE tenant_id = {{essex}}"),
            NO_RLS.format(table),
        )
        for table in MEMBERSHIP
    ),
    Attack(
        "reads members under another act",
        "only acts on members open members",
        administers("SELECT 1 FROM tenants.member", "audit.read"),
        "ALTER POLICY administrators_see_own ON tenants.member "
        "USING (tenant_id = (SELECT ctx.session_tenant()))",
    ),
    Attack(
        "adds a member to Essex",
        "a force's login administers its own members",
        administers(
            "INSERT INTO tenants.member (tenant_id, member_id, username, display_name) "
            "VALUES ({essex}, '{new}', 'spy.essex', 'x') RETURNING 1"
        ),
        NO_RLS.format("tenants.member"),
    ),
    Attack(
        "gives a member of its own another force's name",
        "a user name ends in the force's own",
        administers(
            "INSERT INTO tenants.member (tenant_id, member_id, username, display_name) "
            "VALUES ({kent}, '{new}', 'spy.essex', 'x') RETURNING 1"
        ),
        "ALTER POLICY administrators_add_own ON tenants.member WITH CHECK (true)",
    ),
    Attack(
        "makes Essex's officer a records manager",
        "a force's login administers its own members",
        administers(
            "INSERT INTO tenants.member_role (tenant_id, member_id, role) "
            "SELECT {essex}, '{new}', 'records_manager' "
            "RETURNING 1"
        ),
        f"{NO_RLS.format('tenants.member_role')}; "
        "ALTER TABLE tenants.member_role DROP CONSTRAINT member_role_tenant_id_member_id_fkey",
    ),
    Attack(
        "moves its own member to Essex",
        "a force's login administers its own members",
        administers(
            "UPDATE tenants.member SET tenant_id = {essex}, username = 'spy.essex' "
            "WHERE username = 'officer.kent' RETURNING 1"
        ),
        f"{NO_RLS.format('tenants.member')}; "
        "ALTER TABLE tenants.member_role DROP CONSTRAINT member_role_tenant_id_member_id_fkey; "
        "ALTER TABLE tenants.team_member DROP CONSTRAINT team_member_tenant_id_member_id_fkey",
    ),
    Attack(
        "erases a member",
        "members leave; only the eraser deletes them",
        administers("DELETE FROM tenants.member WHERE username = 'board.kent' RETURNING 1"),
        "GRANT DELETE ON tenants.member TO athena_force; "
        "CREATE POLICY erase ON tenants.member FOR DELETE TO athena_force USING (true)",
    ),
    *(
        Attack(
            f"{verb}s a force",
            "only the client body manages tenants",
            reads(f"SELECT tenants.{verb}('essex')"),
            f"GRANT EXECUTE ON FUNCTION tenants.{verb} TO athena_force; "
            f"CREATE OR REPLACE FUNCTION tenants.{verb}(p_slug text) RETURNS smallint "
            "LANGUAGE sql AS 'SELECT 1::smallint'",
        )
        for verb in ("suspend", "reinstate")
    ),
    Attack(
        "ends others' sessions",
        "only the client body and sign-in end sessions",
        reads("SELECT tenants.end_sessions()", consulting=False),
        "GRANT EXECUTE ON FUNCTION tenants.end_sessions TO athena_force",
    ),
    Attack(
        "takes everyone's grants away",
        "no login calls what withdraws grants",
        reads("SELECT ctx.withdraw_grants()", consulting=False),
        "GRANT EXECUTE ON FUNCTION ctx.withdraw_grants TO athena_force",
    ),
    Attack(
        "erases a force",
        "only the client body off-boards",
        reads("SELECT records.erase_tenant('essex', '')"),
        "GRANT EXECUTE ON FUNCTION records.erase_tenant TO athena_force; "
        "CREATE OR REPLACE FUNCTION records.erase_tenant(p_slug text, p_checksum text) "
        "RETURNS jsonb LANGUAGE sql AS 'SELECT to_jsonb(1)'",
    ),
    Attack(
        "cleans the dictionary of names",
        "only an erasure cleans it",
        reads("SELECT names.forget_unborne()", consulting=False),
        "GRANT USAGE ON SCHEMA names TO athena_force; "
        "GRANT EXECUTE ON FUNCTION names.forget_unborne TO athena_force",
    ),
    Attack(
        "has Essex's records counted and hashed",
        "a force has its own archive counted",
        reads("SELECT 1 FROM records.archive_digest({essex}::smallint)"),
        "CREATE OR REPLACE FUNCTION records.archive_digest(p_owner smallint) RETURNS TABLE "
        "(table_name text, row_count bigint, sha256 text) LANGUAGE sql "
        "SECURITY DEFINER SET search_path = pg_catalog, pg_temp "
        "AS 'SELECT ''nominal'', count(*), '''' FROM records.nominal WHERE owner_force = p_owner'",
    ),
    Attack(
        "has its records counted without a consultation",
        "even counting is logged",
        reads("SELECT 1 FROM records.archive_digest({kent}::smallint)", consulting=False),
        "CREATE OR REPLACE FUNCTION records.archive_digest(p_owner smallint) RETURNS TABLE "
        "(table_name text, row_count bigint, sha256 text) LANGUAGE sql "
        "SECURITY DEFINER SET search_path = pg_catalog, pg_temp "
        "AS 'SELECT ''nominal'', count(*), '''' FROM records.nominal WHERE owner_force = p_owner'",
    ),
    Attack(
        "reads Essex's closed lines as an archive",
        "an archive's lines stand under the caller's policies",
        reads(
            "SELECT 1 FROM records.archive_lines('contact', {essex}::smallint, '{{}}') AS line "
            "WHERE line LIKE '%closed%'"
        ),
        "ALTER FUNCTION records.archive_lines SECURITY DEFINER; "
        "ALTER FUNCTION records.archive_lines OWNER TO athena_archivist",
    ),
    Attack(
        "makes up a history",
        "history is restored with a nominal that the same transaction restores",
        restores_history,
        "CREATE OR REPLACE FUNCTION records.restore_history(p_rows jsonb) RETURNS void "
        "LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$"
        "INSERT INTO records.history (owner_force, history_id, nominal_id, label_id, scope, "
        "table_name, row_id, image, valid_from, replaced_at) SELECT n.owner_force, h.history_id, "
        "h.nominal_id, n.label_id, h.scope, h.table_name, h.row_id, h.image, h.valid_from, "
        "h.replaced_at FROM jsonb_populate_recordset(NULL::records.history, p_rows) AS h "
        "JOIN records.nominal AS n USING (nominal_id) $$",
    ),
    Attack(
        "reads the rules of roles",
        "rules are the client body's and the policy's",
        reads("SELECT count(*) FROM policies.role_rule"),
        "GRANT USAGE ON SCHEMA policies TO athena_force; "
        "GRANT SELECT ON policies.role_rule TO athena_force",
    ),
    Attack(
        "allows its officers to erase",
        "only the client body keeps rules",
        writes(
            "INSERT INTO policies.role_rule (rule, role, tenant_kind, subject) "
            "VALUES ('allow', 'officer', 'force', 'nominals.erase')",
            kind=None,
        ),
        "GRANT USAGE ON SCHEMA policies TO athena_force; "
        "GRANT INSERT ON policies.role_rule TO athena_force; "
        f"{NO_RLS.format('policies.role_rule')}; DROP TRIGGER rule_changed ON policies.role_rule",
    ),
]
