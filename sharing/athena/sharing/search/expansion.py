"""From a typed name to the recorded names it may mean.

Candidates come from the deletion neighbourhood and the sound (see `neighbourhood`), from short
and full forms, and from beginnings; `closeness` weighs how likely each was typed so. All of it is
done on arrays, and what is done name by name is compiled (see `compiled`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from athena.sharing.search.choosing import (
    BEGINNINGS,
    BEGINS,
    EXACT,
    FORM,
    FORMS,
    INITIAL,
    MOST_COMPARED,
    MOST_EXPANSIONS,
    SIMILAR,
    SOUNDS,
    SPELT,
    Candidates,
    Expansion,
    Meant,
    choose,
    lowest,
)
from athena.sharing.search.closeness import COSTS
from athena.sharing.search.neighbourhood import (
    file_names,
    filing_of,
    most_left_out,
    sound_hash,
    sound_hashes,
)
from athena.sharing.search.nicknames import related_names

COMMON_BONUS = 0.4
"""What a doubling of a name's frequency adds to its chance of being kept, in nats."""

INITIAL_COST = 2.4
BEGINNING_COST = 1.4
TYPED_ON_COST = 2.6
"""What it costs that a recorded name is but the beginning of the typed one."""

UNTYPED_LETTER_COST = 0.15
"""What each letter after a typed beginning adds: Alex for Alexander is likelier than Al."""

SOUND_COST = 0.7
SOUND_SLIP_SHARE = 0.5
"""How much of the cost of its slips a spelling keeps that sounds the same."""

FARTHEST = 7.0
"""The cost of slips beyond which nobody means the name: what no match at all costs."""

_SHORTEST_BEGINNING = 3
ARRAYS = ("tokens", "term_ids", "bonus", "sounds", "starts", "places")
"""The arrays of an index, by the names of their files."""

Bonus = NDArray[np.float32]


Found = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.uint8], NDArray[np.float32]]
"""Places in the index, log P(typed | recorded), how the names meet, and what cuts some off."""

_NOBODY: Found = (
    np.zeros(0, np.int64),
    np.zeros(0, np.float64),
    np.zeros(0, np.uint8),
    np.zeros(0, np.float32),
)


