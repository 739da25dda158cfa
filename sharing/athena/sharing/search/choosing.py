"""Which of the recorded names near a typed one are kept, out of the parts of a dictionary together.

A dictionary lies in parts: an edition, and what was registered since. What a typed name is taken
for must not hang on which part a name lies in, or searches would find others while names are
registered and others again when the next edition is built. So each part hands on its likeliest by
an order that no part decides, and what is cut off is cut off all of them together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

MOST_EXPANSIONS = 60
MOST_COMPARED = 100
"""How many names near a typed one are compared with it letter by letter."""

HOW = (
    "exact",
    "spelt alike",
    "sounds alike",
    "short or full form",
    "initial",
    "begins alike",
)
"""How a typed name and a recorded one meet, by code."""

EXACT, SPELT, SOUNDS, FORM, INITIAL, BEGINS = range(len(HOW))
FORMS, BEGINNINGS, SIMILAR = range(3)
"""The ways to candidates: of two that weigh the same the first counts."""


@dataclass(frozen=True, slots=True)
class Expansion:
    """A recorded name that a typed one may mean, with log P(typed | recorded), at most 0."""

    term_id: int
    token: str
    log_p: float
    how: str
    typed: str


@dataclass(frozen=True, slots=True)
class Meant:
    """The recorded names that a typed one may mean, in columns, the closest first."""

    typed: str
    terms: NDArray[np.int64]
    log_p: NDArray[np.float64]
    how: NDArray[np.uint8]
    """By code of `HOW`."""
    tokens: NDArray[np.bytes_]

    @classmethod
    def nothing(cls, typed: str) -> Self:
        """Return what a name means that leads nowhere."""
        return cls(
            typed,
            np.zeros(0, np.int64),
            np.zeros(0, np.float64),
            np.zeros(0, np.uint8),
            np.zeros(0, "S1"),
        )

    def __len__(self) -> int:
        return len(self.terms)

    def expansions(self) -> list[Expansion]:
        """Return them as values, one by one."""
        return [
            Expansion(term, token.decode(), log_p, HOW[how], self.typed)
            for term, token, log_p, how in zip(
                self.terms.tolist(),
                self.tokens.tolist(),
                self.log_p.tolist(),
                self.how.tolist(),
                strict=True,
            )
        ]


class Candidates(NamedTuple):
    """Recorded names that a typed one may mean, of one part of a dictionary, in columns."""

    terms: NDArray[np.int64]
    tokens: NDArray[np.bytes_]
    places: NDArray[np.int64]
    """Where they stand in their part, which is in the order of the alphabet."""
    way: NDArray[np.uint8]
    log_p: NDArray[np.float64]
    how: NDArray[np.uint8]
    bonus: NDArray[np.float32]
    """What a name is kept the sooner for, because many bear it."""
    rough: NDArray[np.float32]
    """By what they are cut off where there are too many of one way, the lowest kept."""

    def of(self, kept: NDArray[np.intp]) -> Candidates:
        """Return some of them."""
        return Candidates._make(column[kept] for column in self)


MOST_OF_WAY = {BEGINNINGS: MOST_EXPANSIONS, SIMILAR: MOST_COMPARED}
"""How many candidates of a way are weighed at most."""


def choose(typed: str, parts: Sequence[Candidates], limit: int) -> Meant:
    """Return the closest of the candidates of all parts; a name typed exactly is among them.

    Common names are kept sooner, none ranks higher for it. Each part's candidates of a way are all
    that it has, or the first by `rough` and the alphabet.
    """
    from athena.sharing.search import compiled_columns

    if len(parts) == 1:
        (found,) = parts
        alphabet = found.places
    else:
        found = Candidates._make(np.concatenate(column) for column in zip(*parts, strict=True))
        alphabet = np.unique(found.tokens, return_inverse=True)[1].astype(np.int64)
        kept = _cut(found, alphabet)
        found, alphabet = found.of(kept), alphabet[kept]
    # The best way in which a name meets the typed one counts, and of equals the first.
    order = np.lexsort((found.way, alphabet, -found.log_p))
    order = order[compiled_columns.first_of_each(alphabet[order], len(order))]
    if len(order) > limit:
        worth = (found.log_p + found.bonus)[order]
        worth[found.how[order] == EXACT] = np.inf
        order = order[np.sort(np.argsort(-worth, kind="stable")[:limit])]
    return Meant(
        typed, found.terms[order], found.log_p[order], found.how[order], found.tokens[order]
    )


def _cut(found: Candidates, alphabet: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return which candidates are weighed, where parts have too many of a way together."""
    kept = np.ones(len(found.terms), dtype=np.bool_)
    for way, most in MOST_OF_WAY.items():
        places = np.flatnonzero(found.way == way)
        if len(places) > most:
            order = np.lexsort((alphabet[places], found.rough[places]))
            kept[places[order[most:]]] = False
    return np.flatnonzero(kept)


def lowest(values: NDArray[np.float32], most: int) -> NDArray[np.intp]:
    """Return where the lowest values stand, so many at most; of equals the first."""
    if len(values) <= most:
        return np.arange(len(values))
    last = np.partition(values, most - 1)[most - 1]
    below = np.flatnonzero(values < last)
    equal = np.flatnonzero(values == last)[: most - len(below)]
    return np.sort(np.concatenate([below, equal]))
