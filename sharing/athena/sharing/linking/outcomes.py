"""What follows from a score: linked, suggested or nothing, by thresholds that the AMO sets."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from athena.sharing.linking.persons import Person
from athena.sharing.linking.rules import Bar, bar
from athena.sharing.linking.scoring import Score


class Outcome(enum.StrEnum):
    """What a pair comes to without a person's decision."""

    LINKED = "linked"
    SUGGESTED = "suggested"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which probability a pair is suggested, and from which it is linked, if ever."""

    suggested_from: float = 0.5
    linked_from: float | None = None


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The outcome of a pair, its score, and the rule that held it back, if one did."""

    outcome: Outcome
    score: Score
    barred: Bar | None = None


def conclude(left: Person, right: Person, score: Score, thresholds: Thresholds) -> Conclusion:
    """Return what a score comes to; a number in common lifts a barred pair to a suggestion."""
    barred = bar(left, right, score)
    probability = score.probability
    if probability < thresholds.suggested_from:
        return Conclusion(Outcome.NOTHING, score, barred)
    if barred is not None:
        shared = score.level("number") == "same"
        return Conclusion(Outcome.SUGGESTED if shared else Outcome.NOTHING, score, barred)
    if thresholds.linked_from is not None and probability >= thresholds.linked_from:
        return Conclusion(Outcome.LINKED, score)
    return Conclusion(Outcome.SUGGESTED, score)
