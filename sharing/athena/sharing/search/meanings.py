"""What the parts of a typed name may mean: recorded names in columns, each with its weight."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from athena.sharing.search.expansion import HOW, Meant
from athena.sharing.search.query import Reading

LATER_GIVEN_NAME_COST = 0.7
"""What it costs that a later given name matches and not the first."""

LATER_SURNAME_COST = 2.0
"""What it costs that a part of a surname matches and not the whole."""

MOST_TERMS_OF_PART = 90
"""The most recorded names that the surname, or the given names, may mean together."""

Terms = NDArray[np.int64]
Weights = NDArray[np.float64]
Expand = Callable[[str], Meant]


@dataclass(frozen=True, slots=True)
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
    places: Mapping[int, int]
    """Where among `terms` each of them stands."""
    later: str
    """What the explanation says where a later name was meant."""

    @classmethod
    def of(cls, typed: Sequence[str], expand: Expand, later_cost: float, later: str) -> Part:
        """Return the names that any of some typed ones may mean."""
        meant = [expand(token) for token in typed]
        if not meant:
            meant = [Meant.nothing("")]
        terms = np.concatenate([item.terms for item in meant])
        log_p = np.concatenate(
            [item.log_p - (later_cost if place else 0.0) for place, item in enumerate(meant)]
        )
        which = np.repeat(
            np.arange(len(meant), dtype=np.uint8), [len(item.terms) for item in meant]
        )
        how = np.concatenate([item.how for item in meant])
        tokens = np.concatenate([item.tokens for item in meant])
        order = np.argsort(-log_p, kind="stable")
        if len(meant) > 1:
            _, first = np.unique(terms[order], return_index=True)
            order = order[np.sort(first)]
        order = order[:MOST_TERMS_OF_PART]
        terms = terms[order]
        return cls(
            tuple(typed),
            terms,
            log_p[order],
            how[order],
            tokens[order],
            which[order],
            {term: place for place, term in enumerate(terms.tolist())},
            later,
        )

    def __len__(self) -> int:
        return len(self.terms)

    def weights_of(self, terms: Terms, missing: float, otherwise: float) -> Weights:
        """Return the weights of recorded terms; ``missing`` is that of term 0, no name at all."""
        known = {0: missing} | dict(zip(self.terms.tolist(), self.log_p.tolist(), strict=True))
        return np.asarray([known.get(term, otherwise) for term in terms.tolist()])

    def explain(self, term: int) -> tuple[str, str, str, float] | None:
        """Return what was typed, what is recorded, how they meet and the weight, if they do."""
        place = self.places.get(term)
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
