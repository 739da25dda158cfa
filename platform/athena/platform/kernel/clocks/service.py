"""Deadlines in hours and in England's working days; pure functions.

Hours are those that really pass: on the night in March when London's clocks go forward, 24 hours
from noon end at one in the afternoon. A day is London's, whatever its length.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

import holidays

from athena.platform.kernel.clock import LONDON
from athena.platform.kernel.clocks.models import Due, in_utc
from athena.platform.kernel.errors import InvalidInputError

FIRST_YEAR = 1974
"""Bank holidays are known from here on: the Act of 1971 with its amendment of 1974."""

_MOST_HOURS = 24 * 366
_MOST_DAYS = 366


def hours_later(start: datetime, hours: int) -> Due:
    """Return the moment when so many hours have passed."""
    if not 0 < hours <= _MOST_HOURS:
        raise InvalidInputError(f"A clock runs 1 to {_MOST_HOURS} hours.")
    return Due(in_utc(start) + timedelta(hours=hours), f"hours:{hours}")


def working_days_later(start: datetime, days: int) -> Due:
    """Return the end of the last of so many working days, counted from the day after the start.

    The end of a day is the midnight that follows it in London.
    """
    if not 0 < days <= _MOST_DAYS:
        raise InvalidInputError(f"A clock runs 1 to {_MOST_DAYS} working days.")
    day = in_utc(start).astimezone(LONDON).date()
    for _ in range(days):
        day = next_working_day(day)
    return Due(start_of_day(day + timedelta(days=1)), f"working_days:{days}")


def next_working_day(day: date) -> date:
    """Return the first working day after a day."""
    day += timedelta(days=1)
    while not is_working_day(day):
        day += timedelta(days=1)
    return day


def is_working_day(day: date) -> bool:
    """Whether a day is neither at a weekend nor one of England's holidays."""
    return day.weekday() < 5 and day not in _holidays(day.year)


def start_of_day(day: date) -> datetime:
    """Return the moment when a day begins in London; London never skips a midnight."""
    return datetime(day.year, day.month, day.day, tzinfo=LONDON).astimezone(UTC)


def bank_holidays(year: int) -> dict[date, str]:
    """Return England's holidays of a year: the Act of 1971, proclaimed days, and common law's."""
    return dict(sorted(_holidays(year).items()))


@lru_cache(maxsize=64)
def _holidays(year: int) -> dict[date, str]:
    if year < FIRST_YEAR:
        raise InvalidInputError(f"Working days are known from {FIRST_YEAR} on.")
    found = holidays.country_holidays("GB", subdiv="ENG", years=year)
    return {day: name for day, name in found.items() if day.year == year}
