"""What a force's withdrawal costs the others: pure, from charges as they stand.

A police collaboration's agreement usually asks for twelve months' notice (Police Act 1996, s.22A;
the national template). Until its last day the force bears its share; after it the others bear the
whole. What it agreed to bear once, it still owes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from athena.governance.apportionment.models import Bases
from athena.governance.apportionment.money import FinancialYear, pounds, show_day
from athena.governance.ledger.models import Charge, ChargeKind
from athena.governance.ledger.sharing import share_year
from athena.platform.kernel.identity import TenantId


@dataclass(frozen=True, slots=True)
class Effect:
    """What changes for each force in a year of a charge; positive is more, and all is zero."""

    reference: str
    year: FinancialYear
    change: Mapping[TenantId, int]


def leaving(charge: Charge, tenant: TenantId, last_day: date) -> Charge:
    """Return a charge as it will be when a force takes part until a day and no longer."""
    if charge.kind is ChargeKind.ONE_OFF:
        return charge
    return replace(
        charge,
        taking_part=[
            replace(each, last_day=last_day)
            if each.tenant_id == tenant and (each.last_day is None or each.last_day > last_day)
            else each
            for each in charge.taking_part
            if each.tenant_id != tenant or each.joined_on <= last_day
        ],
    )


def effect(
    charge: Charge,
    tenant: TenantId,
    last_day: date,
    year: FinancialYear,
    bases: Mapping[TenantId, Bases],
) -> Effect:
    """Return what everyone bears more or less in a year when a force leaves after a day."""
    before = share_year(charge, year, bases).by_force()
    after = share_year(leaving(charge, tenant, last_day), year, bases).by_force()
    return Effect(
        charge.reference,
        year,
        {
            each: after.get(each, 0) - before.get(each, 0)
            for each in sorted({*before, *after})
            if after.get(each, 0) != before.get(each, 0)
        },
    )


def sentence(name: str, last_day: date, saved: int, others: int) -> str:
    """Return in one sentence what a withdrawal costs; ``others`` is how many bear more."""
    return (
        f"{name} takes part until {show_day(last_day)}; {others} other "
        f"{'force bears' if others == 1 else 'forces bear'} {pounds(saved)} more between them "
        "in the years looked at."
    )
