"""The SQL of charges, budgets and notices of withdrawal."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from athena.governance.apportionment.models import parse_formula
from athena.governance.apportionment.money import FinancialYear
from athena.governance.ledger.models import (
    Charge,
    ChargeKind,
    Participation,
    Quote,
    Withdrawal,
)
from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.identity import TenantId
from athena.platform.kernel.rows import Row


async def lock(session: WriteSession) -> None:
    """Let nobody else post until this transaction ends: each posting rests on those before it."""
    await session.value(
        "SELECT pg_advisory_xact_lock(hashtextextended('athena/governance/journal', 0))"
    )


async def charges(session: ReadSession, reference: str | None = None) -> list[Charge]:
    """Return every charge, or the one of a reference, by reference."""
    rows = await session.rows(
        "SELECT c.*, f.document FROM governance.charge AS c "
        "JOIN governance.cost_formula AS f "
        "ON f.reference = c.formula_reference AND f.version = c.formula_version "
        "WHERE CAST(:reference AS text) IS NULL OR c.reference = :reference "
        "ORDER BY c.reference",
        {"reference": reference},
    )
    quotes: dict[UUID, list[Quote]] = defaultdict(list)
    for row in await session.rows(
        "SELECT charge_id, from_year, pence FROM governance.charge_quote "
        "ORDER BY charge_id, version"
    ):
        quotes[row.charge_id].append(Quote(FinancialYear(row.from_year), row.pence))
    members: dict[UUID, list[Participation]] = defaultdict(list)
    for row in await session.rows(
        "SELECT charge_id, tenant_id, joined_on, last_day FROM governance.charge_member "
        "ORDER BY charge_id, joined_on, tenant_id"
    ):
        members[row.charge_id].append(
            Participation(TenantId(row.tenant_id), row.joined_on, row.last_day)
        )
    return [_charge(row, quotes[row.charge_id], members[row.charge_id]) for row in rows]


async def store_charge(session: WriteSession, charge: Charge, username: str, reason: str) -> None:
    """Store a charge with its first quote and everyone who takes part."""
    await session.execute(
        "INSERT INTO governance.charge (charge_id, reference, title, kind, "
        "formula_reference, formula_version, first_year, last_year, basis_year, "
        "change_reference, username, reason) VALUES (:id, :reference, :title, :kind, "
        ":formula, :version, :first, :last, :basis, :change, :username, :reason)",
        {
            "id": charge.charge_id,
            "reference": charge.reference,
            "title": charge.title,
            "kind": charge.kind.value,
            "formula": charge.formula_reference,
            "version": charge.formula_version,
            "first": charge.first_year.begins,
            "last": charge.last_year.begins,
            "basis": None if charge.basis_year is None else charge.basis_year.begins,
            "change": charge.change_reference,
            "username": username,
            "reason": reason,
        },
    )
    for quote in charge.quotes:
        await add_quote(session, charge.charge_id, quote, username, reason)
    for each in charge.taking_part:
        await add_member(session, charge.charge_id, each, username, reason)


async def add_quote(
    session: WriteSession, charge_id: UUID, quote: Quote, username: str, reason: str
) -> None:
    """Store the next quote of a charge."""
    await session.execute(
        "INSERT INTO governance.charge_quote (charge_id, version, from_year, pence, username, "
        "reason) SELECT :id, coalesce(max(q.version), 0) + 1, :year, :pence, :username, :reason "
        "FROM governance.charge_quote AS q WHERE q.charge_id = :id",
        {
            "id": charge_id,
            "year": quote.from_year.begins,
            "pence": quote.pence,
            "username": username,
            "reason": reason,
        },
    )


async def add_member(
    session: WriteSession, charge_id: UUID, joining: Participation, username: str, reason: str
) -> None:
    """Store that a force takes part in a charge from a day on."""
    await session.execute(
        "INSERT INTO governance.charge_member "
        "(charge_id, tenant_id, joined_on, last_day, username, reason) "
        "VALUES (:id, :tenant, :day, :last, :username, :reason)",
        {
            "id": charge_id,
            "tenant": joining.tenant_id,
            "day": joining.joined_on,
            "last": joining.last_day,
            "username": username,
            "reason": reason,
        },
    )


async def join_charge(
    session: WriteSession,
    change_id: UUID,
    charge: Charge,
    shares: Mapping[str, Mapping[str, int]],
    username: str,
    reason: str,
) -> list[int]:
    """Have the store let the login's own force join a charge of a change; return the journals.

    ``shares`` is by the year's first calendar year and the force's number.
    """
    numbers: list[int] = await session.value(
        "SELECT governance.join_charge(:change, :charge, :joined_on, CAST(:shares AS jsonb), "
        ":username, :reason)",
        {
            "change": change_id,
            "charge": charge.charge_id,
            "joined_on": charge.taking_part[-1].joined_on,
            "shares": json.dumps(shares),
            "username": username,
            "reason": reason,
        },
    )
    return numbers


async def end_membership(
    session: WriteSession, charge_id: UUID, tenant: TenantId, last_day: date
) -> None:
    """Store the last day on which a force takes part in a charge."""
    await session.execute(
        "UPDATE governance.charge_member SET last_day = :day "
        "WHERE charge_id = :id AND tenant_id = :tenant AND last_day IS NULL",
        {"id": charge_id, "tenant": tenant, "day": last_day},
    )


async def set_budget(
    session: WriteSession, year: FinancialYear, pence: int, username: str, reason: str
) -> None:
    """Store the next version of a year's budget."""
    await session.execute(
        "INSERT INTO governance.budget (financial_year, version, pence, username, reason) "
        "SELECT :year, coalesce(max(b.version), 0) + 1, :pence, :username, :reason "
        "FROM governance.budget AS b WHERE b.financial_year = :year",
        {"year": year.begins, "pence": pence, "username": username, "reason": reason},
    )


