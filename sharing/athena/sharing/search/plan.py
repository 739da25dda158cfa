"""From a question to index look-ups: which ranges of the name index to read, likeliest first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cache

import numpy as np
from numpy.typing import NDArray

from athena.records.names.keys import (
    MOST_TERMS,
    TERM_BITS,
    Range,
    day_number,
    day_range,
    pair_range,
    surname_range,
)
from athena.sharing.search.expansion import Expansion
from athena.sharing.search.names import NameDictionary
from athena.sharing.search.query import PersonQuery, Reading

MOST_PAIRS = 300
"""The most (surname, given name) pairs that one search looks for."""

MOST_FAMILIES = 6
"""In how many of the closest surnames to look for any given name, when little else is found."""

FAMILY_WEIGHT = -2.0
"""How close a surname must be for that."""

MOST_OF_FAMILY = 200
"""The most given names to look for in one of them."""

PAIRS_BEFORE_FAMILIES = 80

MOST_POINTERS = 40
POINTER_WEIGHT = -2.5
"""How close a name must be for the platform to say that a hidden record of it exists."""

MISSING_PART_COST = 2.5
"""What it costs that a record lacks the given name or the surname that was typed."""

LATER_GIVEN_NAME_COST = 0.7
"""What it costs that a later given name matches and not the first."""

LATER_SURNAME_COST = 0.3
"""What it costs that a part of a surname matches and not the whole."""

MOST_TERMS_OF_PART = 90
"""The most recorded names that the surname, or the given names, may mean together."""


YEAR_ONLY = "year only, or its first day"
MONTH_ONLY = "month only, or its first day"


@dataclass(frozen=True, slots=True)
class Interpretation:
    """One reading with the recorded names that each of its parts may mean, by term."""

    reading: Reading
    surnames: dict[int, Expansion]
    given: dict[int, Expansion]


@dataclass(frozen=True, slots=True)
class SearchPlan:
    """The look-ups of one search, in the order in which they are worth making."""

    interpretations: tuple[Interpretation, ...]
    narrow: tuple[Range, ...]
    """Name keys bounded by the date of birth or, without one, by nothing."""
    wide: tuple[Range, ...]
    """The same pairs with any date, and the closest surnames with any given name.

    They are for when the narrow ones find too little.
    """
    days: tuple[Range, ...]
    """Date keys of the days of birth worth reading whole."""
    pointers: tuple[Range, ...]
    """The look-ups close enough to tell that a record exists which may not be shown."""
    surname_terms: tuple[int, ...] = ()
    given_terms: tuple[int, ...] = ()


@dataclass(slots=True)
class _Weighed:
    """Pairs of terms with the best weight that any reading gives them."""

    weights: dict[int, float] = field(default_factory=dict)

    def add(self, pairs: Iterable[int], weights: Iterable[float]) -> None:
        for pair, weight in zip(pairs, weights, strict=True):
            if weight > self.weights.get(pair, -np.inf):
                self.weights[pair] = weight

    def best(self, limit: int, at_least: float = -np.inf) -> list[tuple[int, int]]:
        ordered = sorted(self.weights, key=lambda pair: (-self.weights[pair], pair))
        return [
            (pair >> TERM_BITS, pair & MOST_TERMS)
            for pair in ordered[:limit]
            if self.weights[pair] >= at_least
        ]


def make_plan(query: PersonQuery, names: NameDictionary) -> SearchPlan:
    """Return the look-ups for a query that has a name."""
    expand = cache(names.expand)
    interpretations = tuple(_interpret(reading, expand) for reading in query.readings)
    weighed = _Weighed()
    surname_only: list[int] = []
    for interpretation in interpretations:
        if interpretation.surnames and interpretation.given:
            _weigh_pairs(weighed, interpretation, names)
        elif interpretation.surnames:
            surname_only += list(interpretation.surnames)[:20]
        else:
            _weigh_given_only(weighed, interpretation, names)
    pairs = weighed.best(MOST_PAIRS)
    any_date = [pair_range(*pair) for pair in pairs] + [
        surname_range(term) for term in surname_only
    ]
    narrow = list(_narrow(query, pairs))
    if query.born_years is not None:
        narrow += [
            pair_range(term, given, *_year_days(query.born_years))
            for term in surname_only[:MOST_FAMILIES]
            for given in names.given_with(term)[:MOST_OF_FAMILY]
        ]
    wide = any_date if narrow else []
    families = list(_family_ranges(query, interpretations, names))
    surnames = {term for item in interpretations for term in item.surnames}
    given = {term for item in interpretations for term in item.given}
    return SearchPlan(
        interpretations=interpretations,
        narrow=tuple(narrow) if narrow else tuple(any_date),
        wide=(*wide[:PAIRS_BEFORE_FAMILIES], *families, *wide[PAIRS_BEFORE_FAMILIES:]),
        days=tuple(day_range(number) for number in _whole_days(query)),
        pointers=tuple(_pointer_ranges(query, weighed.best(MOST_POINTERS, POINTER_WEIGHT))),
        surname_terms=tuple(sorted(surnames)),
        given_terms=tuple(sorted(given)),
    )


def _family_ranges(
    query: PersonQuery, interpretations: Iterable[Interpretation], names: NameDictionary
) -> Iterable[Range]:
    """Yield the closest surnames with any given name, in the year of birth if it is known.

    So a person is found whose given name was typed as one that leads nowhere: a pet name that no
    table has, a middle name that isn't recorded.
    """
    weights: dict[int, float] = {}
    for item in interpretations:
        for term, expansion in item.surnames.items() if item.given else ():
            weight = expansion.log_p - item.reading.penalty
            if weight >= FAMILY_WEIGHT:
                weights[term] = max(weight, weights.get(term, weight))
    for term in sorted(weights, key=lambda term: -weights[term])[:MOST_FAMILIES]:
        if query.born_years is None:
            yield surname_range(term)
        else:
            first, last = _year_days(query.born_years)
            for given in names.given_with(term)[:MOST_OF_FAMILY]:
                yield pair_range(term, given, first, last)


def _interpret(reading: Reading, expand: Callable[[str], list[Expansion]]) -> Interpretation:
    return Interpretation(
        reading,
        _expand_all(reading.surname, expand, LATER_SURNAME_COST, "part of the name"),
        _expand_all(reading.given, expand, LATER_GIVEN_NAME_COST, "further name"),
    )


def _expand_all(
    tokens: Sequence[str],
    expand: Callable[[str], list[Expansion]],
    later_cost: float,
    later_how: str,
) -> dict[int, Expansion]:
    """Return the expansions of every token by term; those of a later token cost more."""
    found: dict[int, Expansion] = {}
    for place, token in enumerate(tokens):
        for item in expand(token):
            if place:
                how = f"{item.how}, {later_how}"
                item = replace(item, log_p=item.log_p - later_cost, how=how)
            if item.term_id not in found or found[item.term_id].log_p < item.log_p:
                found[item.term_id] = item
    return dict(sorted(found.items(), key=lambda entry: -entry[1].log_p)[:MOST_TERMS_OF_PART])


def _weigh_pairs(weighed: _Weighed, item: Interpretation, names: NameDictionary) -> None:
    surnames, surname_weights = _columns(item.surnames)
    given, given_weights = _columns(item.given)
    pairs = (surnames[:, None] << TERM_BITS) | given[None, :]
    weights = surname_weights[:, None] + given_weights[None, :] - item.reading.penalty
    flat_pairs, flat_weights = pairs.ravel(), weights.ravel()
    exists = names.pairs_exist(flat_pairs)
    weighed.add(flat_pairs[exists].tolist(), flat_weights[exists].tolist())


def _columns(expansions: dict[int, Expansion]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return terms and weights in the order of terms, with the missing name (term 0) first.

    So the pairs come in order too, and looking them up in sorted pairs stays in the cache: a
    quarter of the time among five million.
    """
    weights = {0: -MISSING_PART_COST, **{term: item.log_p for term, item in expansions.items()}}
    terms = sorted(weights)
    return np.asarray(terms, dtype=np.int64), np.asarray([weights[term] for term in terms])


