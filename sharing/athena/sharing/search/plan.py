"""From a question to index look-ups: which ranges of the name index to read, likeliest first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from athena.records.names.keys import TERM_BITS, day_number
from athena.records.names.ranges import (
    NO_RANGES,
    Ranges,
    both,
    day_ranges,
    further,
    pair_ranges,
    surname_ranges,
)
from athena.sharing.search.dates import (
    DATE_OTHER,
    DATE_SAME_YEAR,
    DATE_UNKNOWN,
    NEAR_YEARS,
    YEAR_NEAR,
    YEAR_OTHER,
    DateScale,
    date_slips,
    slip_weight,
    swapped_day_and_month,
    year_days,
)
from athena.sharing.search.dictionary import NameDictionary
from athena.sharing.search.meanings import Interpretation, Terms, Weights
from athena.sharing.search.query import PersonQuery

MOST_PAIRS = 300
"""The most (surname, given name) pairs that one search looks for."""

FARTHEST_PAIR = -9.0
"""The weight under which nobody means a pair: whether it is recorded isn't asked."""

MOST_FAMILIES = 6
"""In how many of the closest surnames to look for any given name, when little else is found."""

FAMILY_WEIGHT = -2.0
"""How close a surname must be for that."""

MOST_OF_FAMILY = 200
"""The most given names to look for in one of them."""

PAIRS_BEFORE_FAMILIES = 80
MOST_SURNAMES_ALONE = 20
MOST_GIVEN_ALONE = 8

MOST_POINTERS = 40
POINTER_WEIGHT = -2.5
"""How close a name must be for the platform to say that a hidden record of it exists."""

MISSING_PART_COST = 2.5
"""What it costs that a record lacks the given name or the surname that was typed."""

FURTHER_NAME_COST = 1.2
"""What it costs that a record bears a name besides: a middle name, a part of the surname."""

GOOD_WEIGHT = -5.0
"""The sum of weights from which a record fits well: a score of a half."""

_EXACT_DATES, _SLIPPED_DATES, _UNKNOWN_DATES = 40, 15, 20
"""For how many pairs to look at the date typed, at slips of it, and at records without one.

The day typed is read whole besides, so a pair further back with that very date is found there.
"""

GIVEN_ALONE_WEIGHT = -2.5
"""How close a given name must be for one of another surname to be found on the day typed."""


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """The look-ups of one search, in the order in which they are worth making."""

    interpretations: tuple[Interpretation, ...]
    dates: DateScale | None
    narrow: Ranges
    """Name keys bounded by the date of birth or, without one, by nothing."""
    good: int
    """How many of the narrow ranges, from the first, hold nothing but good hits."""
    wide: Ranges
    """The same pairs with any date, and the closest surnames with any given name.

    They are for when the narrow ones find too little.
    """
    days: Ranges
    """Date keys of the days of birth worth reading whole."""
    pointers: Ranges
    """The look-ups close enough to tell that a record exists which may not be shown."""
    surname_terms: tuple[int, ...] = ()
    given_terms: tuple[int, ...] = ()
    """Any of these names brings in whoever was born on one of the days."""


@dataclass(slots=True)
class _Weighed:
    """Pairs of terms with the best weight that any reading gives them."""

    _pairs: list[Terms] = field(default_factory=list)
    _weights: list[Weights] = field(default_factory=list)

    def add(self, pairs: Terms, weights: Weights) -> None:
        self._pairs.append(pairs)
        self._weights.append(weights)

    def best(self, limit: int) -> tuple[Terms, Weights]:
        from athena.sharing.search import compiled_columns

        if not self._pairs:
            return np.zeros(0, np.int64), np.zeros(0)
        pairs, weights = np.concatenate(self._pairs), np.concatenate(self._weights)
        order = np.lexsort((pairs, -weights))
        order = order[compiled_columns.first_of_each(pairs[order], limit)]
        return pairs[order], weights[order]