async def budget(session: ReadSession, year: FinancialYear) -> int | None:
    """Return the newest budget of a year in pence, or None."""
    found: int | None = await session.value(
        "SELECT pence FROM governance.budget WHERE financial_year = :year "
        "ORDER BY version DESC LIMIT 1",
        {"year": year.begins},
    )
    return found


async def store_withdrawal(
    session: WriteSession,
    tenant: TenantId,
    notice_on: date,
    last_day: date,
    username: str,
    reason: str,
) -> None:
    """Store the notice that a force gave."""
    await session.execute(
        "INSERT INTO governance.withdrawal (tenant_id, notice_on, last_day, username, reason) "
        "VALUES (:tenant, :notice, :last, :username, :reason)",
        {
            "tenant": tenant,
            "notice": notice_on,
            "last": last_day,
            "username": username,
            "reason": reason,
        },
    )


async def withdrawals(session: ReadSession) -> list[Withdrawal]:
    """Return every notice of withdrawal, by the last day."""
    rows: Sequence[Row] = await session.rows(
        "SELECT tenant_id, notice_on, last_day, stored_at, username, reason "
        "FROM governance.withdrawal ORDER BY last_day, tenant_id"
    )
    return [
        Withdrawal(
            TenantId(row.tenant_id),
            row.notice_on,
            row.last_day,
            row.stored_at,
            row.username,
            row.reason,
        )
        for row in rows
    ]


def _charge(row: Row, quotes: list[Quote], members: list[Participation]) -> Charge:
    return Charge(
        row.charge_id,
        row.reference,
        row.title,
        ChargeKind(row.kind),
        row.formula_reference,
        row.formula_version,
        parse_formula(row.document),
        FinancialYear(row.first_year),
        FinancialYear(row.last_year),
        None if row.basis_year is None else FinancialYear(row.basis_year),
        row.change_reference,
        quotes,
        members,
    )
