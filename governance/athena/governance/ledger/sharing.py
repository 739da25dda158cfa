"""Who bears how much of a charge in a financial year: pure, from what was agreed.

A one-off charge is shared once among everyone who ever joined it: one that joins later pays its
share, and the earlier ones' fall. An annual charge is shared day by day among those who take part
on the day, so it always adds up to the whole, whoever joins or leaves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from athena.governance.apportionment.apportioning import apportion, largest_remainder
from athena.governance.apportionment.models import Bases, Shares
from athena.governance.apportionment.money import FinancialYear, show_day
from athena.governance.ledger.models import Charge, ChargeKind
from athena.platform.kernel.errors import ConflictError
from athena.platform.kernel.identity import TenantId


@dataclass(frozen=True, slots=True)
class Span:
    """Days on which the same forces take part, and how those days' part of the cost is shared."""

    first: date
    last: date
    shares: Shares


@dataclass(frozen=True, slots=True)
class YearOfCharge:
    """A charge's cost in a year: the spans that it is shared in, which add up to it."""

    pence: int
    spans: tuple[Span, ...]

    def by_force(self) -> dict[TenantId, int]:
        """Return the pence that each force bears of the year's cost."""
        total: dict[TenantId, int] = {}
        for span in self.spans:
            for tenant, pence in span.shares.pence().items():
                total[tenant] = total.get(tenant, 0) + pence
        return total

    def sentences(self, tenant: TenantId) -> list[str]:
        """Return why a force bears what it bears, span by span."""
        return [
            f"{show_day(span.first)} to {show_day(span.last)}: {share.sentence}"
            if len(self.spans) > 1
            else share.sentence
            for span in self.spans
            for share in span.shares.shares
            if share.tenant_id == tenant
        ]


def share_year(
    charge: Charge, year: FinancialYear, bases: Mapping[TenantId, Bases]
) -> YearOfCharge:
    """Return who bears how much of a charge in a year.

    ``bases`` holds everyone who takes part. ConflictError where nobody takes part on some day;
    InvalidInputError where a basis is missing.
    """
    pence = charge.pence(year)
    if charge.kind is ChargeKind.ONE_OFF:
        members = {tenant: bases[tenant] for tenant in charge.members()}
        shares = apportion(pence, charge.formula, members)
        return YearOfCharge(pence, (Span(year.first_day, year.last_day, shares),))
    spans = days_together(charge, year)
    parts = largest_remainder(
        pence, {place: (last - first).days + 1 for place, (first, last, _) in enumerate(spans)}
    )
    return YearOfCharge(
        pence,
        tuple(
            Span(
                first,
                last,
                apportion(
                    parts[place], charge.formula, {tenant: bases[tenant] for tenant in together}
                ),
            )
            for place, (first, last, together) in enumerate(spans)
        ),
    )


def days_together(
    charge: Charge, year: FinancialYear
) -> list[tuple[date, date, frozenset[TenantId]]]:
    """Return the spans of a year's days on which the same forces take part, the first one first."""
    present = [(each.tenant_id, days) for each in charge.taking_part if (days := each.within(year))]
    starts = {year.first_day}
    for _, (first, last) in present:
        starts |= {first, last + timedelta(days=1)}
    firsts = sorted(day for day in starts if day <= year.last_day)
    spans: list[tuple[date, date, frozenset[TenantId]]] = []
    for first, following in zip(firsts, [*firsts[1:], None], strict=True):
        last = year.last_day if following is None else following - timedelta(days=1)
        together = frozenset(
            tenant for tenant, (joined, left) in present if joined <= first and last <= left
        )
        if not together:
            raise ConflictError(
                f"Nobody would take part in {charge.reference} from {show_day(first)} "
                f"to {show_day(last)}, so nobody could bear its cost."
            )
        if spans and spans[-1][2] == together:
            spans[-1] = (spans[-1][0], last, together)
        else:
            spans.append((first, last, together))
    return spans