def _weigh_given_only(weighed: _Weighed, item: Interpretation, names: NameDictionary) -> None:
    for term, expansion in list(item.given.items())[:8]:
        pairs = names.pairs_with_given(term, MOST_PAIRS // 2)
        weighed.add(pairs, [expansion.log_p - item.reading.penalty] * len(pairs))


def _narrow(query: PersonQuery, pairs: Sequence[tuple[int, int]]) -> Iterable[Range]:
    """Yield the pairs' ranges bounded by date: the date typed, then slips of it, then its year."""
    if query.born is not None:
        born = query.born.earliest
        number = day_number(born)
        yield from (pair_range(*pair, number, number) for pair in pairs[:200])
        for slip in date_slips(born):
            slipped = day_number(slip)
            yield from (pair_range(*pair, slipped, slipped) for pair in pairs[:40])
        yield from (pair_range(*pair, 0, 0) for pair in pairs[:60])
    elif query.born_years is not None:
        first, last = _year_days(query.born_years)
        yield from (pair_range(*pair, first, last) for pair in pairs)
        yield from (pair_range(*pair, 0, 0) for pair in pairs[:60])


def _pointer_ranges(query: PersonQuery, pairs: Sequence[tuple[int, int]]) -> Iterable[Range]:
    """Yield the ranges of close pairs, bounded by the date where one was typed."""
    if query.born is not None:
        number = day_number(query.born.earliest)
        return [pair_range(*pair, number, number) for pair in pairs]
    if query.born_years is not None:
        return [pair_range(*pair, *_year_days(query.born_years)) for pair in pairs]
    return [pair_range(*pair) for pair in pairs]


def date_slips(born: date) -> dict[date, str]:
    """Return the dates that are easily recorded for another, and what each slip is.

    The first of the year and of the month are among them: that is where the store keeps a date
    known to its year or month only.
    """
    slips = {born.replace(month=1, day=1): YEAR_ONLY, born.replace(day=1): MONTH_ONLY}
    if swapped := swapped_day_and_month(born):
        slips[swapped] = "day and month swapped"
    for days in (1, -1):
        slips.setdefault(born + timedelta(days=days), "a day off")
    for years in (1, -1, 10, -10):
        day = min(born.day, 28) if born.month == 2 else born.day
        shifted = born.replace(year=born.year + years, day=day)
        slips.setdefault(shifted, "ten years off" if abs(years) == 10 else "a year off")
    slips.pop(born, None)
    return slips


def swapped_day_and_month(born: date) -> date | None:
    """Return a date with its day and month exchanged, if that is another date."""
    if born.day > 12 or born.day == born.month:
        return None
    return born.replace(day=born.month, month=born.day)


def _whole_days(query: PersonQuery) -> list[int]:
    """Return the days to read whole: the date typed, and it with day and month swapped."""
    if query.born is None:
        return []
    born = query.born.earliest
    days = (born, swapped_day_and_month(born))
    return [day_number(day) for day in days if day is not None]


def _year_days(years: tuple[int, int]) -> tuple[int, int]:
    return day_number(date(years[0], 1, 1)), day_number(date(years[1], 12, 31))
