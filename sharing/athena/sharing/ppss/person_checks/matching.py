"""Whether what was found is the person asked about: pure functions.

A name alone is never a match. Both names must have been recognised and the whole date of birth must
be the recorded one; of two such people of one force neither is told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from athena.sharing.ppss.person_checks.schemas import PersonAsked, Result
from athena.sharing.search.plan import MISSING_PART_COST
from athena.sharing.search.query import Asked
from athena.sharing.search.ranking import LIKELY, NO_MATCH, Ranked

POSSIBLE = 0.5
"""The score from which someone may be the person asked about."""

DETAILS = ("date_of_birth", "sex")
"""What settles a possible match; all names are asked for besides."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a look-up: the records that are the person's, if it is a match."""

    result: Result
    matches: tuple[Ranked, ...] = ()


def asked(person: PersonAsked) -> Asked:
    """Return the question of a search that finds the person."""
    born = person.date_of_birth
    return Asked(
        given_name=person.given_names,
        surname=person.family_name,
        date_of_birth=born.isoformat() if born else None,
        sex=person.sex,
    )


def judge(ranked: Sequence[Ranked]) -> Verdict:
    """Return what those found, the likeliest first, amount to."""
    proved = [item for item in ranked if item.score >= LIKELY and _is_proved(item)]
    each = Counter(item.owner_force for item in proved)
    if proved and max(each.values()) == 1:
        return Verdict(Result.MATCH, tuple(proved))
    if any(item.score >= POSSIBLE for item in ranked):
        return Verdict(Result.POSSIBLE)
    return Verdict(Result.NO_MATCH)


def result_of(verdict: Verdict, *, told: bool) -> Result:
    """Return what a check comes to: a match that was erased meanwhile is none any more."""
    if told:
        return Result.MATCH
    return Result.NO_MATCH if verdict.result is Result.MATCH else verdict.result


def ask_for(person: PersonAsked, result: Result) -> list[str]:
    """Return which details would settle a possible match; they depend on the question alone."""
    if result is not Result.POSSIBLE:
        return []
    missing = [name for name in DETAILS if getattr(person, name) is None]
    return [*missing, "all_given_names"]


def _is_proved(item: Ranked) -> bool:
    by_field = {match.field: match for match in item.explanation}
    born = by_field.get("date_of_birth")
    names = [by_field.get("surname"), by_field.get("given_name")]
    return (
        born is not None
        and born.how == "exact"
        and all(name is not None and name.weight > _UNRECOGNISED for name in names)
    )


_UNRECOGNISED = max(-MISSING_PART_COST, NO_MATCH)
