"""Dates of birth as searches weigh them: what a typed date is easily recorded as."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from athena.records.names.keys import day_number, day_of
from athena.sharing.search.query import PersonQuery

DATE_UNKNOWN = -2.0
DATE_LESS_PRECISE = -1.8
DATE_SLIP = -2.6
DATE_DIGIT = -3.2
DATE_SAME_YEAR = -4.5
DATE_OTHER = -6.5
YEAR_NEAR = -2.5
YEAR_OTHER = -6.0
MONTH_OTHER = -1.5

NEAR_YEARS = 2
"""How many years before and after the years typed count as near."""

YEAR_ONLY = "year only, or its first day"
MONTH_ONLY = "month only, or its first day"

How = tuple[str, float]
"""How a recorded date meets the typed one, and log P(typed | recorded)."""


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


def slip_weight(slip: str) -> float:
    """Return log P of a slip of `date_slips`."""
    return DATE_LESS_PRECISE if slip in (YEAR_ONLY, MONTH_ONLY) else DATE_SLIP


def swapped_day_and_month(born: date) -> date | None:
    """Return a date with its day and month exchanged, if that is another date."""
    if born.day > 12 or born.day == born.month:
        return None
    return born.replace(day=born.month, month=born.day)


def year_days(first: int, last: int) -> tuple[int, int]:
    """Return the numbers of the first and the last day of some years."""
    return day_number(date(max(first, 1900), 1, 1)), day_number(date(last, 12, 31))


@dataclass(frozen=True, slots=True)
class DateScale:
    """Weighs recorded days of birth against the one a query asks for."""

    days: Mapping[int, How]
    """Days that are weighed by themselves."""
    spans: tuple[tuple[int, int, How], ...]
    """First and last day of what counts alike otherwise, the first that fits."""
    otherwise: How
    field: str
    typed: str
    whole: bool
    """Whether a whole date was asked for."""

    @classmethod
    def of(cls, query: PersonQuery) -> DateScale | None:
        """Return the scale of a query, or None where it asks for no date."""
        if query.born is not None:
            typed = query.born.earliest
            days: dict[int, How] = {
                day_number(day): ("one digit off", DATE_DIGIT) for day in _a_digit_off(typed)
            }
            days |= {
                day_number(day): (slip, slip_weight(slip))
                for day, slip in date_slips(typed).items()
            }
            days |= {0: ("not recorded", DATE_UNKNOWN), day_number(typed): ("exact", 0.0)}
            same_year = (*year_days(typed.year, typed.year), ("same year", DATE_SAME_YEAR))
            other = ("another date", DATE_OTHER)
            return cls(days, (same_year,), other, "date_of_birth", typed.isoformat(), True)
        if query.born_years is not None:
            first, last = query.born_years
            near = year_days(first - NEAR_YEARS, last + NEAR_YEARS)
            spans = [
                (*year_days(first, last), ("exact", 0.0)),
                (*near, ("within two years", YEAR_NEAR)),
            ]
            days = {0: ("not recorded", DATE_UNKNOWN)}
            if query.born_month is not None:
                month = query.born_month
                low, high = day_number(date(first, month, 1)), day_number(_month_end(first, month))
                days[day_number(date(first, 1, 1))] = ("exact", 0.0)
                spans[:1] = [
                    (low, high, ("exact", 0.0)),
                    (*year_days(first, last), ("another month", MONTH_OTHER)),
                ]
            shown = str(first) if first == last else f"{first}-{last}"
            other = ("another year", YEAR_OTHER)
            return cls(days, tuple(spans), other, "year_of_birth", shown, False)
        return None

    def weigh(self, day: int) -> How:
        """Return how a recorded day meets the typed date; 0 is an unknown one."""
        found = self.days.get(day)
        if found is not None:
            return found
        for first, last, how in self.spans:
            if first <= day <= last:
                return how
        return self.otherwise

    def weights(self, days: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the weights of many days."""
        distinct, places = np.unique(days, return_inverse=True)
        weights: NDArray[np.float64] = np.asarray(
            [self.weigh(day)[1] for day in distinct.tolist()], dtype=np.float64
        )[places]
        return weights

    def shown(self, day: int) -> str:
        """Return a recorded day as the explanation shows it."""
        recorded = day_of(day)
        if recorded is None:
            return ""
        return recorded.isoformat() if self.whole else str(recorded.year)


def _month_end(year: int, month: int) -> date:
    return date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)


def _a_digit_off(born: date) -> Iterator[date]:
    """Yield the dates that are one digit away from another."""
    typed = born.isoformat()
    for place, digit in enumerate(typed):
        for other in "0123456789" if digit != "-" else "":
            try:
                yield date.fromisoformat(typed[:place] + other + typed[place + 1 :])
            except ValueError:
                continue
