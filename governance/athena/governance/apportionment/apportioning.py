"""Sharing a cost: exact proportions by the formula, then whole pence by largest remainder.

Nothing here reads or writes anything; the same question has the same answer for ever.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from fractions import Fraction
from typing import TypeVar

from athena.governance.apportionment.explaining import sentence
from athena.governance.apportionment.models import (
    Bases,
    Blend,
    Bounded,
    ByMeasure,
    Equal,
    Fixed,
    Formula,
    Measure,
    Share,
    Shares,
    Stated,
)
from athena.governance.apportionment.money import check_pence
from athena.platform.kernel.errors import InvalidInputError
from athena.platform.kernel.identity import TenantId

Key = TypeVar("Key", TenantId, int)
Proportions = dict[TenantId, Fraction]
"""Each force's exact part of the whole; together they are one."""


def apportion(amount_pence: int, formula: Formula, bases: Mapping[TenantId, Bases]) -> Shares:
    """Share a cost among the forces of ``bases``; the shares add up to it to the penny.

    The order of the forces doesn't matter: what rounding leaves goes to the largest remainders,
    and among equal ones to the lowest number of a force. InvalidInputError where the cost is
    negative, nobody takes part, a basis is missing, or floors and caps can't all be kept.
    """
    check_pence(amount_pence)
    exact = proportions(formula, bases)
    pence = largest_remainder(amount_pence, exact)
    return Shares(
        amount_pence,
        tuple(
            Share(
                tenant,
                bases[tenant].force,
                bases[tenant].name,
                pence[tenant],
                exact[tenant],
                sentence(formula, bases, tenant, amount_pence, pence[tenant], exact[tenant]),
            )
            for tenant in sorted(bases)
        ),
    )


def largest_remainder(total: int, weights: Mapping[Key, Fraction | int]) -> dict[Key, int]:
    """Share a whole number in proportion to weights, none negative and one above zero.

    Each gets its exact part rounded down; the units left go one each to the largest fractions cut
    off (the largest remainder method, also Hamilton's), equal ones by the order of the keys.
    """
    whole = sum(weights.values())
    exact = {key: total * Fraction(weight) / whole for key, weight in weights.items()}
    shares = {key: part.numerator // part.denominator for key, part in exact.items()}
    left = total - sum(shares.values())
    for key in sorted(weights, key=lambda key: (shares[key] - exact[key], key))[:left]:
        shares[key] += 1
    return shares


def proportions(formula: Formula, bases: Mapping[TenantId, Bases]) -> Proportions:
    """Return each force's exact part of a cost by a formula; together they are one."""
    if not bases:
        raise InvalidInputError("Nobody takes part, so nobody can bear the cost.", field="/forces")
    match formula:
        case Equal():
            return dict.fromkeys(bases, Fraction(1, len(bases)))
        case ByMeasure():
            return _in_proportion(
                {tenant: _measured(each, formula.measure) for tenant, each in bases.items()},
                f"Nobody who takes part has any {formula.measure.words}.",
            )
        case Fixed():
            return _in_proportion(
                {tenant: _agreed(each, formula) for tenant, each in bases.items()},
                "The fixed percentages of those who take part are all zero.",
            )
        case Stated():
            return _in_proportion(
                {tenant: _stated(each, formula) for tenant, each in bases.items()},
                "The sums that were stated for those who take part are all nought.",
            )
        case Blend():
            parts = [(part.weight, proportions(part.formula, bases)) for part in formula.parts]
            return {
                tenant: sum(
                    (Fraction(weight) / 100 * part[tenant] for weight, part in parts), Fraction(0)
                )
                for tenant in bases
            }
        case Bounded():
            bounds = {tenant: formula.bounds(each.force) for tenant, each in bases.items()}
            return hold_within(proportions(formula.formula, bases), bounds)


def _measured(bases: Bases, measure: Measure) -> Fraction:
    value = bases.values.get(measure)
    if value is None:
        raise InvalidInputError(
            f"The {measure.words} of {bases.name} is missing; store it for the financial year.",
            field="/formula",
        )
    if value < 0:
        raise InvalidInputError(
            f"The {measure.words} of {bases.name} can't be negative.", field="/formula"
        )
    return Fraction(value)


def _agreed(bases: Bases, formula: Fixed) -> Fraction:
    if bases.force not in formula.percentages:
        raise InvalidInputError(
            f"The formula has no percentage for {bases.name}; store a version that has.",
            field="/formula",
        )
    return Fraction(formula.percentages[bases.force])


def _stated(bases: Bases, formula: Stated) -> Fraction:
    if bases.force not in formula.pence:
        raise InvalidInputError(
            f"No sum was stated for {bases.name}, so it can't take part by stated shares; "
            "share the cost by a formula.",
            field="/formula",
        )
    return Fraction(formula.pence[bases.force])


def _in_proportion(values: Mapping[TenantId, Fraction], nothing: str) -> Proportions:
    total = sum(values.values(), Fraction(0))
    if total == 0:
        raise InvalidInputError(nothing, field="/formula")
    return {tenant: value / total for tenant, value in values.items()}


def hold_within(
    parts: Mapping[TenantId, Fraction], bounds: Mapping[TenantId, tuple[Fraction, Fraction]]
) -> Proportions:
    """Scale parts by one factor so that, each held within its bounds, they are one together.

    InvalidInputError where floors come to more than the whole, or caps to less.
    """
    if sum((lowest for lowest, _ in bounds.values()), Fraction(0)) > 1:
        raise InvalidInputError(
            "The floors of those who take part come to more than the whole cost.", field="/formula"
        )
    if sum((bounds[key][parts[key] > 0] for key in parts), Fraction(0)) < 1:
        raise InvalidInputError(
            "The caps of those who take part come to less than the whole cost.", field="/formula"
        )

    def held(factor: Fraction) -> Proportions:
        return {
            key: min(max(factor * part, bounds[key][0]), bounds[key][1])
            for key, part in parts.items()
        }

    def total(each: Proportions) -> Fraction:
        return sum(each.values(), Fraction(0))

    # The sum rises with the factor, and bends only where someone meets a bound.
    bends = sorted({bound / parts[key] for key in parts if parts[key] for bound in bounds[key]})
    place = bisect_left(bends, Fraction(1), key=lambda bend: total(held(bend)))
    above = bends[place]
    if place == 0 or total(held(above)) == 1:
        return held(above)
    below = bends[place - 1]
    low, high = total(held(below)), total(held(above))
    return held(below + (above - below) * (1 - low) / (high - low))
