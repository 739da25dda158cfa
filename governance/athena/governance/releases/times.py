"""Times as people in London write them; the store keeps UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from athena.platform.kernel.clock import LONDON
from athena.platform.kernel.errors import InvalidInputError


def moment(text: str) -> datetime:
    """Return the moment that a text names: London's clock, unless it states an offset.

    InvalidInputError for a time that London's clock skips in March, or shows twice in October:
    then the offset tells which is meant.
    """
    try:
        written = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInputError(
            f"'{text}' isn't a time; write it as 2027-01-10T20:00, in London's time."
        ) from None
    if written.tzinfo is not None:
        return written.astimezone(UTC)
    first, second = (written.replace(tzinfo=LONDON, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first == second:
        return first
    if first.astimezone(LONDON).replace(tzinfo=None) != written:
        raise InvalidInputError(
            f"London's clocks skip {text}; they go forward then. Choose a time an hour later."
        )
    raise InvalidInputError(
        f"London's clocks show {text} twice; they go back then. Write {text}+01:00 for the first "
        f"time and {text}+00:00 for the second."
    )


def span(begins: str, ends: str) -> tuple[datetime, datetime]:
    """Return a time from two texts; days alone are whole days in London, both included."""
    return _edge(begins, 0), _edge(ends, 1)


def day_of(when: datetime) -> date:
    """Return the day in London on which a moment is."""
    return when.astimezone(LONDON).date()


def midnight(day: date) -> datetime:
    """Return the moment at which a day begins in London, in UTC; days there have 23 to 25 hours."""
    return datetime.combine(day, time(), LONDON).astimezone(UTC)


def _edge(text: str, days: int) -> datetime:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return moment(text)
    return midnight(day + timedelta(days=days))
