"""What is counted of a force's requests: how many, how many failed, and how long they took."""

from __future__ import annotations

import enum
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from athena.platform.kernel.errors import InvalidInputError

BOUNDS: tuple[float, ...] = tuple(2.0 ** (step / 4) for step in range(57))
"""The upper bounds of the buckets in milliseconds: 1 to 16,384, four to each doubling.

A time is told by its bucket's upper bound, so never too low, and at most 19 % too high.
"""

BUCKETS = len(BOUNDS) + 1
"""One more than bounds: the last holds what took longer than any."""

SLOWEST_IN_TWENTY = Fraction(95, 100)


def bucket_of(milliseconds: float) -> int:
    """Return the place of the first bucket whose bound isn't passed."""
    return bisect_left(BOUNDS, milliseconds)


@dataclass(slots=True)
class Counts:
    """Requests, those of them that failed by a fault of ours, and their times by bucket."""

    requests: int = 0
    errors: int = 0
    buckets: list[int] = field(default_factory=lambda: [0] * BUCKETS)

    def add(self, milliseconds: float, *, failed: bool) -> None:
        """Count one request."""
        self.requests += 1
        self.errors += failed
        self.buckets[bucket_of(milliseconds)] += 1

    def p95(self) -> float | None:
        """Return the bound in milliseconds within which 95 of 100 stayed; None beyond the last.

        None too where nothing was counted.
        """
        reached, needed = 0, SLOWEST_IN_TWENTY * self.requests
        for bound, count in zip(BOUNDS, self.buckets, strict=False):
            reached += count
            if self.requests and reached >= needed:
                return bound
        return None

    @classmethod
    def total(cls, parts: Iterable[tuple[int, int, Sequence[int]]]) -> Counts:
        """Return the sum of what several processes counted."""
        whole = cls()
        for requests, errors, buckets in parts:
            whole.requests += requests
            whole.errors += errors
            for place, count in enumerate(buckets):
                whole.buckets[place] += count
        return whole


class Outcome(enum.StrEnum):
    """What the gate says."""

    PASS = "pass"  # noqa: S105 - no password
    HOLD = "hold"
    TOO_LITTLE = "too_little"


@dataclass(frozen=True, slots=True)
class Budget:
    """How well a ring must fare: a part of a release's plan."""

    minimum_requests: int
    error_rate: Fraction | float
    """The largest share of requests that may fail, from 0 to 1."""
    p95_milliseconds: int
    """Within how long 95 of 100 requests must be answered."""

    def __post_init__(self) -> None:
        """Refuse a budget that means nothing."""
        if self.minimum_requests < 1:
            raise InvalidInputError("A health budget needs at least one request to judge by.")
        if not 0 <= self.error_rate <= 1:  # NaN isn't either
            raise InvalidInputError("The error rate of a health budget is from 0 to 1.")
        if self.p95_milliseconds < 1:
            raise InvalidInputError("The time of a health budget is at least one millisecond.")

    @property
    def rate(self) -> Fraction:
        """The error rate as it was written: 0.01 is one in a hundred, and not a bit more."""
        return Fraction(str(self.error_rate))


@dataclass(frozen=True, slots=True)
class Figures:
    """What was judged."""

    requests: int
    errors: int
    p95_milliseconds: float | None
    """The upper bound; None where it is beyond every bound, or nothing was counted."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says, in a sentence for people, and the figures that it says it from."""

    outcome: Outcome
    sentence: str
    figures: Figures
