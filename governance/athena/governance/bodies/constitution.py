"""A body's constitution as data: how it decides, without a line of code that knows the body.

The Athena Management Organisation's real voting rules aren't public, so none is built in. A vote
keeps the constitution under which it was opened; a later version is for later votes.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, model_validator

LARGEST_PENCE = 100_000_000_000_000
"""One million million pounds, in pence: no amount is larger."""

Pence = Annotated[StrictInt, Field(ge=0, le=LARGEST_PENCE)]


class DecisionClass(enum.StrEnum):
    """What a body may be asked to decide."""

    CATALOGUE = "catalogue"
    CHANGE_EMERGENCY = "change_emergency"
    CHANGE_NORMAL = "change_normal"
    CONSTITUTION = "constitution"
    OTHER = "other"
    RELEASE = "release"


class Part(BaseModel):
    """A piece of a constitution: immutable, with no field unknown to us."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Portion(Part):
    """A fraction in whole numbers, such as 2 of 3; sums never meet a rounded number."""

    parts: StrictInt = Field(ge=1, le=1000)
    of: StrictInt = Field(ge=1, le=1000)

    @model_validator(mode="after")
    def _no_more_than_all(self) -> Self:
        if self.parts > self.of:
            raise ValueError("a portion is at most the whole")
        return self

    def of_number(self, number: int) -> int:
        """Return the smallest whole number that is at least this portion of a number."""
        return -(-number * self.parts // self.of)

    def words(self) -> str:
        """Return the fraction as people write it."""
        return f"{self.parts}/{self.of}"


class Quorum(Part):
    """How many seats must take part: a portion of those entitled, a number, or both."""

    portion: Portion | None = None
    seats: StrictInt | None = Field(default=None, ge=1, le=1000)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.portion is None and self.seats is None:
            raise ValueError("a quorum names a portion of the seats, a number of seats, or both")
        return self

    def needed(self, entitled: int) -> int:
        """Return how many of so many entitled seats must take part; at least one."""
        by_portion = self.portion.of_number(entitled) if self.portion else 0
        return max(by_portion, self.seats or 0, 1)


class Majority(enum.StrEnum):
    """What carries a decision."""

    SIMPLE = "simple"
    """More than half."""
    QUALIFIED = "qualified"
    """At least a stated portion, of more than a half."""
    UNANIMOUS = "unanimous"
    """Everyone."""


class Base(enum.StrEnum):
    """Of whom the majority is taken; seats that stand aside are never among them."""

    CAST = "cast"
    """Of those who said yes or no: abstaining weighs nothing."""
    PRESENT = "present"
    """Of those who took part: abstaining weighs as a no."""
    ENTITLED = "entitled"
    """Of all seats: being absent weighs as a no too."""


class Rule(Part):
    """How decisions of a class are taken, from an amount of cost upwards."""

    decision: DecisionClass
    from_pence: Pence = 0
    quorum: Quorum
    majority: Majority
    portion: Portion | None = None
    base: Base = Base.CAST

    @model_validator(mode="after")
    def _portion_goes_with_qualified(self) -> Self:
        if (self.portion is not None) != (self.majority is Majority.QUALIFIED):
            raise ValueError("a qualified majority names its portion, and no other does")
        if self.portion is not None and 2 * self.portion.parts <= self.portion.of:
            raise ValueError("a qualified majority is more than a half")
        return self

    def words(self) -> str:
        """Return what carries the decision, for a sentence."""
        of = {
            Base.CAST: "of the votes for and against",
            Base.PRESENT: "of all who took part",
            Base.ENTITLED: "of all seats",
        }[self.base]
        if self.majority is Majority.SIMPLE:
            return f"more than half {of}"
        if self.majority is Majority.UNANIMOUS:
            return f"every one {of}"
        assert self.portion is not None  # the validator saw to it
        return f"at least {self.portion.words()} {of}"


class Recusal(Part):
    """What it means that somebody stands aside because of an interest in the matter."""

    by: Literal["seat", "person"] = "seat"
    """Whether the seat stands aside, or the person alone, so that a substitute may vote."""
    leaves_quorum: StrictBool = True
    """Whether a seat that stands aside is no longer counted among those entitled."""


class Constitution(Part):
    """How a body decides. Each amendment is a new version; a vote keeps the one it opened under."""

    weighting: Literal["one_each", "cost_share"]
    """One vote for each force, or as many as its share of the cost in pence."""
    substitutes: StrictBool
    """Whether a substitute may vote where the member didn't."""
    recusal: Recusal = Recusal()
    abstaining_is_taking_part: StrictBool
    """Whether a seat that abstains counts towards the quorum."""
    casting_vote: Literal["none", "chair"]
    """Who decides when a simple majority is missed by a tie."""
    early_close: Literal["never", "all_voted", "at_will"]
    """When a vote may be closed before its deadline."""
    deadline_hours: StrictInt = Field(ge=1, le=24 * 366)
    """How long a vote stays open."""
    quote_tolerance_percent: StrictInt = Field(ge=0, le=100)
    """By how much a quote may differ from what was voted on before the vote is taken again."""
    shares_before_vote: StrictBool
    """Whether a change that costs something is voted on only once its shares were previewed."""
    optional_changes: Literal["all_seats", "participants"]
    """Who votes on an optional enhancement: everyone, or the forces that take part in it."""
    rules: tuple[Rule, ...] = Field(min_length=1, max_length=100)

    @model_validator(mode="after")
    def _rules_are_clear(self) -> Self:
        _once((rule.decision, rule.from_pence) for rule in self.rules)
        for decision in {rule.decision for rule in self.rules}:
            if self.rule_for(decision, 0) is None:
                raise ValueError(
                    f"the rules for decisions of the class {decision.value} begin above 0 pence"
                )
        return self

    def rule_for(self, decision: DecisionClass, cost_pence: int) -> Rule | None:
        """Return the rule for a decision that costs so much, or None: then no vote may open."""
        reached = [
            rule
            for rule in self.rules
            if rule.decision is decision and rule.from_pence <= cost_pence
        ]
        return max(reached, key=lambda rule: rule.from_pence, default=None)


def _once(pairs: Iterable[tuple[DecisionClass, int]]) -> None:
    if any(times > 1 for times in Counter(pairs).values()):
        raise ValueError("two rules begin at the same amount for the same class of decision")
