"""Ranking by log P(typed | recorded), field by field; the same numbers explain the rank.

How common a name is plays no part here: it decides what is looked up, never what is likelier.

Who is as likely as others stands where he was read. Of a common name the store reads only the first
so many, in the order of their keys; were they then shown in another order, a nominal recorded since
could bring somebody into the first page, or take him from it, who has nothing to do with it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from athena.platform.kernel.identity import LabelId, NominalId, TenantId
from athena.records.names.keys import DAY_BITS, MOST_DAYS, MOST_TERMS, TERM_BITS, unpack_name_key
from athena.sharing.search.dates import DateScale
from athena.sharing.search.explaining import FieldMatch
from athena.sharing.search.later_names import asking_for_later, weigh_later
from athena.sharing.search.meanings import Interpretation, Part
from athena.sharing.search.plan import (
    FURTHER_NAME_COST,
    GOOD_WEIGHT,
    MISSING_PART_COST,
    SearchPlan,
)

NO_MATCH = -7.0
"""log P of a name that nothing typed leads to, in a record found by its date."""

LIKELY = 0.85
"""The score from which a hit counts as likely the same person."""


Nominal = tuple[TenantId, NominalId]


class Candidate(NamedTuple):
    """A visible row of the name index."""

    name_key: int
    owner_force: TenantId
    nominal_id: NominalId
    label_id: LabelId


class Ranked(NamedTuple):
    """A nominal with its rank's score (0 to 1) and the fields that make it up."""

    owner_force: TenantId
    nominal_id: NominalId
    score: float
    explanation: tuple[FieldMatch, ...]


def rank(
    plan: SearchPlan, candidates: Iterable[Candidate], limit: int | None = None
) -> list[Ranked]:
    """Return each nominal once, by its best row, the likeliest first; ties stand as they were read.

    ``limit`` cuts the least likely off.
    """
    found = list(candidates)
    if not found:
        return []
    keys, place = _keys_of(plan, found)
    weights, readings = _weigh(plan, keys)
    if asking_for_later(plan.interpretations)[readings].any():
        return _rank_with_later(plan, found, keys, place, weights, readings)[:limit]
    best: dict[tuple[TenantId, NominalId], int] = {}
    places = place.tolist()
    for row in np.argsort(-weights[place], kind="stable").tolist():
        _, owner_force, nominal_id, _ = found[row]
        best.setdefault((owner_force, nominal_id), places[row])
        if len(best) == limit:
            break
    explainer = _Explainer(plan)
    told: dict[int, tuple[float, tuple[FieldMatch, ...]]] = {
        key: (
            score_of(float(weights[key])),
            explainer.explain(int(keys[key]), int(readings[key])),
        )
        for key in set(best.values())
    }
    return [Ranked(*nominal, *told[key]) for nominal, key in best.items()]


def to_read_whole(plan: SearchPlan, found: Sequence[Candidate]) -> list[Nominal]:
    """Return the nominals, each once, whose rank hangs on all of their names.

    They are those that fit best as somebody with more than one given name typed. Another order of
    the words typed may have more where the likeliest has one; that alone makes no difference.
    """
    asking = asking_for_later(plan.interpretations)
    if not found or not asking.any():
        return []
    keys, place = _keys_of(plan, found)
    asks = asking[_weigh(plan, keys)[1]][place].tolist()
    return list(
        dict.fromkeys(
            (candidate.owner_force, candidate.nominal_id)
            for candidate, asked in zip(found, asks, strict=True)
            if asked
        )
    )


def _keys_of(
    plan: SearchPlan, found: Sequence[Candidate]
) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """Return the distinct name keys of candidates, and which of them each has.

    Where no date is asked for the keys have none: all who bear a name then count as one.
    """
    keys = np.fromiter((candidate.name_key for candidate in found), np.int64, len(found))
    if plan.dates is None:
        keys &= ~MOST_DAYS
    return np.unique(keys, return_inverse=True)