@dataclass(slots=True)
class _Probes:
    """Ranges with what a row in each of them weighs at most."""

    _ranges: list[Ranges] = field(default_factory=list)
    _weights: list[Weights] = field(default_factory=list)

    def add(self, ranges: Ranges, weights: Weights) -> None:
        self._ranges.append(ranges)
        self._weights.append(weights)

    def add_both(self, ranges: Ranges, weights: Weights) -> None:
        """Add ranges of first names and, for those close enough to be good, of further ones."""
        self.add(ranges, weights)
        besides = weights - FURTHER_NAME_COST
        good = besides >= GOOD_WEIGHT
        self.add(further(ranges[good]), besides[good])

    def include(self, others: _Probes, weight: float) -> None:
        """Add the ranges of others, each with a weight more."""
        self._ranges += others._ranges
        self._weights += [weights + weight for weights in others._weights]

    def in_order(self) -> tuple[Ranges, int]:
        """Return the ranges, the likeliest first, and how many of them are good."""
        if not self._ranges:
            return NO_RANGES, 0
        weights = np.concatenate(self._weights)
        order = np.argsort(-weights, kind="stable")
        return np.concatenate(self._ranges)[order], int((weights >= GOOD_WEIGHT).sum())


def make_plan(query: PersonQuery, names: NameDictionary) -> SearchPlan:
    """Return the look-ups for a query that has a name."""
    expand = cache(names.meant_by)
    interpretations = tuple(Interpretation.of(reading, expand) for reading in query.readings)
    weighed = _Weighed()
    alone = _Weighed()
    for item in interpretations:
        if len(item.surnames) and len(item.given):
            _weigh_pairs(weighed, item, names)
        elif len(item.surnames):
            alone.add(
                item.surnames.terms[:MOST_SURNAMES_ALONE],
                item.surnames.log_p[:MOST_SURNAMES_ALONE] - item.reading.penalty,
            )
        else:
            _weigh_given_only(weighed, item, names)
    pairs, weights = weighed.best(MOST_PAIRS)
    surnames, surname_weights = alone.best(MOST_SURNAMES_ALONE)
    any_date = _Probes()
    any_date.add_both(pair_ranges(pairs), weights)
    any_date.add_both(surname_ranges(surnames), surname_weights)
    narrow, good = _narrow(query, pairs, weights, surnames, surname_weights, names).in_order()
    if len(narrow) or query.born is not None or query.born_years is not None:
        wide = _wide(query, pairs, weights, any_date, interpretations, names)
    else:
        narrow, good = any_date.in_order()
        families = _family_ranges(query, interpretations, names)
        wide = np.concatenate(families) if families else NO_RANGES
    on_the_day = interpretations if query.born is not None else ()
    pointed = pairs[weights >= POINTER_WEIGHT][:MOST_POINTERS]
    return SearchPlan(
        interpretations=interpretations,
        dates=DateScale.of(query),
        narrow=narrow,
        good=good,
        wide=wide,
        days=_whole_days(query),
        pointers=_pointer_ranges(query, pointed),
        surname_terms=_distinct(item.surnames.terms for item in on_the_day),
        given_terms=_distinct(
            item.given.terms[item.given.log_p >= GIVEN_ALONE_WEIGHT] for item in on_the_day
        ),
    )


def _narrow(
    query: PersonQuery,
    pairs: Terms,
    weights: Weights,
    surnames: Terms,
    surname_weights: Weights,
    names: NameDictionary,
) -> _Probes:
    """Return the pairs' ranges bounded by date: the date typed, slips of it, or its year."""
    probes = _Probes()
    if query.born is not None:
        born = query.born.earliest
        number = day_number(born)
        probes.add(pair_ranges(pairs[:_EXACT_DATES], number, number), weights[:_EXACT_DATES])
        near, near_weights = pairs[:_SLIPPED_DATES], weights[:_SLIPPED_DATES]
        for slip, how in date_slips(born).items():
            slipped = day_number(slip)
            probes.add_both(pair_ranges(near, slipped, slipped), near_weights + slip_weight(how))
    elif query.born_years is not None:
        first, last = year_days(*query.born_years)
        probes.add_both(pair_ranges(pairs, first, last), weights)
        for term, weight in zip(
            surnames[:MOST_FAMILIES].tolist(), surname_weights.tolist(), strict=False
        ):
            family = _family(term, names)
            probes.add_both(pair_ranges(family, first, last), np.full(len(family), weight))
    else:
        return probes
    probes.add(pair_ranges(pairs[:_UNKNOWN_DATES], 0, 0), weights[:_UNKNOWN_DATES] + DATE_UNKNOWN)
    return probes


