"""What Kent's login tries on the accounts: reading others' entries, writing any."""

from __future__ import annotations

from rls.attacks import NO_RLS, Attack, reads, writes

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

COSTS = [
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
