"""What the accounts hold: charges and who takes part, journals and their entries."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from athena.governance.apportionment.models import Formula
from athena.governance.apportionment.money import FinancialYear
from athena.platform.kernel.errors import ConflictError
from athena.platform.kernel.identity import TenantId

OF_CHANGES = r"CR-[0-9]{4,9}(-[0-9]{1,6})?(-ANNUAL)?"
"""What charges are called that votes on changes bind: they follow the change alone."""


class Account(enum.StrEnum):
    """The accounts, as the client body keeps them for the consortium.

    A debit is positive and a credit negative. `COMMITTED` and `OWED` are kept for each force.
    """

    CASH = "cash"
    """What the client body holds; debited by what forces pay, credited by what it pays."""

    COMMITMENTS = "commitments"
    """The other side of what forces are committed to: a credit as long as nothing is invoiced."""

    COMMITTED = "committed"
    """What a force agreed to bear and hasn't been invoiced for."""

    CONTRIBUTIONS = "contributions"
    """What forces were invoiced for: always as much as the costs."""

    COSTS = "costs"
    """What the supplier invoiced."""

    OWED = "owed"
    """What a force owes; a credit where it paid more than it was invoiced for."""

    SUPPLIER = "supplier"
    """What is owed to the supplier, a credit."""


OF_FORCES = frozenset({Account.COMMITTED, Account.OWED})


class JournalKind(enum.StrEnum):
    """Why something was posted."""

    COMMITMENT = "commitment"
    CREDIT = "credit"
    INVOICE = "invoice"
    JOINING = "joining"
    LEAVING = "leaving"
    PAYMENT = "payment"
    RECEIPT = "receipt"
    REFUND = "refund"
    REQUOTE = "requote"


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """A debit (positive) or a credit (negative) of whole pence to an account."""

    account: Account
    tenant_id: TenantId | None
    pence: int


@dataclass(frozen=True, slots=True)
class Journal:
    """Entries that belong together; a value of this type is always balanced."""

    kind: JournalKind
    narrative: str
    entries: tuple[Entry, ...]

    def __post_init__(self) -> None:
        """Refuse what isn't double entry: the store does so too, when the transaction commits."""
        if sum(entry.pence for entry in self.entries) != 0:
            raise ValueError("debits and credits differ")
        if any(
            (entry.account in OF_FORCES) != (entry.tenant_id is not None) for entry in self.entries
        ):
            raise ValueError("an account of forces names the force, and no other does")


class ChargeKind(enum.StrEnum):
    """Whether a cost is borne once, or year by year and by the day."""

    ANNUAL = "annual"
    ONE_OFF = "one_off"


@dataclass(frozen=True, slots=True)
class Quote:
    """What a charge costs in each financial year from one on, until a later quote."""

    from_year: FinancialYear
    pence: int


@dataclass(frozen=True, slots=True)
class Participation:
    """A force that takes part in a charge, from a day to a day; both count."""

    tenant_id: TenantId
    joined_on: date
    last_day: date | None = None

    def within(self, year: FinancialYear) -> tuple[date, date] | None:
        """Return the first and last day on which it takes part in a year, if there is any."""
        first = max(self.joined_on, year.first_day)
        last = min(self.last_day or year.last_day, year.last_day)
        return None if first > last else (first, last)


@dataclass(frozen=True, slots=True)
class Charge:
    """A cost that forces agreed to share, with every quote and everyone who ever took part."""

    charge_id: UUID
    reference: str
    title: str
    kind: ChargeKind
    formula_reference: str
    formula_version: int
    formula: Formula
    first_year: FinancialYear
    last_year: FinancialYear
    basis_year: FinancialYear | None
    """Whose bases it is shared by in every year; None: each year's own."""

    change_reference: str | None
    quotes: Sequence[Quote] = ()
    """In the order in which they came: a later one goes before an earlier one."""

    taking_part: Sequence[Participation] = ()

    def pence(self, year: FinancialYear) -> int:
        """Return what it costs in a year by the newest quote; ConflictError outside its years."""
        if not self.first_year <= year <= self.last_year:
            raise ConflictError(
                f"{self.reference} runs from {self.first_year} to {self.last_year}, not in {year}."
            )
        return [quote.pence for quote in self.quotes if quote.from_year <= year][-1]

    def bases_of(self, year: FinancialYear) -> FinancialYear:
        """Return the financial year whose bases share its cost in a year."""
        return self.basis_year or year

    def members(self) -> list[TenantId]:
        """Return everyone who ever took part."""
        return sorted({each.tenant_id for each in self.taking_part})


@dataclass(frozen=True, slots=True)
class Position:
    """How a charge stands in a year: what each force is still committed to, and was invoiced."""

    committed: Mapping[TenantId, int] = field(default_factory=dict)
    invoiced: Mapping[TenantId, int] = field(default_factory=dict)

    def plus(self, entries: Sequence[Entry]) -> Position:
        """Return how it stands after some entries of the charge."""
        committed, invoiced = dict(self.committed), dict(self.invoiced)
        for entry in entries:
            if entry.tenant_id is not None:
                kept = committed if entry.account is Account.COMMITTED else invoiced
                kept[entry.tenant_id] = kept.get(entry.tenant_id, 0) + entry.pence
        return Position(committed, invoiced)

    def total_of(self, tenant: TenantId) -> int:
        """What a force bears of the year: committed and invoiced."""
        return self.committed.get(tenant, 0) + self.invoiced.get(tenant, 0)

    @property
    def total_invoiced(self) -> int:
        """What all forces together were invoiced for."""
        return sum(self.invoiced.values())

    @property
    def total_committed(self) -> int:
        """What all forces together are still committed to."""
        return sum(self.committed.values())

    @property
    def forces(self) -> set[TenantId]:
        """Everyone with a figure here, though it be nought."""
        return {*self.committed, *self.invoiced}


@dataclass(frozen=True, slots=True)
class Posted:
    """A journal as the store keeps it, with the entries that the reader may see."""

    number: int
    journal_id: UUID
    posted_at: datetime
    day: date
    kind: JournalKind
    charge: str | None
    charge_year: FinancialYear | None
    document: str
    narrative: str
    username: str
    reason: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A force's notice that it withdraws from the consortium."""

    tenant_id: TenantId
    notice_on: date
    last_day: date
    recorded_at: datetime
    username: str
    reason: str


@dataclass(frozen=True, slots=True)
class Done:
    """What an act came to: in a sentence, and the numbers of the journals that it posted."""

    sentence: str
    journals: tuple[int, ...]
