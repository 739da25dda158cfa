"""From a typed name to the recorded names it may mean.

Candidates come from the deletion neighbourhood and the sound (see `neighbourhood`), from short
and full forms, and from beginnings; `closeness` weighs how likely each was typed so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import OSA
from rapidfuzz.process import cdist

from athena.sharing.search.closeness import slip_costs, to_letters
from athena.sharing.search.neighbourhood import file_names, find_places, sound_hashes
from athena.sharing.search.nicknames import related_names

MOST_EXPANSIONS = 60
COMMON_BONUS = 0.4
"""What a doubling of a name's frequency adds to its chance of being kept, in nats."""

INITIAL_COST = 2.4
BEGINNING_COST = 1.4
UNTYPED_LETTER_COST = 0.15
"""What each letter after a typed beginning adds: Alex for Alexander is likelier than Al."""

SOUND_COST = 0.6
SOUND_SLIP_SHARE = 0.4
"""How much of the cost of its slips a spelling keeps that sounds the same."""

FARTHEST = 8.0
"""The cost of slips beyond which nobody means the name."""

_MOST_SLIPS = 3
_MOST_COMPARED = 100
_SHORTEST_BEGINNING = 3
_ARRAYS = ("tokens", "term_ids", "bonus", "sounds", "starts", "places")


@dataclass(frozen=True, slots=True)
class Expansion:
    """A recorded name that a typed one may mean, with log P(typed | recorded), at most 0."""

    term_id: int
    token: str
    log_p: float
    how: str
    typed: str


Found = dict[int, tuple[float, str]]
"""By place in the index: log P(typed | recorded) and how the names meet."""


class NameIndex:
    """The dictionary of one set of terms; immutable, and all of it in arrays.

    So it can be saved, and opened by every process on a machine as one shared map of the files.
    """

    def __init__(
        self, term_ids: Sequence[int], tokens: Sequence[str], frequencies: Sequence[int]
    ) -> None:
        names = np.asarray(tokens, dtype=np.bytes_) if tokens else np.zeros(0, dtype="S1")
        order = np.argsort(names, kind="stable")
        times = np.maximum(np.asarray(frequencies, dtype=np.float32)[order], 1.0)
        self._tokens: NDArray[np.bytes_] = names[order]
        self._term_ids = np.asarray(term_ids, dtype=np.int32)[order]
        self._bonus = (COMMON_BONUS * np.log2(times)).astype(np.float32)
        self._sounds = sound_hashes([tokens[place] for place in order])
        self._starts, self._places = file_names(self._tokens, self._sounds)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Map the index that `save` left in a folder; milliseconds, whatever its size.

        Raises FileNotFoundError where there is none.
        """
        index = cls.__new__(cls)
        for name in _ARRAYS:
            array: NDArray[Any] = np.load(folder / f"{name}.npy", mmap_mode="r")
            setattr(index, f"_{name}", array)
        return index

    def save(self, folder: Path) -> None:
        """Write the index to a new folder; raises FileExistsError where there is one already."""
        folder.mkdir(mode=0o700)
        for name in _ARRAYS:
            np.save(folder / f"{name}.npy", getattr(self, f"_{name}"))

    def __len__(self) -> int:
        return len(self._tokens)

    def expand(self, token: str, limit: int = MOST_EXPANSIONS) -> list[Expansion]:
        """Return the closest recorded names, closest first; a known name is always among them.

        Common names are kept sooner, none ranks higher for it.
        """
        found: Found = {}
        if not token or not len(self):
            return []
        for name, log_p, how in _other_forms(token):
            place = self._place(name)
            if place is not None:
                _note(found, place, log_p, how)
        for place, log_p, how in self._beginning_with(token):
            _note(found, place, log_p, how)
        if len(token) > 1:
            for place, log_p, how in self._similar(token):
                _note(found, place, log_p, how)
        kept = sorted(found, key=lambda place: -(found[place][0] + self._bonus[place]))[:limit]
        exact = self._place(token)
        if exact is not None and exact not in kept:
            kept[-1] = exact
        expansions = [
            Expansion(
                int(self._term_ids[place]), self._tokens[place].decode(), *found[place], token
            )
            for place in kept
        ]
        return sorted(expansions, key=lambda item: (-item.log_p, item.token))

    def _place(self, token: str) -> int | None:
        wanted = token.encode()
        place = int(np.searchsorted(self._tokens, np.bytes_(wanted)))
        return place if place < len(self) and self._tokens[place] == wanted else None

    def _similar(self, token: str) -> Iterable[tuple[int, float, str]]:
        """Yield the places of names within reach of a slip or two, or that sound the same."""
        typed = token.encode()
        own_sound = int(sound_hashes([token])[0])
        places = find_places(self._starts, self._places, typed, own_sound)
        if not len(places):
            return
        names = self._tokens[places]
        slips = cdist([typed], names.tolist(), scorer=OSA.distance, score_cutoff=_MOST_SLIPS)[0]
        alike = self._sounds[places] == own_sound
        near = np.flatnonzero((slips <= _MOST_SLIPS) | alike)
        if len(near) > _MOST_COMPARED:
            rough = 2.0 * slips[near] - 2.0 * alike[near] - self._bonus[places[near]]
            near = near[np.argpartition(rough, _MOST_COMPARED)[:_MOST_COMPARED]]
        spelt = slip_costs(to_letters(np.asarray([typed]))[0], to_letters(names[near]))
        heard = np.where(alike[near], SOUND_COST + SOUND_SLIP_SHARE * spelt, np.inf)
        costs = np.minimum(spelt, heard)
        for place, cost, slip_cost in zip(
            places[near].tolist(), costs.tolist(), spelt.tolist(), strict=True
        ):
            if cost <= FARTHEST:
                how = (
                    "exact" if not cost else "spelt alike" if cost == slip_cost else "sounds alike"
                )
                yield place, -cost, how

    def _beginning_with(self, token: str) -> Iterable[tuple[int, float, str]]:
        """Yield names that a typed initial, or a beginning of at least three letters, opens."""
        if 1 < len(token) < _SHORTEST_BEGINNING:
            return
        low, high = np.searchsorted(
            self._tokens, [np.bytes_(token.encode()), np.bytes_(f"{token}{{".encode())]
        )  # "{" follows "z"
        opened = np.arange(low, high)
        if len(opened) > MOST_EXPANSIONS:
            opened = opened[np.argsort(-self._bonus[opened], kind="stable")[:MOST_EXPANSIONS]]
        for place in opened.tolist():
            untyped = len(self._tokens[place]) - len(token)
            if untyped == 0:
                yield place, 0.0, "exact"
            elif len(token) == 1:
                yield place, -INITIAL_COST, "initial"
            else:
                yield place, -(BEGINNING_COST + UNTYPED_LETTER_COST * untyped), "begins alike"


def _other_forms(token: str) -> Iterable[tuple[str, float, str]]:
    """Yield the other names a typed one may stand for, whether anybody bears them or not."""
    yield token, 0.0, "exact"
    for name, cost in related_names(token).items():
        yield name, -cost, "short or full form"
    if len(token) > 1:
        yield token[:1], -INITIAL_COST, "initial"
    for length in range(_SHORTEST_BEGINNING, len(token)):
        cost = BEGINNING_COST + UNTYPED_LETTER_COST * (len(token) - length)
        yield token[:length], -cost, "begins alike"


def _note(found: Found, place: int, log_p: float, how: str) -> None:
    if place not in found or log_p > found[place][0]:
        found[place] = (log_p, how)