def _rank_with_later(
    plan: SearchPlan,
    found: Sequence[Candidate],
    keys: NDArray[np.int64],
    place: NDArray[np.intp],
    weights: NDArray[np.float64],
    readings: NDArray[np.int64],
) -> list[Ranked]:
    """Rank where a second given name was typed, which counts by all the rows of a nominal."""
    rows: dict[tuple[TenantId, NominalId], list[int]] = defaultdict(list)
    for candidate, key in zip(found, place.tolist(), strict=True):
        rows[candidate.owner_force, candidate.nominal_id].append(key)
    explainer = _Explainer(plan)
    ranked: list[tuple[float, Ranked]] = []
    for nominal, places in rows.items():
        best = max(places, key=lambda each: float(weights[each]))
        key, reading, log_p = int(keys[best]), int(readings[best]), float(weights[best])
        why = explainer.explain(key, reading)
        borne = [int(keys[each]) for each in places]
        later = weigh_later(plan.interpretations[reading], key, borne)
        if later is not None:
            log_p += later.weight
            at = next((n for n, each in enumerate(why, 1) if each.field == "given_name"), len(why))
            why = (*why[:at], later, *why[at:])
        ranked.append((log_p, Ranked(*nominal, score_of(log_p), why)))
    ranked.sort(key=lambda item: -item[0])
    return [item for _, item in ranked]


def score_of(log_p: float) -> float:
    """Return a score between 0 and 1 for a sum of log-likelihoods; 0.5 at `GOOD_WEIGHT`."""
    return round(1.0 / (1.0 + math.exp(-0.9 * (log_p - GOOD_WEIGHT))), 4)


def _weigh(
    plan: SearchPlan, keys: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the weight of each name key and the number of the reading that fits it best."""
    surnames = keys >> (TERM_BITS + DAY_BITS) & MOST_TERMS
    given = (keys >> DAY_BITS) & MOST_TERMS
    readings = np.stack([_weigh_names(item, surnames, given) for item in plan.interpretations])
    best = readings.argmax(axis=0)
    weights: NDArray[np.float64] = readings[best, np.arange(len(keys))]
    if plan.dates is not None:
        weights = weights + plan.dates.weights(keys & MOST_DAYS)
    return weights - FURTHER_NAME_COST * (keys < 0), best


def _weigh_names(
    item: Interpretation, surnames: NDArray[np.int64], given: NDArray[np.int64]
) -> NDArray[np.float64]:
    total = np.full(len(surnames), -item.reading.penalty)
    for part, terms in ((item.surnames, surnames), (item.given, given)):
        if part.typed:
            total += part.weights_of(terms, -MISSING_PART_COST, NO_MATCH)
    return total


class _Explainer:
    """Says why rows count as they do; what it has said of a name or a day is said again."""

    def __init__(self, plan: SearchPlan) -> None:
        self._plan = plan
        self._dates: DateScale | None = plan.dates
        self._said: dict[tuple[int, str, int], FieldMatch] = {}

    def explain(self, key: int, reading: int) -> tuple[FieldMatch, ...]:
        item = self._plan.interpretations[reading]
        surname, given, _ = unpack_name_key(key)
        matches = []
        if item.surnames.typed:
            matches.append(self._name(reading, "surname", item.surnames, surname))
        if item.given.typed:
            matches.append(self._name(reading, "given_name", item.given, given))
        if self._dates is not None:
            matches.append(self._date(self._dates, key & MOST_DAYS))
        if key < 0:
            matches.append(_BORNE_BESIDES)
        return tuple(matches)

    def _name(self, reading: int, field: str, part: Part, term: int) -> FieldMatch:
        said = self._said.get((reading, field, term))
        if said is None:
            how_read = self._plan.interpretations[reading].reading.how
            said = _explain_name(field, part, term, how_read)
            self._said[reading, field, term] = said
        return said

    def _date(self, dates: DateScale, day: int) -> FieldMatch:
        said = self._said.get((0, dates.field, day))
        if said is None:
            how, weight = dates.weigh(day)
            said = FieldMatch(dates.field, dates.typed, dates.shown(day), how, weight)
            self._said[0, dates.field, day] = said
        return said


_BORNE_BESIDES = FieldMatch("further_name", "", "", "not the first name", -FURTHER_NAME_COST)
"""A middle name or a part of the surname was met."""


def _explain_name(field: str, part: Part, term: int, reading: str) -> FieldMatch:
    if term == 0:
        return FieldMatch(field, part.typed[0], "", "not recorded", -MISSING_PART_COST)
    known = part.explain(term)
    if known is None:
        return FieldMatch(field, part.typed[0], "", "no match", NO_MATCH)
    typed, token, how, log_p = known
    how = f"{how}, {reading}" if reading else how
    return FieldMatch(field, typed, token, how, round(log_p, 2))
