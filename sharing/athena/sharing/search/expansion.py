"""From a typed name to the recorded names it may mean.

Candidates come from the deletion neighbourhood and the sound (see `neighbourhood`), from short
and full forms, and from beginnings; `closeness` weighs how likely each was typed so. All of it is
done on arrays, and what is done name by name is compiled (see `compiled`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from athena.sharing.search.closeness import COSTS
from athena.sharing.search.neighbourhood import (
    file_names,
    filing_of,
    most_left_out,
    sound_hash,
    sound_hashes,
)
from athena.sharing.search.nicknames import related_names

MOST_EXPANSIONS = 60
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

HOW = (
    "exact",
    "spelt alike",
    "sounds alike",
    "short or full form",
    "initial",
    "begins alike",
)
"""How a typed name and a recorded one meet, by code."""

_EXACT, _SPELT, _SOUNDS, _FORM, _INITIAL, _BEGINS = range(len(HOW))

_MOST_COMPARED = 100
_SHORTEST_BEGINNING = 3
ARRAYS = ("tokens", "term_ids", "bonus", "sounds", "starts", "places")
"""The arrays of an index, by the names of their files."""

Bonus = NDArray[np.float32]


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

    def joined(self, other: Meant) -> Meant:
        """Return both together, the closest first."""
        if not len(other):
            return self
        if not len(self):
            return other
        log_p = np.concatenate([self.log_p, other.log_p])
        tokens = np.concatenate([self.tokens, other.tokens])
        order = np.lexsort((tokens, -log_p))
        return Meant(
            self.typed,
            np.concatenate([self.terms, other.terms])[order],
            log_p[order],
            np.concatenate([self.how, other.how])[order],
            tokens[order],
        )

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


Found = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.uint8]]
"""Places in the index, log P(typed | recorded) and how the names meet."""


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
        times = np.maximum(np.asarray(frequencies, dtype=np.float32)[order], 1.0)
        self._tokens: NDArray[np.bytes_] = names[order]
        self._term_ids = np.asarray(term_ids, dtype=np.int32)[order]
        self._bonus: Bonus = (COMMON_BONUS * np.log2(times)).astype(np.float32)
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
        if not token or not len(self):
            return Meant.nothing(token)
        from athena.sharing.search import compiled

        places, log_p, how = self._candidates(token)
        # The best way in which a name meets the typed one counts, and of equals the first.
        order = np.argsort(-log_p, kind="stable")
        order = order[compiled.first_of_each(places[order], len(order))]
        places, log_p, how = places[order], log_p[order], how[order]
        if len(places) > limit:
            worth = log_p + self._bonus[places]
            worth[how == _EXACT] = np.inf
            kept = np.sort(np.argsort(-worth, kind="stable")[:limit])
            places, log_p, how = places[kept], log_p[kept], how[kept]
        return Meant(
            token, self._term_ids[places].astype(np.int64), log_p, how, self._tokens[places]
        )

    def _candidates(self, token: str) -> Found:
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
        parts = [
            (
                there[recorded],
                np.asarray([log_p for _, log_p, _ in forms])[recorded],
                np.asarray([how for _, _, how in forms], dtype=np.uint8)[recorded],
            )
        ]
        if opens:
            parts.append(self._beginning_with(token, int(places[-2]), int(places[-1])))
        if len(token) > 1:
            parts.append(self._similar(token))
        columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
        return columns[0], columns[1], columns[2]

    def _similar(self, token: str) -> Found:
        """Return the names within reach of a slip or two, or that sound the same."""
        from athena.sharing.search import compiled

        places, tenths, alike = compiled.similar(
            np.frombuffer(token.encode(), np.uint8),
            most_left_out(len(token)),
            sound_hash(token),
            self._filing,
            self._letters,
            self._sounds,
            self._bonus,
            COSTS,
            _MOST_COMPARED,
        )
        spelt = tenths / 10.0
        costs = np.where(alike, np.minimum(spelt, SOUND_COST + SOUND_SLIP_SHARE * spelt), spelt)
        how = np.where(tenths == 0, _EXACT, np.where(costs == spelt, _SPELT, _SOUNDS))
        meant = costs <= FARTHEST
        return places[meant], 0.0 - costs[meant], how[meant].astype(np.uint8)

    def _beginning_with(self, token: str, low: int, high: int) -> Found:
        """Return names that a typed initial, or a beginning of at least three letters, opens."""
        opened = np.arange(low, high)
        if len(opened) > MOST_EXPANSIONS:
            commonest = np.argpartition(-self._bonus[low:high], MOST_EXPANSIONS)
            opened = opened[commonest[:MOST_EXPANSIONS]]
        untyped = np.char.str_len(self._tokens[opened]) - len(token)
        if len(token) == 1:
            log_p, how = np.full(len(opened), -INITIAL_COST), _INITIAL
        else:
            log_p, how = -(BEGINNING_COST + UNTYPED_LETTER_COST * untyped), _BEGINS
        longer = untyped > 0
        return opened[longer], log_p[longer], np.full(int(longer.sum()), how, dtype=np.uint8)


def _other_forms(token: str) -> Iterator[tuple[str, float, int]]:
    """Yield the other names a typed one may stand for, whether anybody bears them or not."""
    yield token, 0.0, _EXACT
    for name, cost in related_names(token).items():
        yield name, -cost, _FORM
    if len(token) > 1:
        yield token[:1], -INITIAL_COST, _INITIAL
    for length in range(_SHORTEST_BEGINNING, len(token)):
        cost = TYPED_ON_COST + UNTYPED_LETTER_COST * (len(token) - length)
        yield token[:length], -cost, _BEGINS


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
