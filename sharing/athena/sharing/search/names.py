"""The dictionary of names that one process holds: a large base and a small, fresh overlay.

The base is built at start from the names register. Names registered since, here or in another
process, go to the overlay at once; it is folded into the base when it has grown.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from athena.platform.kernel.database import Database
from athena.records.names import repository
from athena.records.names.keys import MOST_TERMS, TERM_BITS
from athena.sharing.search.expansion import MOST_EXPANSIONS, Expansion, NameIndex

FOLD_AT = 5_000
"""How many overlay terms or pairs make a rebuild of the base worth its time."""

REMEMBERED = 1_000
"""How many expansions a dictionary keeps; they go with it when a name is added."""

Pairs = NDArray[np.int64]


class NameDictionary:
    """Terms and pairs as of one moment; immutable, so that a search never sees half a change."""

    def __init__(
        self, base: NameIndex, overlay: NameIndex, pairs: Pairs, new_pairs: frozenset[int]
    ) -> None:
        self._base = base
        self._overlay = overlay
        self._pairs = pairs
        self._new_pairs = np.asarray(sorted(new_pairs), dtype=np.int64)
        self._expanded: dict[tuple[str, int], list[Expansion]] = {}

    @classmethod
    def build(cls, terms: Sequence[tuple[int, str]], pairs: Iterable[int]) -> NameDictionary:
        """Return a dictionary whose base holds everything."""
        sorted_pairs = np.unique(np.fromiter(pairs, dtype=np.int64))
        base = NameIndex(
            [number for number, _ in terms],
            [token for _, token in terms],
            _frequencies([number for number, _ in terms], sorted_pairs),
        )
        return cls(base, NameIndex([], [], []), sorted_pairs, frozenset())

    def with_new(self, terms: Sequence[tuple[int, str]], pairs: frozenset[int]) -> NameDictionary:
        """Return this dictionary with an overlay of names registered since the base was built."""
        overlay = NameIndex(
            [number for number, _ in terms], [token for _, token in terms], [1] * len(terms)
        )
        return NameDictionary(self._base, overlay, self._pairs, pairs)

    def expand(self, token: str, limit: int = MOST_EXPANSIONS) -> list[Expansion]:
        """Return the closest recorded names of a typed one, the closest first.

        Both orders of a typed name ask for the same tokens, so the latest answers are kept.
        """
        remembered = self._expanded.get((token, limit))
        if remembered is not None:
            return remembered
        found = self._base.expand(token, limit)
        if len(self._overlay):
            found += self._overlay.expand(token, limit)
            found.sort(key=lambda item: (-item.log_p, item.token))
        if len(self._expanded) >= REMEMBERED:
            self._expanded.clear()
        self._expanded[token, limit] = found
        return found

    def pairs_exist(self, pairs: Pairs) -> NDArray[np.bool_]:
        """Return which (surname, given name) pairs are recorded."""
        exists = _contains(self._pairs, pairs)
        if len(self._new_pairs):
            exists |= _contains(self._new_pairs, pairs)
        return exists

    def given_with(self, surname: int) -> list[int]:
        """Return the given-name terms recorded with a surname."""
        low, high = surname << TERM_BITS, (surname + 1) << TERM_BITS
        found: list[int] = []
        for pairs in (self._pairs, self._new_pairs):
            first, last = np.searchsorted(pairs, [low, high])
            found += (pairs[first:last] & MOST_TERMS).tolist()
        return found

    def pairs_with_given(self, given: int, limit: int) -> list[int]:
        """Return some pairs recorded with a given name."""
        found: list[int] = []
        for pairs in (self._pairs, self._new_pairs):
            matches = np.flatnonzero((pairs & MOST_TERMS) == given)[:limit]
            found += pairs[matches].tolist()
        return found[:limit]


class LiveNames:
    """Keeps a dictionary fresh from the names register of the store."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known_terms: dict[int, str] = {}
        self._known_pairs: set[int] = set()
        self._new_terms: dict[int, str] = {}
        self._new_pairs: set[int] = set()
        self._read_up_to = 0
        self._refreshing = asyncio.Lock()
        self.current = NameDictionary.build([], [])

    async def refresh(self) -> None:
        """Read what was registered since the last time; a few milliseconds when little is new.

        Reading starts again at the oldest transaction that was still running then: whatever
        committed late is met in the next round, so nothing is missed.
        """
        async with self._refreshing:
            async with self._database.read(repository.DICTIONARY) as session:
                horizon = await repository.oldest_running(session)
                terms = await repository.terms_since(session, self._read_up_to)
                pairs = await repository.pairs_since(session, self._read_up_to)
            self._read_up_to = horizon
            fresh_terms = {
                number: token for number, token in terms if number not in self._known_terms
            }
            fresh_pairs = set(pairs) - self._known_pairs
            self._new_terms |= fresh_terms
            self._new_pairs |= fresh_pairs
            if not fresh_terms and not fresh_pairs:
                return
            if max(len(self._new_terms), len(self._new_pairs)) > FOLD_AT:
                await self._fold()
            else:
                self.current = self.current.with_new(
                    sorted(self._new_terms.items()), frozenset(self._new_pairs)
                )

    async def _fold(self) -> None:
        self._known_terms |= self._new_terms
        self._known_pairs |= self._new_pairs
        self._new_terms, self._new_pairs = {}, set()
        terms = sorted(self._known_terms.items())
        self.current = await asyncio.to_thread(NameDictionary.build, terms, list(self._known_pairs))


def _contains(sorted_pairs: Pairs, wanted: Pairs) -> NDArray[np.bool_]:
    if not len(sorted_pairs):
        return np.zeros(len(wanted), dtype=np.bool_)
    places = np.minimum(np.searchsorted(sorted_pairs, wanted), len(sorted_pairs) - 1)
    found: NDArray[np.bool_] = sorted_pairs[places] == wanted
    return found


def _frequencies(numbers: Sequence[int], pairs: Pairs) -> list[int]:
    """Return with how many partners each term occurs: a stand-in for how common it is."""
    counts: dict[int, int] = defaultdict(int)
    for column in (pairs >> TERM_BITS, pairs & MOST_TERMS):
        terms, occurrences = np.unique(column, return_counts=True)
        for term, occurrence in zip(terms.tolist(), occurrences.tolist(), strict=True):
            counts[term] += occurrence
    return [counts[number] for number in numbers]
