"""Ranking by log P(typed | recorded), field by field; the same numbers explain the rank.

How common a name is plays no part here: it decides what is looked up, never what is likelier.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from athena.platform.kernel.identity import LabelId, NominalId, TenantId
from athena.records.names.keys import day_of, unpack_name_key
from athena.sharing.search.expansion import Expansion
from athena.sharing.search.plan import (
    MISSING_PART_COST,
    MONTH_ONLY,
    YEAR_ONLY,
    Interpretation,
    SearchPlan,
    date_slips,
)
from athena.sharing.search.query import PersonQuery

NO_MATCH = -7.0
"""log P of a name that nothing typed leads to, in a record found by its date."""

DATE_UNKNOWN = -2.0
DATE_LESS_PRECISE = -1.8
DATE_SLIP = -2.6
DATE_DIGIT = -3.2
DATE_SAME_YEAR = -4.5
DATE_OTHER = -6.5
YEAR_NEAR = -2.5
YEAR_OTHER = -6.0
MONTH_OTHER = -1.5

LIKELY = 0.85
"""The score from which a hit counts as likely the same person."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A visible row of the name index."""

    name_key: int
    owner_force: TenantId
    nominal_id: NominalId
    label_id: LabelId


@dataclass(frozen=True, slots=True)
class FieldMatch:
    """Why one field counts as it does: what was typed, what is recorded, how they meet."""

    field: str
    typed: str
    matched: str
    how: str
    weight: float


Weighed = tuple[float, tuple[FieldMatch, ...]]
"""The log-likelihood of a row and the fields it is the sum of."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A nominal with its rank's score (0 to 1) and the fields that make it up."""

    owner_force: TenantId
    nominal_id: NominalId
    score: float
    explanation: tuple[FieldMatch, ...]


def rank(query: PersonQuery, plan: SearchPlan, candidates: Iterable[Candidate]) -> list[Ranked]:
    """Return each nominal once, by its best row, the likeliest first; ties stand by id."""
    weighed: dict[int, Weighed] = {}
    best: dict[tuple[TenantId, NominalId], Weighed] = {}
    for candidate in candidates:
        name_key = candidate.name_key
        if name_key not in weighed:
            weighed[name_key] = _weigh(query, plan, name_key)
        nominal = (candidate.owner_force, candidate.nominal_id)
        if nominal not in best or best[nominal][0] < weighed[name_key][0]:
            best[nominal] = weighed[name_key]
    ordered = sorted(best.items(), key=lambda item: (-item[1][0], str(item[0][1])))
    return [Ranked(*nominal, score_of(log_p), matches) for nominal, (log_p, matches) in ordered]


def score_of(log_p: float) -> float:
    """Return a score between 0 and 1 for a sum of log-likelihoods; 0.5 at -5."""
    return round(1.0 / (1.0 + math.exp(-0.9 * (log_p + 5.0))), 4)


def _weigh(query: PersonQuery, plan: SearchPlan, name_key: int) -> Weighed:
    surname, given, day = unpack_name_key(name_key)
    name_weight, matches = max(
        (_weigh_name(item, surname, given) for item in plan.interpretations),
        key=lambda weighed: weighed[0],
    )
    date_match = _weigh_date(query, day_of(day))
    if date_match is not None:
        return name_weight + date_match.weight, (*matches, date_match)
    return name_weight, matches


def _weigh_name(item: Interpretation, surname: int, given: int) -> Weighed:
    matches = []
    for field, tokens, expansions, term in (
        ("surname", item.reading.surname, item.surnames, surname),
        ("given_name", item.reading.given, item.given, given),
    ):
        if tokens:
            matches.append(_weigh_part(field, tokens, expansions, term, item.reading.how))
    total = sum(match.weight for match in matches) - item.reading.penalty
    return total, tuple(matches)


def _weigh_part(
    field: str, tokens: Sequence[str], expansions: dict[int, Expansion], term: int, reading: str
) -> FieldMatch:
    typed = tokens[0]
    if term == 0:
        return FieldMatch(field, typed, "", "not recorded", -MISSING_PART_COST)
    expansion = expansions.get(term)
    if expansion is None:
        return FieldMatch(field, typed, "", "no match", NO_MATCH)
    how = f"{expansion.how}, {reading}" if reading else expansion.how
    return FieldMatch(field, expansion.typed, expansion.token, how, round(expansion.log_p, 2))


def _weigh_date(query: PersonQuery, recorded: date | None) -> FieldMatch | None:
    if query.born is not None:
        typed = query.born.earliest
        how, weight = _compare_dates(typed, recorded)
        shown = recorded.isoformat() if recorded else ""
        return FieldMatch("date_of_birth", typed.isoformat(), shown, how, weight)
    if query.born_years is not None:
        first, last = query.born_years
        how, weight = _compare_years(first, last, query.born_month, recorded)
        shown = str(recorded.year) if recorded else ""
        typed_years = str(first) if first == last else f"{first}-{last}"
        return FieldMatch("year_of_birth", typed_years, shown, how, weight)
    return None


def _compare_dates(typed: date, recorded: date | None) -> tuple[str, float]:
    if recorded is None:
        return "not recorded", DATE_UNKNOWN
    if recorded == typed:
        return "exact", 0.0
    slip = date_slips(typed).get(recorded)
    if slip in (YEAR_ONLY, MONTH_ONLY):
        return slip, DATE_LESS_PRECISE
    if slip is not None:
        return slip, DATE_SLIP
    if _digits_apart(typed, recorded) == 1:
        return "one digit off", DATE_DIGIT
    if recorded.year == typed.year:
        return "same year", DATE_SAME_YEAR
    return "another date", DATE_OTHER


def _compare_years(
    first: int, last: int, month: int | None, recorded: date | None
) -> tuple[str, float]:
    if recorded is None:
        return "not recorded", DATE_UNKNOWN
    if first <= recorded.year <= last:
        whole_year = recorded.month == recorded.day == 1
        if month in (None, recorded.month) or whole_year:
            return "exact", 0.0
        return "another month", MONTH_OTHER
    if first - 2 <= recorded.year <= last + 2:
        return "within two years", YEAR_NEAR
    return "another year", YEAR_OTHER


def _digits_apart(first: date, second: date) -> int:
    pairs = zip(first.isoformat(), second.isoformat(), strict=True)
    return sum(one != other for one, other in pairs)
