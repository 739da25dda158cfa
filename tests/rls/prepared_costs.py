"""A row of Kent's and of Essex's in each table of the accounts, with what belongs to nobody."""

from __future__ import annotations

from uuid import uuid4

import asyncpg

WHO = "username, reason"
SAID = "'amo.finance', 'Prepared'"


async def prepare_costs(admin: asyncpg.Connection, forces: tuple[int, int]) -> None:
    """Store a formula, bases, a charge of both forces, and a journal of each."""
    basis, charge = uuid4(), uuid4()
    await admin.execute(
        "INSERT INTO governance.cost_formula (reference, version, title, document, digest, "
        f"{WHO}) VALUES ('equal', 1, 'Equal', '{{\"kind\": \"equal\"}}', sha256(''), {SAID})"
    )
    await admin.execute(
        f"INSERT INTO governance.budget (financial_year, version, pence, {WHO}) "
        f"VALUES (2026, 1, 1, {SAID})"
    )
    async with admin.transaction():
        await admin.execute(
            "INSERT INTO governance.basis_set (basis_set_id, financial_year, measure, version, "
            f"source, digest, {WHO}) VALUES ($1, 2026, 'usage', 1, 'Source', sha256(''), {SAID})",
            basis,
        )
        await admin.execute(
            "INSERT INTO governance.charge (charge_id, reference, title, kind, "
            f"formula_reference, formula_version, first_year, last_year, {WHO}) "
            f"VALUES ($1, 'C-1', 'Charge', 'annual', 'equal', 1, 2026, 2027, {SAID})",
            charge,
        )
        await admin.execute(
            f"INSERT INTO governance.charge_quote (charge_id, version, from_year, pence, {WHO}) "
            f"VALUES ($1, 1, 2026, 100, {SAID})",
            charge,
        )
        for number, force in enumerate(forces, start=1):
            journal = uuid4()
            await admin.execute(
                "INSERT INTO governance.basis_value VALUES ($1, $2, 1)", basis, force
            )
            await admin.execute(
                f"INSERT INTO governance.charge_member (charge_id, tenant_id, joined_on, {WHO}) "
                f"VALUES ($1, $2, '2026-04-01', {SAID})",
                charge,
                force,
            )
            await admin.execute(
                f"INSERT INTO governance.withdrawal (tenant_id, notice_on, last_day, {WHO}) "
                f"VALUES ($1, '2026-04-01', '2027-04-01', {SAID})",
                force,
            )
            await admin.execute(
                f"INSERT INTO governance.journal (journal_id, number, day, kind, narrative, {WHO}) "
                f"VALUES ($1, $2, '2026-05-01', 'receipt', 'Paid', {SAID})",
                journal,
                number,
            )
            await admin.execute(
                "INSERT INTO governance.journal_entry VALUES ($1, 1, 'cash', NULL, 100), "
                "($1, 2, 'owed', $2, -100)",
                journal,
                force,
            )
