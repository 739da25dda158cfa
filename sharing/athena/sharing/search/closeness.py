"""How likely a name is typed for a recorded one: a noisy channel of slips, each with its cost.

The cost of a slip is minus the log of its chance, in nats; the cheapest way from the recorded name
to the typed one is found by the edit distance of Damerau (neighbouring letters may change places),
with weights as in Kernighan, Church and Gale's spelling program of 1990. The weights are estimates
of ours: what is misheard is likelier than what is mistyped, and in the published counts of single
slips that Peter Norvig drew from lists of real misspellings ("Natural Language Corpus Data", 2009)
a certain letter is left out far more often than a certain one is put in or stands for another.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Letters = NDArray[np.uint8]
"""Names as rows of letters 1 to 26, filled up with 0."""

Costs = NDArray[np.float32]
Tenths = NDArray[np.int16]
"""Costs in tenths of a nat, which add up exactly and fast."""

_SUBSTITUTE = 4.2
_BESIDE_ON_KEYBOARD = 3.2
_OF_LIKE_SOUND = 2.2
_VOWEL_FOR_VOWEL = 2.0
_TRANSPOSE = 2.0
_LEFT_OUT = 2.3
_LEFT_OUT_VOWEL = 2.0
_LEFT_OUT_SILENT = 1.5
_PUT_IN = 3.8
_PUT_IN_VOWEL = 3.2
_PUT_IN_SILENT = 2.5
_DOUBLED = 0.9
_AT_FIRST_LETTER = 0.6
"""What a slip costs more in the first letter, which people seldom get wrong."""

_NEVER = 10_000
"""More tenths than any way between two names costs."""

_KEYBOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_LIKE_SOUNDS = (
    "ck", "kq", "cq", "cs", "sz", "ks", "xz", "sx", "bp", "dt", "fv", "vw", "fp", "gj", "jy",
    "gk", "mn", "iy", "iej", "lr", "uw", "ow", "td", "tc", "zj",
)  # fmt: skip


def _tenths(costs: Costs | float) -> Tenths:
    return np.asarray(np.rint(np.multiply(costs, 10)), dtype=np.int16)


def _substitutions() -> Tenths:
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
    return _tenths(costs)


def _of_letters(usual: float, vowel: float, silent: float) -> Tenths:
    costs = np.full(27, usual, dtype=np.float32)
    costs[0] = 0.0
    for letters, cost in (("aeiou", vowel), ("hy", silent)):
        for letter in letters:
            costs[ord(letter) - 96] = cost
    return _tenths(costs)


_SUBSTITUTION_COSTS = _substitutions()
_LEFT_OUT_COSTS = _of_letters(_LEFT_OUT, _LEFT_OUT_VOWEL, _LEFT_OUT_SILENT)
_PUT_IN_COSTS = _of_letters(_PUT_IN, _PUT_IN_VOWEL, _PUT_IN_SILENT)
_FIRST_LETTER_COST = _tenths(_AT_FIRST_LETTER)[()]
_DOUBLED_COST = _tenths(_DOUBLED)[()]
_TRANSPOSITION_COST = _tenths(_TRANSPOSE)[()]


def slip_costs(typed: Letters, recorded: Letters) -> Costs:
    """Return what each recorded name costs to be typed as one row of letters; 0 if it is the same.

    All names go through the table of distances at once, a row of it for each letter typed. What
    the table holds is the distance less that of skipping everything so far on both sides, so that
    skipping costs nothing in it: a missing letter is a running minimum, an extra one stands.
    """
    names = np.ascontiguousarray(recorded.T)
    skipped = _skip_costs(names, _LEFT_OUT_COSTS)
    extra = _skip_costs(typed[:, None], _PUT_IN_COSTS)[:, :, None]
    exchanged = _SUBSTITUTION_COSTS[typed[:, None, None], names[None]] - skipped - extra
    exchanged[0, 0] += _FIRST_LETTER_COST * (names[0] != typed[0])
    exchanged[1:, 0] += _FIRST_LETTER_COST
    turned = (names[None, 1:] == typed[:-1, None, None]) & (
        names[None, :-1] == typed[1:, None, None]
    )
    saved = (skipped[1:] + skipped[:-1]) + (extra[1:] + extra[:-1])
    across = np.where(turned, _TRANSPOSITION_COST - saved, np.int16(_NEVER))
    above = before = np.zeros((len(names) + 1, names.shape[1]), dtype=np.int16)
    for place in range(len(typed)):
        row = above.copy()
        np.minimum(row[1:], above[:-1] + exchanged[place], out=row[1:])
        if place:
            np.minimum(row[2:], before[:-2] + across[place - 1], out=row[2:])
        np.minimum.accumulate(row, axis=0, out=row)
        before, above = above, row
    tenths = above[-1] + skipped.sum(axis=0, dtype=np.int16) + extra.sum(dtype=np.int16)
    costs: Costs = tenths.astype(np.float32) / np.float32(10)
    return costs


def to_letters(names: NDArray[np.bytes_]) -> Letters:
    """Return names in ASCII lower case as rows of letters, as wide as the longest of them."""
    width = max(names.dtype.itemsize, 1)
    codes = np.ascontiguousarray(names).view(np.uint8).reshape(len(names), width)
    codes = codes[:, : max(int(np.count_nonzero(codes.any(axis=0))), 1)]
    letters: Letters = np.where(codes, codes - np.uint8(96), np.uint8(0))
    return letters


def _skip_costs(names: Letters, of_letters: Tenths) -> Tenths:
    """Return what it costs to skip each letter; names are columns here.

    The second of a double letter is cheap.
    """
    costs: Tenths = of_letters[names]
    doubled = (names[1:] == names[:-1]) & (names[1:] > 0)
    costs[1:][doubled] = _DOUBLED_COST
    costs[0] += _FIRST_LETTER_COST
    return costs
