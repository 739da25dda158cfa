"""Names and dates of birth packed into one integer, which every index compares exactly.

Comparing integers is leakproof, so PostgreSQL keeps the index under row-level security; fuzzy
operators aren't, and lose it.

A name key is ``surname term (23 bits) | given-name term (23 bits) | day of birth (16 bits)``, a
date key the same parts led by the day. Term 0 stands for a name that isn't there, day 0 for an
unknown date. A date known to its month or year only stands on its first day.

A name is found by several pairs: the whole surname with the first given name, and further ones,
of a middle name or of a part of the surname. The keys of further pairs carry the sign bit, so that
whoever bears a name first is read, and ranked, before those who bear it besides.
"""

from __future__ import annotations

from datetime import date, timedelta

TERM_BITS = 23
DAY_BITS = 16
MOST_TERMS = (1 << TERM_BITS) - 1
MOST_DAYS = (1 << DAY_BITS) - 1

FURTHER = -(1 << 63)
"""The sign bit: a key that has it is of a further pair of a name, not of its first."""

PAIR_MASK = (1 << 2 * TERM_BITS) - 1
"""What cuts a pair out of a key, whatever stands above it."""

_EPOCH = date(1899, 12, 31)
GIVEN_SHIFT = DAY_BITS
SURNAME_SHIFT = DAY_BITS + TERM_BITS
DAY_SHIFT = 2 * TERM_BITS


def day_number(day: date | None) -> int:
    """Return the days since 1899-12-31 (so 1900-01-01 is 1), or 0 for an unknown or earlier day."""
    if day is None:
        return 0
    return min(max((day - _EPOCH).days, 0), MOST_DAYS)


def day_of(number: int) -> date | None:
    """Return the day of a number, or None for 0."""
    return _EPOCH + timedelta(days=number) if number else None


def name_key(surname: int, given: int, day: int, *, further: bool = False) -> int:
    """Pack a name key, of a further pair of a name or of its first."""
    key = surname << SURNAME_SHIFT | given << GIVEN_SHIFT | day
    return key | FURTHER if further else key


def date_key(surname: int, given: int, day: int, *, further: bool = False) -> int:
    """Pack a date key, of a further pair of a name or of its first."""
    key = day << DAY_SHIFT | surname << TERM_BITS | given
    return key | FURTHER if further else key


def unpack_name_key(key: int) -> tuple[int, int, int]:
    """Return the surname term, the given-name term and the day of a name key."""
    return key >> SURNAME_SHIFT & MOST_TERMS, key >> GIVEN_SHIFT & MOST_TERMS, key & MOST_DAYS


def pair_key(surname: int, given: int) -> int:
    """Pack a (surname, given name) pair without a date."""
    return surname << TERM_BITS | given
