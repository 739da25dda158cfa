"""The dictionary of names as of one moment: a large base in arrays, and a small overlay.

The base is one edition for every process of a machine, mapped from files (see `editions`); the
overlay is what was registered since, and each process's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from athena.records.names.keys import MOST_TERMS, TERM_BITS
from athena.sharing.search.choosing import MOST_EXPANSIONS, Expansion, Meant, choose
from athena.sharing.search.expansion import ARRAYS, NameIndex

REMEMBERED = 1_000
"""How many expansions a dictionary keeps; they go with it when a name is added."""

Pairs = NDArray[np.int64]
Weighed = tuple[NDArray[np.int64], NDArray[np.float64]]
"""Terms and how likely each of them was meant."""

PAIR_ARRAYS = ("pairs", "by_given", "sieve")
"""The arrays of pairs, by the names of their files."""

_SIEVE_BITS_OF_PAIR = 24
_FEWEST_BITS, _MOST_BITS = 10, 27
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


class PairIndex:
    """Which (surname, given name) pairs are recorded; immutable, and all of it in arrays."""

    def __init__(self, pairs: Pairs) -> None:
        """Index pairs that are sorted and distinct."""
        self._pairs = pairs
        self._by_given = np.sort(((pairs & MOST_TERMS) << TERM_BITS) | (pairs >> TERM_BITS))
        wanted = (len(pairs) * _SIEVE_BITS_OF_PAIR).bit_length()
        bits = min(max(wanted, _FEWEST_BITS), _MOST_BITS)
        held = np.zeros(1 << bits, dtype=np.bool_)
        held[_holes(pairs, bits)] = True
        self._sieve: NDArray[np.uint8] = np.packbits(held, bitorder="little")
        self._opened()

    @classmethod
    def of_arrays(cls, arrays: dict[str, NDArray[Any]]) -> PairIndex:
        """Return the index that some arrays are, by the names of `PAIR_ARRAYS`."""
        index = cls.__new__(cls)
        for name in PAIR_ARRAYS:
            setattr(index, f"_{name}", arrays[name])
        index._opened()
        return index

    def _opened(self) -> None:
        """Have the arrays read only, as mapped ones are: the compiled loops know no others."""
        for name in PAIR_ARRAYS:
            getattr(self, f"_{name}").flags.writeable = False

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that the index is, by the names of `PAIR_ARRAYS`."""
        return {name: getattr(self, f"_{name}") for name in PAIR_ARRAYS}

    def __len__(self) -> int:
        return len(self._pairs)

    @property
    def pairs(self) -> Pairs:
        """Every recorded pair, sorted."""
        return self._pairs

    def likely(
        self, surnames: Weighed, given: Weighed, least: float
    ) -> tuple[Pairs, NDArray[np.float64]]:
        """Return the recorded pairs of some names that weigh enough together, and the weights."""
        from athena.sharing.search import compiled

        return compiled.likely_pairs(*surnames, *given, least, self._sieve, self._pairs)

    def partners(self, terms: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return in how many pairs each of some terms stands, as the surname or the given name."""
        found = np.zeros(len(terms), dtype=np.int64)
        for pairs in (self._pairs, self._by_given):
            found += np.searchsorted(pairs, (terms + 1) << TERM_BITS)
            found -= np.searchsorted(pairs, terms << TERM_BITS)
        return found

    def given_with(self, surname: int) -> Pairs:
        """Return the given-name terms recorded with a surname."""
        return _partners(self._pairs, surname)

    def surnames_with(self, given: int) -> Pairs:
        """Return the surname terms recorded with a given name."""
        return _partners(self._by_given, given)


class NameDictionary:
    """Terms and pairs as of one moment; immutable, so that a search never sees half a change."""

    def __init__(
        self,
        base: NameIndex,
        pairs: PairIndex,
        overlay: NameIndex | None = None,
        new_pairs: PairIndex | None = None,
    ) -> None:
        self.base = base
        self.pairs = pairs
        self.overlay = overlay or NameIndex([], [], [])
        self.new_pairs = new_pairs if new_pairs is not None and len(new_pairs) else None
        self._expanded: dict[tuple[str, int], Meant] = {}

    @classmethod
    def build(cls, terms: Sequence[tuple[int, str]], pairs: Iterable[int]) -> NameDictionary:
        """Return a dictionary whose base holds everything."""
        return cls.of_arrays(
            np.asarray([token for _, token in terms], dtype=np.bytes_),
            np.asarray([number for number, _ in terms], dtype=np.int32),
            np.fromiter(pairs, dtype=np.int64),
        )

    @classmethod
    def of_arrays(
        cls,
        tokens: NDArray[np.bytes_],
        term_ids: NDArray[np.int32],
        pairs: Pairs,
        known: NameIndex | None = None,
    ) -> NameDictionary:
        """Return a dictionary whose base holds everything; ``known`` has the sounds of the old."""
        distinct = np.unique(pairs)
        frequencies = _frequencies(term_ids.astype(np.int64), distinct)
        return cls(NameIndex(term_ids, tokens, frequencies, known), PairIndex(distinct))

    @classmethod
    def opened(cls, arrays: dict[str, NDArray[Any]]) -> NameDictionary:
        """Return the dictionary whose base is some arrays."""
        return cls(NameIndex.of_arrays(arrays), PairIndex.of_arrays(arrays))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all arrays of the base, by name."""
        return {**self.base.arrays(), **self.pairs.arrays()}

    def with_new(
        self,
        tokens: NDArray[np.bytes_],
        term_ids: NDArray[np.int32],
        pairs: Pairs,
        known: NameIndex | None = None,
    ) -> NameDictionary:
        """Return this base with an overlay of names and pairs that it doesn't hold.

        It answers as one whose base holds everything: how common a name is counts all its pairs.
        Pairs are sorted and distinct; the sounds of names in ``known`` are taken from there.
        """
        new = PairIndex(pairs)
        numbers = term_ids.astype(np.int64)
        overlay = NameIndex(
            term_ids, tokens, self.pairs.partners(numbers) + new.partners(numbers), known
        )
        paired = np.unique(np.concatenate([pairs >> TERM_BITS, pairs & MOST_TERMS]))
        base = self.base.with_frequencies(
            paired, self.pairs.partners(paired) + new.partners(paired)
        )
        return NameDictionary(base, self.pairs, overlay, new)

    def expand(self, token: str, limit: int = MOST_EXPANSIONS) -> list[Expansion]:
        """Return the closest recorded names of a typed one, the closest first."""
        return self.meant_by(token, limit).expansions()

    def meant_by(self, token: str, limit: int = MOST_EXPANSIONS) -> Meant:
        """Return what `expand` returns, in columns.

        Both orders of a typed name ask for the same tokens, so the latest answers are kept.
        """
        remembered = self._expanded.get((token, limit))
        if remembered is not None:
            return remembered
        parts = [part for part in (self.base, self.overlay) if len(part)] if token else []
        candidates = [part.candidates(token) for part in parts]
        found = choose(token, candidates, limit) if candidates else Meant.nothing(token)
        if len(self._expanded) >= REMEMBERED:
            self._expanded.clear()
        self._expanded[token, limit] = found
        return found

    def forget_expansions(self) -> None:
        """Drop the answers kept, as a measurement needs it."""
        self._expanded.clear()

    def likely_pairs(
        self, surnames: Weighed, given: Weighed, least: float
    ) -> Iterator[tuple[Pairs, NDArray[np.float64]]]:
        """Yield the recorded pairs of some names that weigh at least so much, and the weights.

        A pair of the overlay may come a second time.
        """
        yield self.pairs.likely(surnames, given, least)
        if self.new_pairs is not None:
            yield self.new_pairs.likely(surnames, given, least)

    def given_with(self, surname: int) -> Pairs:
        """Return the given-name terms recorded with a surname."""
        found = self.pairs.given_with(surname)
        if self.new_pairs is None:
            return found
        return np.sort(np.concatenate([found, self.new_pairs.given_with(surname)]))

    def surnames_with(self, given: int) -> Pairs:
        """Return the surname terms recorded with a given name."""
        found = self.pairs.surnames_with(given)
        if self.new_pairs is None:
            return found
        return np.sort(np.concatenate([found, self.new_pairs.surnames_with(given)]))


EDITION_ARRAYS = (*ARRAYS, *PAIR_ARRAYS)
"""Every array of an edition, by the names of their files."""


def contains(sorted_values: NDArray[Any], wanted: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which values are among some sorted ones."""
    if not len(sorted_values):
        return np.zeros(len(wanted), dtype=np.bool_)
    places = np.minimum(np.searchsorted(sorted_values, wanted), len(sorted_values) - 1)
    found: NDArray[np.bool_] = sorted_values[places] == wanted
    return found


def _holes(pairs: Pairs, bits: int) -> NDArray[np.uint64]:
    return (pairs.astype(np.uint64) * _MULTIPLIER) >> np.uint64(64 - bits)


def _partners(pairs: Pairs, first: int) -> Pairs:
    low, high = np.searchsorted(pairs, [first << TERM_BITS, (first + 1) << TERM_BITS])
    partners: Pairs = pairs[low:high] & MOST_TERMS
    return partners


def _frequencies(numbers: NDArray[np.int64], pairs: Pairs) -> NDArray[np.int64]:
    """Return with how many partners each term occurs: a stand-in for how common it is."""
    if not len(pairs):  # counting takes 64 MB, which a dictionary of nothing needn't
        return np.zeros(len(numbers), dtype=np.int64)
    counts = np.bincount(pairs >> TERM_BITS, minlength=MOST_TERMS + 1)
    counts += np.bincount(pairs & MOST_TERMS, minlength=MOST_TERMS + 1)
    frequencies: NDArray[np.int64] = counts[numbers]
    return frequencies
