"""Formulas, bases and histories of accounts, as Hypothesis draws them."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import strategies as st

from athena.governance.apportionment.apportioning import largest_remainder
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
    Weighted,
)
from athena.platform.kernel.identity import TenantId

Participants = dict[TenantId, Bases]


def force(number: int) -> str:
    """Return the short name of a made-up force."""
    return f"force-{number}"


def bases_of(number: int, **values: int) -> Bases:
    """Return the bases of a made-up force."""
    return Bases(
        force(number), f"Force {number}", {Measure(name): value for name, value in values.items()}
    )


@st.composite
def participants(draw: st.DrawFn, most: int = 60) -> Participants:
    """Draw 1 to 60 forces with every basis; of each measure somebody has some."""
    count = draw(st.integers(1, most))
    numbers = draw(st.lists(st.integers(1, 400), min_size=count, max_size=count, unique=True))
    largest = {
        Measure.HEADCOUNT: 40_000,
        Measure.NET_REVENUE_EXPENDITURE: 400_000_000_000,
        Measure.POPULATION: 10_000_000,
        Measure.USAGE: 1_000_000_000,
    }
    somebody = draw(st.sampled_from(numbers))
    return {
        TenantId(number): Bases(
            force(number),
            f"Force {number}",
            {
                measure: draw(st.integers(int(number == somebody), most_of))
                for measure, most_of in largest.items()
            },
        )
        for number in numbers
    }


def hundred(draw: st.DrawFn, count: int) -> list[Decimal]:
    """Draw percentages with up to four decimals that add up to 100."""
    weights = {place: draw(st.integers(1 if place == 0 else 0, 1000)) for place in range(count)}
    return [Decimal(part) / 10_000 for part in largest_remainder(1_000_000, weights).values()]


@st.composite
def formulas(
    draw: st.DrawFn, taking_part: Participants, deepest: int = 3, *, bounds: bool = True
) -> Formula:
    """Draw a formula of any kind that these forces can be shared a cost by."""
    kinds = ["equal", "measure", "fixed", "stated", *(["blend"] if deepest > 1 else [])]
    if deepest > 1 and bounds:
        kinds.append("bounded")
    kind = draw(st.sampled_from(kinds))
    if kind == "measure":
        return ByMeasure(measure=draw(st.sampled_from(Measure)))
    if kind == "fixed":
        names = [each.force for each in taking_part.values()]
        return Fixed(percentages=dict(zip(names, hundred(draw, len(names)), strict=True)))
    if kind == "stated":
        names = [each.force for each in taking_part.values()]
        sums = draw(st.lists(st.integers(0, 10**12), min_size=len(names), max_size=len(names)))
        sums[draw(st.integers(0, len(sums) - 1))] += 1
        return Stated(pence=dict(zip(names, sums, strict=True)))
    if kind == "blend":
        weights = hundred(draw, draw(st.integers(1, 4)))
        return Blend(
            parts=tuple(
                Weighted(
                    weight=weight, formula=draw(formulas(taking_part, deepest - 1, bounds=bounds))
                )
                for weight in weights
            )
        )
    if kind == "bounded":
        inner = draw(formulas(taking_part, deepest - 1, bounds=False))
        # Floors below and caps above an equal share can always be kept where all have some.
        equal = Fraction(1_000_000, len(taking_part))
        floor = Decimal(draw(st.integers(0, int(equal)))) / 10_000
        everyone_has_some = draw(st.booleans())
        cap = Decimal(100)
        if everyone_has_some and floor > 0:
            cap = Decimal(draw(st.integers(-int(-equal // 1), 1_000_000))) / 10_000
            inner = Blend(
                parts=(
                    Weighted(weight=Decimal(99), formula=inner),
                    Weighted(weight=Decimal(1), formula=Equal()),
                )
            )
        return Bounded(formula=inner, floor=floor, cap=cap)
    return Equal()


@st.composite
def questions(draw: st.DrawFn, most: int = 60) -> tuple[int, Formula, Participants]:
    """Draw a cost of up to 10^14 pence, a formula, and who takes part."""
    taking_part = draw(participants(most))
    pence = draw(st.one_of(st.integers(0, 1_000), st.integers(0, 10**14)))
    return pence, draw(formulas(taking_part)), taking_part
