"""Money as whole pence, and financial years: what costs are counted in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from athena.platform.kernel.errors import InvalidInputError

LARGEST_PENCE = 10**14
"""A million million pounds: more than anything that is shared here, and far from overflow."""

FIRST_YEAR, LAST_YEAR = 2000, 2199

_POUNDS = re.compile(r"£?(\d{1,3}(?:,\d{3})+|\d{1,13})(?:\.(\d{2}))?")
_YEAR = re.compile(r"(\d{4})[/-](\d{2})")


def pounds(pence: int) -> str:
    """Return pence as people write them, such as £1,234.56 or -£0.05."""
    sign = "-" if pence < 0 else ""
    return f"{sign}£{abs(pence) // 100:,}.{abs(pence) % 100:02}"


def parse_pounds(text: str) -> int:
    """Return the pence of an amount such as 1234.56 or £1,234; InvalidInputError otherwise."""
    found = _POUNDS.fullmatch(text.strip())
    if found is None:
        raise InvalidInputError(
            "Give an amount in pounds, zero or more, such as 1234 or 1234.56.",
            field="/amount_pence",
        )
    return check_pence(int(found[1].replace(",", "")) * 100 + int(found[2] or 0))


def check_pence(pence: int) -> int:
    """Return an amount of money that can be shared, or raise InvalidInputError."""
    if pence < 0:
        raise InvalidInputError(
            "A cost can't be negative; money that comes back is a credit.", field="/amount_pence"
        )
    if pence > LARGEST_PENCE:
        raise InvalidInputError(
            f"A cost can be at most {pounds(LARGEST_PENCE)}.", field="/amount_pence"
        )
    return pence


@dataclass(frozen=True, slots=True, order=True)
class FinancialYear:
    """A year of the public sector's accounts, 1 April to 31 March, by the year it begins in."""

    begins: int

    def __post_init__(self) -> None:
        """Refuse a year that no account here is of."""
        if not FIRST_YEAR <= self.begins <= LAST_YEAR:
            raise InvalidInputError(
                f"Give a financial year from {FIRST_YEAR} to {LAST_YEAR}, such as 2026/27.",
                field="/financial_year",
            )

    @classmethod
    def parse(cls, text: str) -> FinancialYear:
        """Return the year of 2026/27 or 2026-27; InvalidInputError otherwise."""
        found = _YEAR.fullmatch(text.strip())
        if found is None or (int(found[1]) + 1) % 100 != int(found[2]):
            raise InvalidInputError(
                "Give a financial year such as 2026/27.", field="/financial_year"
            )
        return cls(int(found[1]))

    @classmethod
    def of(cls, day: date) -> FinancialYear:
        """Return the year that a day is in."""
        return cls(day.year if (day.month, day.day) >= (4, 1) else day.year - 1)

    def __str__(self) -> str:
        """Return the year as people write it, such as 2026/27."""
        return f"{self.begins}/{(self.begins + 1) % 100:02}"

    @property
    def first_day(self) -> date:
        """1 April."""
        return date(self.begins, 4, 1)

    @property
    def last_day(self) -> date:
        """31 March of the calendar year after."""
        return date(self.begins + 1, 3, 31)

    @property
    def days(self) -> int:
        """365, or 366 where it holds a 29 February."""
        return (self.last_day - self.first_day).days + 1

    def next(self) -> FinancialYear:
        """Return the year after."""
        return FinancialYear(self.begins + 1)

    def to(self, last: FinancialYear) -> Iterator[FinancialYear]:
        """Yield the years from this one to another, both included."""
        return (FinancialYear(begins) for begins in range(self.begins, last.begins + 1))


def show_day(day: date) -> str:
    """Return a day as people write it, such as 1 April 2026."""
    return f"{day.day} {day:%B %Y}"


def twelve_months_after(day: date) -> date:
    """Return the corresponding date of the year after, on which twelve months' notice ends.

    Where there is none (29 February), the last day of that month: the corresponding date rule,
    Dodds v Walker [1981] 1 WLR 1027.
    """
    try:
        return day.replace(year=day.year + 1)
    except ValueError:
        return day.replace(year=day.year + 1, month=3, day=1) - timedelta(days=1)