def _wide(
    query: PersonQuery,
    pairs: Terms,
    weights: Weights,
    any_date: _Probes,
    interpretations: Iterable[Interpretation],
    names: NameDictionary,
) -> Ranges:
    """Return the ranges around the date typed, then those of any date, families between."""
    probes = _Probes()
    near, near_weights = pairs[:_SLIPPED_DATES], weights[:_SLIPPED_DATES]
    if query.born is not None:
        year = query.born.year
        around, other = year_days(year, year), DATE_OTHER
        probes.add_both(pair_ranges(near, *around), near_weights + DATE_SAME_YEAR)
    else:
        first, last = query.born_years or (0, 0)
        around, other = year_days(first - NEAR_YEARS, last + NEAR_YEARS), YEAR_OTHER
        probes.add_both(pair_ranges(near, *around), near_weights + YEAR_NEAR)
    probes.include(any_date, other)
    ordered, _ = probes.in_order()
    families = _family_ranges(query, interpretations, names)
    return np.concatenate(
        [ordered[:PAIRS_BEFORE_FAMILIES], *families, ordered[PAIRS_BEFORE_FAMILIES:]]
    )


def _family_ranges(
    query: PersonQuery, interpretations: Iterable[Interpretation], names: NameDictionary
) -> list[Ranges]:
    """Return the closest surnames with any given name, in the year of birth if it is known.

    So a person is found whose given name was typed as one that leads nowhere: a pet name that no
    table has, a middle name that isn't recorded. With a year of birth only first names count: there
    are as many further ones, and hardly anybody is known by one alone.
    """
    weighed = _Weighed()
    for item in interpretations:
        if len(item.given):
            weights = item.surnames.log_p - item.reading.penalty
            close = weights >= FAMILY_WEIGHT
            weighed.add(item.surnames.terms[close], weights[close])
    terms, _ = weighed.best(MOST_FAMILIES)
    if query.born_years is None:
        return [both(surname_ranges(terms))]
    first, last = year_days(*query.born_years)
    return [pair_ranges(_family(term, names), first, last) for term in terms.tolist()]


def _family(surname: int, names: NameDictionary) -> Terms:
    """Return pairs of a surname with the given names that are recorded with it."""
    return (surname << TERM_BITS) | names.given_with(surname)[:MOST_OF_FAMILY]


def _weigh_pairs(weighed: _Weighed, item: Interpretation, names: NameDictionary) -> None:
    """Weigh the recorded ones among all pairs that a reading may mean, no name among them."""
    surnames = _with_none(item.surnames.terms, item.surnames.log_p)
    terms, log_p = _with_none(item.given.terms, item.given.log_p)
    given = terms, log_p - item.reading.penalty
    for pairs, weights in names.likely_pairs(surnames, given, FARTHEST_PAIR):
        weighed.add(pairs, weights)


def _with_none(terms: Terms, weights: Weights) -> tuple[Terms, Weights]:
    """Return terms with their weights, and that none is recorded among them."""
    return np.concatenate([_NO_TERM, terms]), np.concatenate([_NO_TERM_WEIGHT, weights])


_NO_TERM: Terms = np.zeros(1, dtype=np.int64)
_NO_TERM_WEIGHT: Weights = np.full(1, -MISSING_PART_COST)


def _weigh_given_only(weighed: _Weighed, item: Interpretation, names: NameDictionary) -> None:
    for term, weight in zip(
        item.given.terms[:MOST_GIVEN_ALONE].tolist(), item.given.log_p.tolist(), strict=False
    ):
        surnames = names.surnames_with(term)[: MOST_PAIRS // 2]
        pairs = (surnames << TERM_BITS) | term
        weighed.add(pairs, np.full(len(pairs), weight - item.reading.penalty))


def _pointer_ranges(query: PersonQuery, pairs: Terms) -> Ranges:
    """Return the ranges of close pairs, bounded by the date where one was typed."""
    if query.born is not None:
        number = day_number(query.born.earliest)
        return both(pair_ranges(pairs, number, number))
    if query.born_years is not None:
        return both(pair_ranges(pairs, *year_days(*query.born_years)))
    return both(pair_ranges(pairs))


def _whole_days(query: PersonQuery) -> Ranges:
    """Return the days to read whole: the date typed, and it with day and month swapped."""
    if query.born is None:
        return NO_RANGES
    born = query.born.earliest
    days = [day_number(day) for day in (born, swapped_day_and_month(born)) if day is not None]
    return both(day_ranges(np.asarray(days, dtype=np.int64)))


def _distinct(terms: Iterable[Sequence[int] | Terms]) -> tuple[int, ...]:
    columns = [np.asarray(item, np.int64) for item in terms]
    return tuple(np.unique(np.concatenate(columns)).tolist()) if columns else ()
