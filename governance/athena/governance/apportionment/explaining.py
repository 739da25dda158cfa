"""Why a force bears what it bears, in one sentence that a board can read out."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from athena.governance.apportionment.models import (
    Bases,
    Blend,
    Bounded,
    ByMeasure,
    Equal,
    Fixed,
    Formula,
    Measure,
    Stated,
    plain,
)
from athena.governance.apportionment.money import pounds
from athena.platform.kernel.identity import TenantId


def sentence(
    formula: Formula,
    bases: Mapping[TenantId, Bases],
    tenant: TenantId,
    amount_pence: int,
    pence: int,
    proportion: Fraction,
) -> str:
    """Return what a force bears of a cost, and by which figures."""
    said = (
        f"{bases[tenant].name} bears {pounds(pence)} of {pounds(amount_pence)} "
        f"({percent(proportion)}): {_why(formula, bases, tenant, proportion)}"
    )
    exact = amount_pence * proportion
    if exact.denominator == 1:
        return f"{said}."
    rounded = "up to a whole penny" if pence > exact else "down to a whole penny"
    return f"{said}; rounded {rounded}."


def percent(proportion: Fraction) -> str:
    """Return a part of the whole in per cent, with at most four decimal places."""
    shown = Decimal(round(proportion * 1_000_000)) / 10_000
    return f"{plain(shown)}%"


def _why(
    formula: Formula,
    bases: Mapping[TenantId, Bases],
    tenant: TenantId,
    proportion: Fraction | None = None,
) -> str:
    match formula:
        case Equal():
            return f"an equal share among {len(bases)}"
        case ByMeasure():
            measure = formula.measure
            total = sum(each.values[measure] for each in bases.values())
            own = bases[tenant].values[measure]
            return f"its {measure.words} is {_figure(measure, own)} of {_figure(measure, total)}"
        case Fixed():
            own_part = formula.percentages[bases[tenant].force]
            whole = sum((formula.percentages[each.force] for each in bases.values()), Decimal(0))
            among = "" if whole == 100 else f" of the {plain(whole)}% of those who take part"
            return f"its fixed percentage is {plain(own_part)}%{among}"
        case Stated():
            stated = sum(formula.pence[each.force] for each in bases.values())
            own_sum = formula.pence[bases[tenant].force]
            return f"{pounds(own_sum)} of {pounds(stated)} were stated for it"
        case Blend():
            return ", and ".join(
                f"for {plain(part.weight)}% of the cost {_why(part.formula, bases, tenant)}"
                for part in formula.parts
            )
        case Bounded():
            lowest, highest = formula.bounds(bases[tenant].force)
            inner = _why(formula.formula, bases, tenant)
            between = (
                f"{inner}, within a floor of {percent(lowest)} and a cap of {percent(highest)}"
            )
            if proportion is None or lowest == highest:
                return between
            if proportion == lowest and lowest > 0:
                return f"{inner}, and the floor of {percent(lowest)} holds"
            if proportion == highest:
                return f"{inner}, and the cap of {percent(highest)} holds"
            return between


def _figure(measure: Measure, value: int) -> str:
    """Return a value of a measure as people write it: expenditure is kept in pence."""
    return pounds(value) if measure is Measure.NET_REVENUE_EXPENDITURE else f"{value:,}"
