"""What the parts of a typed name may mean: recorded names in columns, each with its weight."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from athena.sharing.search.choosing import HOW, Meant
from athena.sharing.search.query import Reading

LATER_GIVEN_NAME_COST = 0.7
"""What it costs that a later given name matches and not the first."""

LATER_SURNAME_COST = 3.0
"""What it costs that a part of a surname matches and not the whole."""

MOST_TERMS_OF_PART = 90
"""The most recorded names that the surname, or the given names, may mean together."""

Terms = NDArray[np.int64]
Weights = NDArray[np.float64]
Expand = Callable[[str], Meant]


@dataclass(frozen=True)
class Part:
    """The recorded names that the surname, or the given names, of a reading may mean."""

    typed: tuple[str, ...]
    terms: Terms
    """The likeliest first, each once."""
    log_p: Weights
    how: NDArray[np.uint8]
    tokens: NDArray[np.bytes_]
    which: NDArray[np.uint8]
    """Which of the typed names each was meant by."""
    later: str
    """What the explanation says where a later name was meant."""

    @classmethod
    def of(cls, typed: Sequence[str], expand: Expand, later_cost: float, later: str) -> Part:
        """Return the names that any of some typed ones may mean."""
        from athena.sharing.search import compiled_columns

        meant = [expand(token) for token in typed] or [Meant.nothing("")]
        (first, *further) = meant
        if not further:
            which = np.zeros(len(first), dtype=np.uint8)
            return cls(
                tuple(typed), first.terms, first.log_p, first.how, first.tokens, which, later
            )
        log_p = np.concatenate([first.log_p, *(item.log_p - later_cost for item in further)])
        order = np.argsort(-log_p, kind="stable")
        terms = np.concatenate([item.terms for item in meant])
        order = order[compiled_columns.first_of_each(terms[order], MOST_TERMS_OF_PART)]
        numbers = np.arange(len(meant), dtype=np.uint8)
        return cls(
            tuple(typed),
            terms[order],
            log_p[order],
            np.concatenate([item.how for item in meant])[order],
            np.concatenate([item.tokens for item in meant])[order],
            np.repeat(numbers, [len(item) for item in meant])[order],
            later,
        )

    def __len__(self) -> int:
        return len(self.terms)

    def weights_of(self, terms: Terms, missing: float, otherwise: float) -> Weights:
        """Return the weights of recorded terms; ``missing`` is that of term 0, no name at all."""
        from athena.sharing.search import compiled_columns

        return compiled_columns.weights_of(terms, self.terms, self.log_p, missing, otherwise)

    def place_of(self, term: int) -> int | None:
        """Return where a recorded term stands, or None if nothing typed leads to it."""
        return self._places.get(term)

    @cached_property
    def _places(self) -> dict[int, int]:
        return {term: place for place, term in enumerate(self.terms.tolist())}

    def explain(self, term: int) -> tuple[str, str, str, float] | None:
        """Return what was typed, what is recorded, how they meet and the weight, if they do."""
        place = self.place_of(term)
        if place is None:
            return None
        which = int(self.which[place])
        how = HOW[self.how[place]] + (f", {self.later}" if which else "")
        token = bytes(self.tokens[place]).decode()
        return self.typed[which], token, how, float(self.log_p[place])


@dataclass(frozen=True, slots=True)
class Interpretation:
    """One reading with the recorded names that each of its parts may mean."""

    reading: Reading
    surnames: Part
    given: Part

    @classmethod
    def of(cls, reading: Reading, expand: Expand) -> Interpretation:
        """Expand both parts of a reading."""
        return cls(
            reading,
            Part.of(reading.surname, expand, LATER_SURNAME_COST, "part of the name"),
            Part.of(reading.given, expand, LATER_GIVEN_NAME_COST, "further name"),
        )
