"""How likely a name is typed for a recorded one: a noisy channel of slips, each with its cost.

The cost of a slip is minus the log of its chance, in nats; the cheapest way from the recorded name
to the typed one is found by the edit distance of Damerau (neighbouring letters may change places),
with weights as in Kernighan, Church and Gale's spelling program of 1990. The weights are estimates
of ours: what is misheard is likelier than what is mistyped, and in the published counts of single
slips that Peter Norvig drew from lists of real misspellings ("Natural Language Corpus Data", 2009)
a certain letter is left out far more often than a certain one is put in or stands for another.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Costs = NDArray[np.float32]
Tenths = NDArray[np.int16]
"""Costs in tenths of a nat, which add up exactly and fast."""


class SlipCosts(NamedTuple):
    """What slips cost, in tenths of nats; letters count from 1, and 0 is none."""

    substitution: Tenths
    """By the letter typed and the one recorded."""
    left_out: Tenths
    put_in: Tenths
    doubled: int
    """What a second letter costs that is the same as the one before."""
    first_letter: int
    """What a slip in the first letter costs more."""
    transposition: int


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


COSTS = SlipCosts(
    substitution=_substitutions(),
    left_out=_of_letters(_LEFT_OUT, _LEFT_OUT_VOWEL, _LEFT_OUT_SILENT),
    put_in=_of_letters(_PUT_IN, _PUT_IN_VOWEL, _PUT_IN_SILENT),
    doubled=round(10 * _DOUBLED),
    first_letter=round(10 * _AT_FIRST_LETTER),
    transposition=round(10 * _TRANSPOSE),
)
"""All of it in tenths of nats, which add up exactly and fast."""
