"""Dates of birth as people know them: a day, a month of a year, or a year alone (POLE 034)."""

from __future__ import annotations

import enum
import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date

from athena.platform.kernel.errors import InvalidInputError

OLDEST_AGE = 120
"""The age in years that nobody on record is above (POLE 034)."""

_MONTHS = {
    name: number
    for number, names in enumerate(
        [
            ("jan", "january"),
            ("feb", "february"),
            ("mar", "march"),
            ("apr", "april"),
            ("may",),
            ("jun", "june"),
            ("jul", "july"),
            ("aug", "august"),
            ("sep", "sept", "september"),
            ("oct", "october"),
            ("nov", "november"),
            ("dec", "december"),
        ],
        start=1,
    )
    for name in names
}
_ISO = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")
_UK = re.compile(r"(?:(?:(\d{1,2})[/. -])?(\d{1,2}|[a-z]+)[/. -])?(\d{4})")


class Precision(enum.StrEnum):
    """How much of a date is known."""

    DAY = "day"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class PartialDate:
    """A date known to the day, the month or the year."""

    year: int
    month: int | None = None
    day: int | None = None

    def __post_init__(self) -> None:
        """Refuse what is on no calendar."""
        if self.day is not None and self.month is None:
            raise InvalidInputError("A day needs its month.", field="/date_of_birth")
        try:
            date(self.year, self.month or 1, self.day or 1)
        except ValueError:
            raise InvalidInputError(
                "There is no such date; write it as 1980-03-12, 1980-03 or 1980.",
                field="/date_of_birth",
            ) from None

    @property
    def precision(self) -> Precision:
        """How much is known."""
        if self.day is not None:
            return Precision.DAY
        return Precision.YEAR if self.month is None else Precision.MONTH

    @property
    def earliest(self) -> date:
        """The first day it can be; what the store keeps beside the precision."""
        return date(self.year, self.month or 1, self.day or 1)

    @property
    def latest(self) -> date:
        """The last day it can be."""
        month = self.month or 12
        return date(self.year, month, self.day or monthrange(self.year, month)[1])

    def __str__(self) -> str:
        parts = [f"{self.year:04}"]
        parts += [f"{part:02}" for part in (self.month, self.day) if part is not None]
        return "-".join(parts)

    @classmethod
    def of(cls, day: date, precision: str | Precision = Precision.DAY) -> PartialDate:
        """Return the partial date that the store keeps as a day and a precision."""
        match Precision(precision):
            case Precision.DAY:
                return cls(day.year, day.month, day.day)
            case Precision.MONTH:
                return cls(day.year, day.month)
            case Precision.YEAR:
                return cls(day.year)


def parse_partial_date(text: str, field: str = "/date_of_birth") -> PartialDate:
    """Read ``1980-03-12``, ``12/03/1980``, ``12 March 1980``, ``03/1980`` or ``1980``."""
    cleaned = text.strip().lower()
    if match := _ISO.fullmatch(cleaned):
        year, month, day = match.groups()
    elif match := _UK.fullmatch(cleaned):
        day, month, year = match.groups()
    else:
        raise InvalidInputError("Write the date as 1980-03-12, 1980-03 or 1980.", field=field)
    if month is not None and not month.isdigit():
        if month not in _MONTHS:
            raise InvalidInputError("Write the month as a number or in English.", field=field)
        month = str(_MONTHS[month])
    try:
        return PartialDate(int(year), int(month) if month else None, int(day) if day else None)
    except InvalidInputError as error:
        raise InvalidInputError(error.detail, field=field) from None


def check_date_of_birth(born: PartialDate, today: date, field: str = "/date_of_birth") -> None:
    """Refuse a date of birth in the future, today, or of someone over 120 (POLE 034).

    A partial date is taken at its earliest day.
    """
    if born.earliest >= today:
        raise InvalidInputError("A date of birth must be in the past.", field=field)
    birthday = (born.earliest.month, born.earliest.day)
    if today.year - born.year - ((today.month, today.day) < birthday) > OLDEST_AGE:
        raise InvalidInputError(
            f"A date of birth is at most {OLDEST_AGE} years ago; check the century.", field=field
        )
