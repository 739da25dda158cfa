"""Ranges of name keys and date keys, many at once, as look-ups in the indexes take them.

They stand apart from the keys because who makes keys alone needn't load the arrays' library.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from athena.records.names.keys import (
    DAY_BITS,
    DAY_SHIFT,
    FURTHER,
    MOST_DAYS,
    MOST_TERMS,
    SURNAME_SHIFT,
    date_key,
    name_key,
)

Keys = NDArray[np.int64]
"""Terms, pairs, days or keys, many at once."""

Ranges = NDArray[np.int64]
"""Rows of the lowest and the highest key of a range, both included."""

NO_RANGES: Ranges = np.zeros((0, 2), dtype=np.int64)


def bounds(ranges: Ranges) -> dict[str, list[int]]:
    """Return ranges as the two arrays that a look-up takes, ``low`` and ``high``."""
    return {"low": ranges[:, 0].tolist(), "high": ranges[:, 1].tolist()}


def further(ranges: Ranges) -> Ranges:
    """Return the ranges of further pairs that belong to those of first ones."""
    return ranges | FURTHER


def both(ranges: Ranges) -> Ranges:
    """Return ranges of first pairs and those of further ones."""
    return np.concatenate([ranges, further(ranges)])


def pair_ranges(pairs: Keys, first_day: int = 0, last_day: int = MOST_DAYS) -> Ranges:
    """Return the name keys of each pair, born between two days."""
    keys = pairs << DAY_BITS
    return _ranges(keys | first_day, keys | last_day)


def surname_ranges(surnames: Keys) -> Ranges:
    """Return the name keys of each surname, whatever the given name and date."""
    first = surnames << SURNAME_SHIFT
    return _ranges(first, first | name_key(0, MOST_TERMS, MOST_DAYS))


def day_ranges(days: Keys) -> Ranges:
    """Return the date keys of each day of birth."""
    first = days << DAY_SHIFT
    return _ranges(first, first | date_key(MOST_TERMS, MOST_TERMS, 0))


def _ranges(low: Keys, high: Keys) -> Ranges:
    ranges = np.empty((len(low), 2), dtype=np.int64)
    ranges[:, 0], ranges[:, 1] = low, high
    return ranges
