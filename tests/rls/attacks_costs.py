"""What Kent's login tries on the accounts: reading others' entries, writing any."""

from __future__ import annotations

import asyncpg

from rls.attacks import NO_RLS, Attack, Steps, fill, reads, without, writes
from support.world import World

KEPT = "client_body_keeps_accounts"
SETS = {
    "cost_formula": "title = 'Mine'",
    "basis_set": "source = 'Mine'",
    "basis_value": "value = 0",
    "budget": "pence = 0",
    "charge": "title = 'Mine'",
    "charge_quote": "pence = 0",
    "charge_member": "last_day = '2026-05-01'",
    "withdrawal": "last_day = '2099-01-01'",
    "journal": "narrative = 'Mine'",
    "journal_entry": "pence = -1",
}
GUARDS = {"basis_set": "freeze_once", "charge_member": "end_once"}

JOIN = "governance.join_charge(uuid, uuid, date, jsonb, text, text)"
CHANGE = "00000000-0000-4000-8000-0000000000e1"
CHARGE = "00000000-0000-4000-8000-0000000000e2"
JOINABLE = (
    f"INSERT INTO governance.change (change_id, number, tenant_id, username, kind, state, "
    f"submitted_at) SELECT '{CHANGE}', 9, tenant_id, 'board.kent', 'emergency', 'authorised', "
    "now() FROM tenants.tenant WHERE slug = 'kent'",
    "INSERT INTO governance.change_version (change_id, version, tenant_id, username, document, "
    "digest) SELECT change_id, 1, tenant_id, username, '{}', sha256('') FROM governance.change "
    f"WHERE change_id = '{CHANGE}'",
    "INSERT INTO governance.change_entry (change_id, number, tenant_id, username, kind, version, "
    f"document) SELECT '{CHANGE}', 1, tenant_id, 'amo.admin', 'decision', 1, "
    """'{"result": "carried", "charge": "CR-0009"}' FROM tenants.tenant WHERE slug = 'amo'""",
    f"INSERT INTO governance.charge (charge_id, reference, title, kind, formula_reference, "
    f"formula_version, first_year, last_year, username, reason) VALUES ('{CHARGE}', 'CR-0009', "
    "'Charge', 'one_off', 'equal', 1, 2026, 2026, 'amo.admin', 'Prepared')",
    "INSERT INTO governance.charge_member (charge_id, tenant_id, joined_on, username, reason) "
    f"SELECT '{CHARGE}', tenant_id, DATE '2026-04-01', 'amo.admin', 'Prepared' FROM tenants.tenant "
    "WHERE slug = 'essex'",
    "INSERT INTO governance.journal (journal_id, number, day, kind, charge_id, charge_year, "
    f"narrative, username, reason) VALUES ('{CHARGE}', 3, '2026-05-01', 'commitment', '{CHARGE}', "
    "2026, 'Committed', 'amo.admin', 'Prepared')",
    "INSERT INTO governance.journal_entry (journal_id, line, account, tenant_id, pence) "
    f"SELECT CAST('{CHARGE}' AS uuid), 1, 'committed', tenant_id, 100 "
    "FROM tenants.tenant WHERE slug = 'essex' "
    f"UNION ALL SELECT CAST('{CHARGE}' AS uuid), 2, 'commitments', NULL, -100",
)
"""A change of Kent's whose vote bound Essex to a pound."""


async def prepare_joining(admin: asyncpg.Connection) -> None:
    """Store what joining is tried on, past the guards, as a superuser in replica mode."""
    await admin.execute("SET session_replication_role = replica")
    for statement in JOINABLE:
        await admin.execute(statement)
    await admin.execute("RESET session_replication_role")


def joins(
    shares: str, day: str = "(now() AT TIME ZONE 'Europe/London')::date", *, opted: bool = True
) -> Steps:
    """Return steps that join the charge by some shares, having opted in unless told otherwise."""

    async def steps(connection: asyncpg.Connection, world: World) -> bool:
        async with connection.transaction():
            if opted:
                await connection.execute(
                    "INSERT INTO governance.change_entry (change_id, tenant_id, username, kind, "
                    f"version, document) VALUES ('{CHANGE}', {world.kent}, 'board.kent', "
                    "'opt_in', 1, '{}')"
                )
            posted = await connection.fetchval(
                f"SELECT governance.join_charge('{CHANGE}', '{CHARGE}', {day}, "
                f"""'{{"2026": {fill(shares, world)}}}', 'board.kent', 'Opts in')"""
            )
        return bool(posted)

    return steps


COSTS = [
    Attack(
        "joins a charge without having opted in",
        "a force joins what it opted in to",
        joins('{{"{kent}": 50, "{essex}": 50}}', opted=False),
        without(JOIN, "''opt_in'' IS DISTINCT FROM", "false AND ''x'' IS DISTINCT FROM"),
    ),
    Attack(
        "joins a charge to be paid by it",
        "nobody's share is negative, and together they are what the charge costs",
        joins('{{"{kent}": -50, "{essex}": 150}}'),
        without(JOIN, "OR t.pence::bigint < 0", ""),
    ),
    Attack(
        "joins a charge from a day to come",
        "a force joins from today",
        joins('{{"{kent}": 50, "{essex}": 50}}', "DATE '2099-01-01'"),
        without(JOIN, "p_joined_on IS DISTINCT FROM (", "false AND p_joined_on IS DISTINCT FROM ("),
    ),
    Attack(
        "reads what Essex owes",
        "a force reads the entries of its own accounts",
        reads("SELECT 1 FROM governance.journal_entry WHERE tenant_id = {essex}"),
        NO_RLS.format("governance.journal_entry"),
    ),
    Attack(
        "reads the client body's own entries",
        "a force reads the entries of its own accounts",
        reads("SELECT 1 FROM governance.journal_entry WHERE tenant_id IS NULL"),
        NO_RLS.format("governance.journal_entry"),
    ),
    Attack(
        "reads a journal of Essex's",
        "a force reads journals in which it has an entry",
        reads("SELECT 1 FROM governance.journal WHERE number = 2"),
        NO_RLS.format("governance.journal"),
    ),
    *(
        Attack(
            f"changes a row of governance.{table}",
            "only the client body keeps the accounts, and it changes none",
            writes(f"UPDATE governance.{table} SET {change}"),
            f"GRANT UPDATE ON governance.{table} TO athena_force; "
            f"{NO_RLS.format(f'governance.{table}')}; "
            f"DROP TRIGGER {GUARDS.get(table, 'keep_accounts')} ON governance.{table}",
        )
        for table, change in SETS.items()
    ),
    Attack(
        "counts everyone's use",
        "the client body alone counts, in a logged act",
        reads("SELECT 1 FROM audit.count_use('-infinity', 'infinity')"),
        "GRANT EXECUTE ON FUNCTION audit.count_use TO athena_force; "
        "GRANT SELECT ON audit.event TO athena_measuring; "
        "ALTER TABLE audit.event DISABLE ROW LEVEL SECURITY; "
        "CREATE OR REPLACE FUNCTION audit.count_use(p_from timestamptz, p_to timestamptz) "
        "RETURNS TABLE (tenant_id smallint, uses bigint) LANGUAGE sql STABLE SECURITY DEFINER "
        "SET search_path = pg_catalog, pg_temp AS "
        "'SELECT e.tenant_id, count(*) FROM audit.event AS e GROUP BY e.tenant_id'",
    ),
]
