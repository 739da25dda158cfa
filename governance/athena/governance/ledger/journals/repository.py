"""The SQL of journals and their entries."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from uuid import UUID, uuid4

from athena.governance.apportionment.money import FinancialYear
from athena.governance.ledger.models import (
    Account,
    Entry,
    Journal,
    JournalKind,
    Position,
    Posted,
)
from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.identity import TenantId
from athena.platform.kernel.rows import Row


async def post(
    session: WriteSession,
    journal: Journal,
    day: date,
    charge: tuple[UUID, FinancialYear] | None,
    document: str,
    username: str,
    reason: str,
) -> int:
    """Append a balanced journal and return its number; the caller holds the lock on posting."""
    number: int = await session.value("SELECT coalesce(max(number), 0) + 1 FROM governance.journal")
    journal_id = uuid4()
    await session.execute(
        "INSERT INTO governance.journal (journal_id, number, day, kind, charge_id, charge_year, "
        "document, narrative, username, reason) VALUES (:id, :number, :day, :kind, :charge, "
        ":year, :document, :narrative, :username, :reason)",
        {
            "id": journal_id,
            "number": number,
            "day": day,
            "kind": journal.kind.value,
            "charge": None if charge is None else charge[0],
            "year": None if charge is None else charge[1].begins,
            "document": document,
            "narrative": journal.narrative,
            "username": username,
            "reason": reason,
        },
    )
    await session.execute(
        "INSERT INTO governance.journal_entry (journal_id, line, account, tenant_id, pence) "
        "SELECT :id, e.line, e.account, e.tenant_id, e.pence FROM unnest("
        "CAST(:accounts AS text[]), CAST(:tenants AS smallint[]), CAST(:pence AS bigint[])) "
        "WITH ORDINALITY AS e (account, tenant_id, pence, line)",
        {
            "id": journal_id,
            "accounts": [entry.account.value for entry in journal.entries],
            "tenants": [entry.tenant_id for entry in journal.entries],
            "pence": [entry.pence for entry in journal.entries],
        },
    )
    return number


async def position(session: ReadSession, charge_id: UUID, year: FinancialYear) -> Position:
    """Return how a charge stands in a year, by everything posted so far."""
    positions = await positions_of(session, charge_id)
    return positions.get(year, Position())


async def positions_of(session: ReadSession, charge_id: UUID) -> dict[FinancialYear, Position]:
    """Return how a charge stands in each year that anything was posted for."""
    rows = await session.rows(
        "SELECT j.charge_year, e.account, e.tenant_id, sum(e.pence) AS pence "
        "FROM governance.journal AS j JOIN governance.journal_entry AS e USING (journal_id) "
        "WHERE j.charge_id = :charge AND e.tenant_id IS NOT NULL "
        "GROUP BY j.charge_year, e.account, e.tenant_id",
        {"charge": charge_id},
    )
    found: dict[FinancialYear, Position] = {}
    for row in rows:
        year = FinancialYear(row.charge_year)
        entry = Entry(Account(row.account), TenantId(row.tenant_id), int(row.pence))
        found[year] = found.get(year, Position()).plus([entry])
    return found


async def balance(session: ReadSession, account: Account, tenant: TenantId | None = None) -> int:
    """Return the balance of an account, or of one force's."""
    found: int = await session.value(
        "SELECT CAST(coalesce(sum(pence), 0) AS bigint) FROM governance.journal_entry "
        "WHERE account = :account AND tenant_id IS NOT DISTINCT FROM :tenant",
        {"account": account.value, "tenant": tenant},
    )
    return found


async def balances(session: ReadSession) -> list[Entry]:
    """Return the balance of every account that the session may see: the trial balance."""
    rows = await session.rows(
        "SELECT account, tenant_id, sum(pence) AS pence FROM governance.journal_entry "
        "GROUP BY account, tenant_id ORDER BY account, tenant_id"
    )
    return [
        Entry(
            Account(row.account),
            None if row.tenant_id is None else TenantId(row.tenant_id),
            int(row.pence),
        )
        for row in rows
    ]


async def journals(session: ReadSession, until: date, since: date | None = None) -> list[Posted]:
    """Return the journals of some days that the session may see, the first one first."""
    rows = await session.rows(
        "SELECT j.*, c.reference AS charge FROM governance.journal AS j "
        "LEFT JOIN governance.charge AS c USING (charge_id) "
        "WHERE j.day <= :until AND (CAST(:since AS date) IS NULL OR j.day >= :since) "
        "ORDER BY j.number",
        {"until": until, "since": since},
    )
    entries: dict[UUID, list[Entry]] = defaultdict(list)
    for row in await session.rows(
        "SELECT e.journal_id, e.account, e.tenant_id, e.pence FROM governance.journal_entry AS e "
        "JOIN governance.journal AS j USING (journal_id) "
        "WHERE j.day <= :until AND (CAST(:since AS date) IS NULL OR j.day >= :since) "
        "ORDER BY e.journal_id, e.line",
        {"until": until, "since": since},
    ):
        tenant = None if row.tenant_id is None else TenantId(row.tenant_id)
        entries[row.journal_id].append(Entry(Account(row.account), tenant, row.pence))
    return [_posted(row, tuple(entries[row.journal_id])) for row in rows]


def _posted(row: Row, entries: tuple[Entry, ...]) -> Posted:
    return Posted(
        row.number,
        row.journal_id,
        row.stored_at,
        row.day,
        JournalKind(row.kind),
        row.charge,
        None if row.charge_year is None else FinancialYear(row.charge_year),
        row.document,
        row.narrative,
        row.username,
        row.reason,
        entries,
    )