class NameIndex:
    """The dictionary of one set of terms; immutable, and all of it in arrays.

    So it can be saved, and opened by every process on a machine as one shared map of the files.
    """

    def __init__(
        self,
        term_ids: Sequence[int] | NDArray[np.int32],
        tokens: Sequence[str] | NDArray[np.bytes_],
        frequencies: Sequence[int] | NDArray[np.int64],
        known: NameIndex | None = None,
    ) -> None:
        """Index terms; the sounds of those in ``known`` are taken from there."""
        names = np.asarray(tokens, dtype=np.bytes_) if len(tokens) else np.zeros(0, dtype="S1")
        order = np.argsort(names, kind="stable")
        times = np.asarray(frequencies, dtype=np.int64)[order]
        self._tokens: NDArray[np.bytes_] = names[order]
        self._term_ids = np.asarray(term_ids, dtype=np.int32)[order]
        self._bonus: Bonus = bonus_of(times)
        self._sounds = _sounds(self._tokens, known)
        self._starts, self._places = file_names(self._tokens, self._sounds)
        self._opened()

    @classmethod
    def of_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Self:
        """Return the index that some arrays are, by the names of `ARRAYS`."""
        index = cls.__new__(cls)
        for name in ARRAYS:
            setattr(index, f"_{name}", arrays[name])
        index._opened()
        return index

    def _opened(self) -> None:
        """Look at the arrays as the compiled loops do, which read them and never write."""
        for name in ARRAYS:
            getattr(self, f"_{name}").flags.writeable = False
        self._letters = self._tokens.view(np.uint8).reshape(-1, self._tokens.dtype.itemsize)
        self._filing = filing_of(self._starts, self._places)
        self._by_term: NDArray[np.intp] | None = None

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Map the index that `save` left in a folder; milliseconds, whatever its size.

        Raises FileNotFoundError where there is none.
        """
        return cls.of_arrays(
            {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in ARRAYS}
        )

    def save(self, folder: Path) -> None:
        """Write the index to a new folder; raises FileExistsError where there is one already."""
        folder.mkdir(mode=0o700)
        for name, array in self.arrays().items():
            np.save(folder / f"{name}.npy", array)

    def with_frequencies(
        self, terms: NDArray[np.int64], frequencies: NDArray[np.int64]
    ) -> NameIndex:
        """Return this index with other frequencies of some terms; those it doesn't hold are none's.

        All but what names are kept the sooner for stays the same arrays.
        """
        if not len(terms) or not len(self):
            return self
        if self._by_term is None:
            self._by_term = np.argsort(self._term_ids)
        numbers = self._term_ids[self._by_term]
        at = np.minimum(np.searchsorted(numbers, terms), len(self) - 1)
        held = numbers[at] == terms
        bonus = self._bonus.copy()
        bonus[self._by_term[at[held]]] = bonus_of(frequencies[held])
        return NameIndex.of_arrays({**self.arrays(), "bonus": bonus})

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that the index is, by the names of `ARRAYS`."""
        return {name: getattr(self, f"_{name}") for name in ARRAYS}

    def __len__(self) -> int:
        return len(self._tokens)

    @property
    def tokens(self) -> NDArray[np.bytes_]:
        """Every recorded name, in the order of the alphabet."""
        return self._tokens

    @property
    def term_ids(self) -> NDArray[np.int32]:
        """The number of each of `tokens`."""
        return self._term_ids

    def expand(self, token: str, limit: int = MOST_EXPANSIONS) -> list[Expansion]:
        """Return the closest recorded names, closest first; a known name is always among them.

        Common names are kept sooner, none ranks higher for it.
        """
        return self.meant_by(token, limit).expansions()

    def meant_by(self, token: str, limit: int = MOST_EXPANSIONS) -> Meant:
        """Return what `expand` returns, in columns."""
        return choose(token, [self.candidates(token)], limit) if token else Meant.nothing(token)

    def candidates(self, token: str) -> Candidates:
        """Return all that a typed name may mean, the likeliest of each way, for `choose`."""
        ways = self._ways(token) if len(self) else []
        if not ways:
            ways = [(FORMS, _NOBODY)]
        places = np.concatenate([found[0] for _, found in ways])
        return Candidates(
            terms=self._term_ids[places].astype(np.int64),
            tokens=self._tokens[places],
            places=places,
            way=np.repeat(
                np.asarray([way for way, _ in ways], np.uint8), [len(found[0]) for _, found in ways]
            ),
            log_p=np.concatenate([found[1] for _, found in ways]),
            how=np.concatenate([found[2] for _, found in ways]),
            bonus=self._bonus[places],
            rough=np.concatenate([found[3] for _, found in ways]),
        )

    def _ways(self, token: str) -> list[tuple[int, Found]]:
        from athena.sharing.search import compiled

        forms = list(_other_forms(token))
        opens = len(token) == 1 or len(token) >= _SHORTEST_BEGINNING
        names = [name for name, _, _ in forms]
        bounds = [token, f"{token}{{"] if opens else []  # "{" follows "z"
        wanted = np.asarray([*names, *bounds], dtype=np.bytes_)
        rows = wanted.view(np.uint8).reshape(len(wanted), -1)
        places = compiled.first_places(self._letters, rows)
        there = np.minimum(places[: len(forms)], len(self) - 1)
        recorded = self._tokens[there] == wanted[: len(forms)]
        ways: list[tuple[int, Found]] = [
            (
                FORMS,
                (
                    there[recorded],
                    np.asarray([log_p for _, log_p, _ in forms])[recorded],
                    np.asarray([how for _, _, how in forms], dtype=np.uint8)[recorded],
                    np.zeros(int(recorded.sum()), np.float32),
                ),
            )
        ]
        if opens:
            low, high = int(places[-2]), int(places[-1])
            ways.append((BEGINNINGS, self._beginning_with(token, low, high)))
        if len(token) > 1:
            ways.append((SIMILAR, self._similar(token)))
        return ways

    def _similar(self, token: str) -> Found:
        """Return the names within reach of a slip or two, or that sound the same."""
        from athena.sharing.search import compiled

        places, tenths, alike, rough = compiled.similar(
            np.frombuffer(token.encode(), np.uint8),
            most_left_out(len(token)),
            sound_hash(token),
            self._filing,
            self._letters,
            self._sounds,
            self._bonus,
            COSTS,
            MOST_COMPARED,
        )
        spelt = tenths / 10.0
        costs = np.where(alike, np.minimum(spelt, SOUND_COST + SOUND_SLIP_SHARE * spelt), spelt)
        how = np.where(tenths == 0, EXACT, np.where(costs == spelt, SPELT, SOUNDS))
        meant = costs <= FARTHEST
        return places[meant], 0.0 - costs[meant], how[meant].astype(np.uint8), rough[meant]

    def _beginning_with(self, token: str, low: int, high: int) -> Found:
        """Return names that a typed initial, or a beginning of at least three letters, opens."""
        if low < high and self._tokens[low] == token.encode():
            low += 1  # the typed name itself
        opened = low + lowest(-self._bonus[low:high], MOST_EXPANSIONS)
        if len(token) == 1:
            log_p, how = np.full(len(opened), -INITIAL_COST), INITIAL
        else:
            untyped = np.char.str_len(self._tokens[opened]) - len(token)
            log_p, how = -(BEGINNING_COST + UNTYPED_LETTER_COST * untyped), BEGINS
        return opened, log_p, np.full(len(opened), how, dtype=np.uint8), -self._bonus[opened]


def bonus_of(frequencies: NDArray[np.int64]) -> Bonus:
    """Return what names are kept the sooner for, that occur with so many partners."""
    times = np.maximum(frequencies.astype(np.float32), 1.0)
    return (COMMON_BONUS * np.log2(times)).astype(np.float32)


def _other_forms(token: str) -> Iterator[tuple[str, float, int]]:
    """Yield the other names a typed one may stand for, whether anybody bears them or not."""
    yield token, 0.0, EXACT
    for name, cost in related_names(token).items():
        yield name, -cost, FORM
    if len(token) > 1:
        yield token[:1], -INITIAL_COST, INITIAL
    for length in range(_SHORTEST_BEGINNING, len(token)):
        cost = TYPED_ON_COST + UNTYPED_LETTER_COST * (len(token) - length)
        yield token[:length], -cost, BEGINS


def _sounds(tokens: NDArray[np.bytes_], known: NameIndex | None) -> NDArray[np.uint64]:
    """Return the hash of each token's sound; the rules are slow, so what is known is copied."""
    sounds = np.zeros(len(tokens), dtype=np.uint64)
    new = np.ones(len(tokens), dtype=np.bool_)
    if known is not None and len(known):
        places = np.minimum(np.searchsorted(known._tokens, tokens), len(known) - 1)
        new = known._tokens[places] != tokens
        sounds[~new] = known._sounds[places[~new]]
    sounds[new] = sound_hashes([token.decode() for token in tokens[new].tolist()])
    return sounds
