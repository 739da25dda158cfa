"""How likely a name is typed for a recorded one: a noisy channel of slips, each with its cost.

The cost of a slip is minus the log of its chance, in nats; the cheapest way from the recorded name
to the typed one is found by the edit distance of Damerau (neighbouring letters may change places),
with weights as in Kernighan, Church and Gale's spelling program of 1990. The weights are estimates
of ours, not trained ones.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Letters = NDArray[np.uint8]
"""Names as rows of letters 1 to 26, filled up with 0."""

Costs = NDArray[np.float32]

_SUBSTITUTE = 3.0
_BESIDE_ON_KEYBOARD = 2.2
_OF_LIKE_SOUND = 1.6
_VOWEL_FOR_VOWEL = 1.5
_TRANSPOSE = 1.7
_SKIP = 2.5
_SKIP_VOWEL = 2.1
_SKIP_SILENT = 1.5
_SKIP_DOUBLED = 0.9
_AT_FIRST_LETTER = 0.8
"""What a slip costs more in the first letter, which people seldom get wrong."""

_KEYBOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_LIKE_SOUNDS = (
    "ck", "kq", "cq", "cs", "sz", "ks", "xz", "sx", "bp", "dt", "fv", "vw", "fp", "gj", "jy",
    "gk", "mn", "iy", "iej", "lr", "uw", "ow", "td", "tc", "zj",
)  # fmt: skip


def _substitutions() -> Costs:
    costs = np.full((27, 27), _SUBSTITUTE, dtype=np.float32)

    def cheapen(first: str, second: str, cost: float) -> None:
        a, b = ord(first) - 96, ord(second) - 96
        costs[a, b] = costs[b, a] = min(costs[a, b], cost)

    for upper, row in enumerate(_KEYBOARD):
        for place, letter in enumerate(row):
            below = _KEYBOARD[upper + 1][max(place - 1, 0) : place + 1] if upper < 2 else ""
            for other in row[place + 1 : place + 2] + below:
                cheapen(letter, other, _BESIDE_ON_KEYBOARD)
    for group in _LIKE_SOUNDS:
        for first in group:
            for second in group:
                cheapen(first, second, _OF_LIKE_SOUND)
    for first in "aeiou":
        for second in "aeiou":
            cheapen(first, second, _VOWEL_FOR_VOWEL)
    np.fill_diagonal(costs, 0.0)
    return costs


def _skips() -> Costs:
    costs = np.full(27, _SKIP, dtype=np.float32)
    costs[0] = 0.0
    for letters, cost in (("aeiou", _SKIP_VOWEL), ("hy", _SKIP_SILENT)):
        for letter in letters:
            costs[ord(letter) - 96] = cost
    return costs


_SUBSTITUTION_COSTS = _substitutions()
_SKIP_COSTS = _skips()


def slip_costs(typed: Letters, recorded: Letters) -> Costs:
    """Return what each recorded name costs to be typed as one row of letters; 0 if it is the same.

    All names go through the table of distances at once, a row of it for each letter typed.
    """
    count, width = recorded.shape
    missing = np.zeros((count, width + 1), dtype=np.float32)
    missing[:, 1:] = _skip_costs(recorded)
    np.cumsum(missing, axis=1, out=missing)
    extra = _skip_costs(typed[None, :])[0]
    before = np.zeros_like(missing)
    above = missing
    for place, letter in enumerate(typed):
        row = above + extra[place]
        exchanged = above[:, :-1] + _SUBSTITUTION_COSTS[letter][recorded]
        if place == 0:
            exchanged[:, 0] += _AT_FIRST_LETTER * (recorded[:, 0] != letter)
        else:
            exchanged[:, 0] += _AT_FIRST_LETTER
        np.minimum(row[:, 1:], exchanged, out=row[:, 1:])
        if place:
            turned = (recorded[:, 1:] == typed[place - 1]) & (recorded[:, :-1] == letter)
            across = np.where(turned, before[:, :-2] + np.float32(_TRANSPOSE), np.inf)
            np.minimum(row[:, 2:], across, out=row[:, 2:])
        # A run of missing letters costs the difference of two sums, so the best place to begin
        # it is a running minimum.
        row = np.minimum.accumulate(row - missing, axis=1) + missing
        before, above = above, row
    return above[:, -1]


def to_letters(names: NDArray[np.bytes_]) -> Letters:
    """Return names in ASCII lower case as rows of letters."""
    width = max(names.dtype.itemsize, 1)
    codes = np.ascontiguousarray(names).view(np.uint8).reshape(len(names), width)
    letters: Letters = np.where(codes, codes - np.uint8(96), np.uint8(0))
    return letters


def _skip_costs(names: Letters) -> Costs:
    """Return what it costs to skip each letter; the second of a double letter is cheap."""
    costs: Costs = _SKIP_COSTS[names]
    doubled = (names[:, 1:] == names[:, :-1]) & (names[:, 1:] > 0)
    costs[:, 1:][doubled] = _SKIP_DOUBLED
    costs[:, 0] += _AT_FIRST_LETTER
    return costs
