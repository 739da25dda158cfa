"""What no score can overrule by itself: twins, households, parents and children of one name.

Both agree in what weighs most. A number of a national register in common outweighs these rules,
but then a person decides.
"""

from __future__ import annotations

import enum
from datetime import date

from athena.sharing.linking.persons import Person
from athena.sharing.linking.scoring import Score

GENERATION_YEARS = 14
"""From how many years apart two people of one name count as parent and child: a choice of ours."""

_OTHER_NAME = {"differs", "alike"}
_NEARLY_SAME = {"same", "near"}
_GIVEN_AGREES = {"same", "near", "form", "swapped", "middle", "beginning"}
_SURNAME_AGREES = {"same", "near", "swapped", "part"}
_SAME_DAY = {"same", "slip", "day_and_month", "partial"}


class Bar(enum.StrEnum):
    """Why a pair isn't linked, whatever it scores."""

    TWINS = "born on one day to one surname, under different given names"
    HOUSEHOLD = "of one home or telephone, but of other names or another date of birth"
    GENERATIONS = "of one name, a generation apart"


def bar(left: Person, right: Person, score: Score) -> Bar | None:
    """Return why a pair must not be linked by its score, or None."""
    if score.level("born") == "same" and score.level("surname") in _NEARLY_SAME:
        given = score.level("given")
        if given in _OTHER_NAME or (given == "near" and score.level("sex") == "differs"):
            return Bar.TWINS
    if (
        score.level("given") in _NEARLY_SAME
        and score.level("surname") in _NEARLY_SAME
        and score.level("born") not in _SAME_DAY
        and _years_apart(left.born, right.born) >= GENERATION_YEARS
    ):
        return Bar.GENERATIONS
    agreeing = (
        score.level("given") in _GIVEN_AGREES,
        score.level("surname") in _SURNAME_AGREES,
        score.level("born") in _SAME_DAY,
    )
    # A home's lines and its telephone are one fact, and weigh as if they were many.
    return Bar.HOUSEHOLD if sum(agreeing) < 2 else None


def _years_apart(left: str, right: str) -> float:
    if len(left) < 4 or len(right) < 4:
        return 0.0
    return abs((_day(left) - _day(right)).days) / 365.25


def _day(digits: str) -> date:
    """Return the first day that a date of birth can be."""
    month, day = int(digits[4:6] or 1), int(digits[6:8] or 1)
    return date(int(digits[:4]), max(month, 1), max(day, 1))
