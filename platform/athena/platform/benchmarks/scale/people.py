"""People drawn by the hundred thousand, and the keys that the store's own code gives their names.

`pairs_of` is `records.names.normalise.name_pairs` for many names at once; `bulk.check` holds it to
that on a sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from athena.platform.benchmarks.scale.universe import Names, Numbers, Universe
from athena.records.names.keys import DAY_BITS, FURTHER, PAIR_MASK, TERM_BITS, day_number
from athena.records.names.normalise import MOST_PAIRS
from athena.records.synthetic.identities import LAST_BIRTH

_SECOND_NAME_SHARE = 0.45
_OLDEST_DAYS, _COMMONEST_DAYS = 31_000, 9_000

Ids = NDArray[np.uint8]
"""Rows of the sixteen bytes of a random UUID."""


@dataclass(frozen=True, slots=True)
class People:
    """Some people in columns; each is recorded after a template."""

    ids: Ids
    templates: Numbers
    given: Numbers
    second: Numbers
    """The second given name, or -1."""
    surnames: Numbers
    days: Numbers
    """The recorded day of birth, 0 where none is."""

    def __len__(self) -> int:
        return len(self.templates)


def random_ids(draw: np.random.Generator, count: int) -> Ids:
    """Return random UUIDs of version 4."""
    ids = np.frombuffer(draw.bytes(16 * count), dtype=np.uint8).reshape(count, 16).copy()
    ids[:, 6] = ids[:, 6] & 0x0F | 0x40
    ids[:, 8] = ids[:, 8] & 0x3F | 0x80
    return ids


def draw_people(
    draw: np.random.Generator,
    universe: Universe,
    shares: NDArray[np.float64],
    precisions: NDArray[np.str_],
    count: int,
) -> People:
    """Draw people; ``shares`` are how many follow each template.

    ``precisions`` tell how much of a date of birth each template has: day, month, year or nothing.
    """
    cumulative = np.cumsum(shares)
    templates = np.searchsorted(cumulative, draw.random(count) * cumulative[-1])
    templates = np.minimum(templates, len(shares) - 1)
    given = universe.given.pick(draw, count)
    second = np.where(draw.random(count) < _SECOND_NAME_SHARE, universe.given.pick(draw, count), -1)
    second[second == given] = -1
    before = draw.triangular(0, _COMMONEST_DAYS, _OLDEST_DAYS, count).astype(np.int64)
    days = day_number(LAST_BIRTH) - before
    return People(
        random_ids(draw, count),
        templates,
        given,
        second,
        universe.surnames.pick(draw, count),
        _recorded(days, precisions[templates]),
    )


def _recorded(days: Numbers, precisions: NDArray[np.str_]) -> Numbers:
    """Return the day on which a date of each precision stands."""
    dates = np.datetime64("1899-12-31") + days
    for unit, precision in (("M", "month"), ("Y", "year")):
        known = precisions == precision
        dates[known] = dates[known].astype(f"datetime64[{unit}]").astype("datetime64[D]")
    days = (dates - np.datetime64("1899-12-31")).astype(np.int64)
    return np.where(precisions == "", 0, days)


def pairs_of(
    terms: NDArray[np.int64], universe: Universe, given: Numbers, second: Numbers, surnames: Numbers
) -> tuple[Numbers, Numbers]:
    """Return (which name, pair key) of every pair that names are found by, as `name_pairs` does.

    ``terms`` are the numbers that the register gave the universe's tokens.
    """
    first_tokens = _tokens(universe.given, given)
    second_tokens = _tokens(universe.given, second)
    family_tokens = _tokens(universe.surnames, surnames)
    given_tokens = _packed(np.concatenate([first_tokens, second_tokens], axis=1))
    rows, keys = [], []
    found = np.zeros(len(given), dtype=np.int64)
    width, families = given_tokens.shape[1], family_tokens.shape[1]
    order = sorted(((one, other) for one in range(width) for other in range(families)), key=sum)
    for one, other in order:
        there = (given_tokens[:, one] >= 0) & (family_tokens[:, other] >= 0)
        there &= found < MOST_PAIRS
        row = np.flatnonzero(there)
        found[row] += 1
        family = terms[family_tokens[row, other]]
        pairs = (family << TERM_BITS) | terms[given_tokens[row, one]]
        keys.append(pairs | FURTHER if one or other else pairs)
        rows.append(row)
    return np.concatenate(rows), np.concatenate(keys)


def name_keys(pairs: Numbers, days: Numbers) -> tuple[Numbers, Numbers]:
    """Return the name keys and the date keys of pairs; further ones carry the sign bit."""
    further, pairs = pairs & FURTHER, pairs & PAIR_MASK
    return (pairs << DAY_BITS) | days | further, (days << (2 * TERM_BITS)) | pairs | further


def _tokens(names: Names, numbers: Numbers) -> NDArray[np.int32]:
    tokens = names.tokens[numbers]
    tokens[numbers < 0] = -1
    return tokens


def _packed(tokens: NDArray[np.int32]) -> NDArray[np.int32]:
    """Move each row's tokens to its beginning, without those that stand before in it."""
    for column in range(1, tokens.shape[1]):
        again = (tokens[:, :column] == tokens[:, column : column + 1]).any(axis=1)
        tokens[again, column] = -1
    order = np.argsort(tokens < 0, axis=1, kind="stable")
    return np.take_along_axis(tokens, order, axis=1)
