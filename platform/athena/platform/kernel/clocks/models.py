"""What a clock says, and the moments it is given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from athena.platform.kernel.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class Due:
    """By when something must be done, and the clock that said so."""

    at: datetime
    clock: str

    def is_overdue(self, now: datetime) -> bool:
        """Whether the time has passed."""
        return now > self.at


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of time that a clock doesn't count, from its start to its end."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if in_utc(self.end) < in_utc(self.start):
            raise InvalidInputError("An interval can't end before it starts.")


def in_utc(moment: datetime) -> datetime:
    """Return a moment in UTC; one without a time zone could mean two different hours."""
    if moment.tzinfo is None:
        raise InvalidInputError("A time needs its time zone, for example 2026-10-25T01:30:00Z.")
    return moment.astimezone(UTC)
