"""A force's statement for a financial year, and the forecast against the budget: pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from athena.governance.apportionment.money import FinancialYear, pounds
from athena.governance.ledger.models import Account, JournalKind, Posted
from athena.platform.kernel.identity import TenantId


@dataclass(frozen=True, slots=True)
class Line:
    """What one journal did to a force: to what it owes, and to what it is committed to."""

    number: int
    day: date
    kind: JournalKind
    charge: str | None
    document: str
    narrative: str
    owed: int
    committed: int


@dataclass(frozen=True, slots=True)
class Statement:
    """A force's account in a financial year: it opens, its lines change it, it closes."""

    tenant_id: TenantId
    force: str
    name: str
    year: FinancialYear
    opening_owed: int
    opening_committed: int
    lines: tuple[Line, ...]

    @property
    def closing_owed(self) -> int:
        """What the force owes at the end; a credit is negative."""
        return self.opening_owed + sum(line.owed for line in self.lines)

    @property
    def closing_committed(self) -> int:
        """What the force is committed to at the end and hasn't been invoiced for."""
        return self.opening_committed + sum(line.committed for line in self.lines)


def statement(
    tenant: TenantId, force: str, name: str, year: FinancialYear, journals: Sequence[Posted]
) -> Statement:
    """Return a force's statement from every journal that concerns it, of whatever year."""
    owed = committed = 0
    lines = []
    for journal in sorted(journals, key=lambda each: (each.day, each.number)):
        line = _line(journal, tenant)
        if journal.day < year.first_day:
            owed, committed = owed + line.owed, committed + line.committed
        elif journal.day <= year.last_day and (line.owed or line.committed):
            lines.append(line)
    return Statement(tenant, force, name, year, owed, committed, tuple(lines))


def _line(journal: Posted, tenant: TenantId) -> Line:
    def of(account: Account) -> int:
        return sum(
            entry.pence
            for entry in journal.entries
            if entry.account is account and entry.tenant_id == tenant
        )

    return Line(
        journal.number,
        journal.day,
        journal.kind,
        journal.charge,
        journal.document,
        journal.narrative,
        of(Account.OWED),
        of(Account.COMMITTED),
    )


@dataclass(frozen=True, slots=True)
class ForecastLine:
    """A charge in a year: what it is to cost, what of it is committed, what was invoiced.

    The last two are as far as the reader may see: a force sees its own part.
    """

    reference: str
    title: str
    forecast: int
    committed: int
    invoiced: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a year is to cost by everything agreed, against what was budgeted for it."""

    year: FinancialYear
    budget: int | None
    lines: tuple[ForecastLine, ...]
    by_force: Mapping[TenantId, int]
    """What each force is committed to or was invoiced for so far, as the reader may see it."""

    @property
    def total(self) -> int:
        """What the year is to cost."""
        return sum(line.forecast for line in self.lines)

    def sentence(self) -> str:
        """Return the comparison in one sentence."""
        said = f"{self.year} is to cost {pounds(self.total)}"
        if self.budget is None:
            return f"{said}; no budget is set."
        over = self.total - self.budget
        if over == 0:
            return f"{said}, which is the budget."
        side = "over" if over > 0 else "under"
        return f"{said}, {pounds(abs(over))} {side} the budget of {pounds(self.budget)}."
