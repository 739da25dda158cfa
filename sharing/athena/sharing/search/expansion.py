"""From a typed name to the recorded names it may mean.

The dictionary is a table from hashes to terms: each term is filed under its deletion neighbourhood
(every string left when up to two letters are taken out; one under five letters), in the manner of
Garbe's SymSpell, and under its sound. Two spellings within two slips share a hash, so that one
look-up finds them, whatever the size of the dictionary.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import OSA, JaroWinkler
from rapidfuzz.process import cdist

from athena.sharing.search.nicknames import related_names
from athena.sharing.search.phonetics import sound

Hashes = NDArray[np.uint64]
Numbers = NDArray[np.int64]

MOST_EXPANSIONS = 60
COMMON_BONUS = 0.4
"""What a doubling of a name's frequency adds to its chance of being kept, in nats."""

NICKNAME_COST = 1.1
INITIAL_COST = 2.4
PREFIX_COST = 1.8
SLIP_COST = 2.0
"""What one slip costs in a name of seven letters; shorter names make it dearer."""

FIRST_LETTER_COST = 0.6
SOUND_COST = 0.9
SOUND_SLIP_COST = 0.55
LIKENESS_WEIGHT = 4.0
"""How much Jaro-Winkler likeness over 0.85 makes up for, in nats."""

LEAST_SLIP_COST = 0.8
_FARTHEST = 3
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_SOUND_SEED = np.uint64(0xA5A5A5A5)


@dataclass(frozen=True, slots=True)
class Expansion:
    """A recorded name that a typed one may mean, with log P(typed | recorded), at most 0."""

    term_id: int
    token: str
    log_p: float
    how: str


class NameIndex:
    """The dictionary of one set of terms; immutable."""

    def __init__(
        self, term_ids: Sequence[int], tokens: Sequence[str], frequencies: Sequence[int]
    ) -> None:
        self._term_ids = np.asarray(term_ids, dtype=np.int64)
        self._tokens = np.asarray(tokens, dtype=object)
        self._bonus = COMMON_BONUS * np.log2(np.maximum(np.asarray(frequencies, float), 1.0))
        self._place = {token: place for place, token in enumerate(tokens)}
        self._lengths = np.asarray([len(token) for token in tokens], dtype=np.int64)
        self._first = np.asarray([ord(token[0]) for token in tokens], dtype=np.int64)
        self._sounds = _sound_hashes(tokens)
        hashes, places = _file(tokens, self._sounds)
        order = np.argsort(hashes, kind="stable")
        self._hashes: Hashes = hashes[order]
        self._places: Numbers = places[order]
        self._alphabet = np.argsort(self._tokens) if tokens else np.zeros(0, dtype=np.int64)
        self._sorted_tokens: list[str] = [str(self._tokens[place]) for place in self._alphabet]

    def __len__(self) -> int:
        return len(self._place)

    def expand(self, token: str, limit: int = MOST_EXPANSIONS) -> list[Expansion]:
        """Return the closest recorded names; common ones are kept sooner, none ranks for it."""
        found: dict[int, tuple[float, str]] = {}

        def note(place: int, log_p: float, how: str) -> None:
            if place not in found or log_p > found[place][0]:
                found[place] = (log_p, how)

        exact = self._place.get(token)
        if exact is not None:
            note(exact, 0.0, "exact")
        for name in related_names(token):
            place = self._place.get(name)
            if place is not None:
                note(place, -NICKNAME_COST, "short or full form")
        for place in self._starting_with(token):
            log_p = -INITIAL_COST if len(token) == 1 else -PREFIX_COST
            note(place, log_p, "initial" if len(token) == 1 else "begins alike")
        if len(token) > 1:
            for place, log_p, how in self._similar(token):
                note(place, log_p, how)
        kept = sorted(found, key=lambda place: -(found[place][0] + self._bonus[place]))[:limit]
        if exact is not None and exact not in kept:
            kept.append(exact)
        expansions = [
            Expansion(int(self._term_ids[place]), str(self._tokens[place]), *found[place])
            for place in kept
        ]
        return sorted(expansions, key=lambda item: (-item.log_p, item.token))

    def _similar(self, token: str) -> Iterable[tuple[int, float, str]]:
        """Yield the places of names within reach of a slip or two, or that sound the same."""
        own_sound = _sound_hashes([token])
        wanted = np.unique(_file([token], own_sound)[0])
        low = np.searchsorted(self._hashes, wanted, side="left")
        high = np.searchsorted(self._hashes, wanted, side="right")
        runs = [self._places[a:b] for a, b in zip(low, high, strict=True) if b > a]
        if not runs:
            return
        places = np.unique(np.concatenate(runs))
        names = self._tokens[places]
        slips = cdist([token], names, scorer=OSA.distance)[0].astype(float)
        likeness = cdist([token], names, scorer=JaroWinkler.similarity)[0]
        alike = self._sounds[places] == own_sound[0]
        lengths = np.minimum(self._lengths[places], len(token))
        spelling = SLIP_COST * slips * np.sqrt(7.0 / np.maximum(lengths, 2))
        spelling -= LIKENESS_WEIGHT * (likeness - 0.85)
        spelling += FIRST_LETTER_COST * (self._first[places] != ord(token[0]))
        spelling = np.where(slips > _FARTHEST, np.inf, np.maximum(spelling, LEAST_SLIP_COST))
        sounding = np.where(alike, SOUND_COST + SOUND_SLIP_COST * slips, np.inf)
        costs = np.minimum(spelling, sounding)
        reachable = np.isfinite(costs) & (slips > 0)
        best = np.flatnonzero(reachable)[
            np.argsort((costs - self._bonus[places])[reachable], kind="stable")[:MOST_EXPANSIONS]
        ]
        for index in best.tolist():
            how = "sounds alike" if alike[index] else "spelt alike"
            yield int(places[index]), -float(costs[index]), how

    def _starting_with(self, token: str) -> Iterable[int]:
        """Yield names that a typed initial, or a beginning of at least three letters, opens."""
        if len(token) == 2:
            return
        low = bisect_left(self._sorted_tokens, token)
        high = bisect_left(self._sorted_tokens, token + "{")  # "{" follows "z"
        opening = self._alphabet[low:high]
        if len(opening) > MOST_EXPANSIONS:
            opening = opening[np.argsort(-self._bonus[opening], kind="stable")[:MOST_EXPANSIONS]]
        for place in opening.tolist():
            if self._tokens[place] != token:
                yield place


def _file(tokens: Sequence[str], sounds: Hashes) -> tuple[Hashes, Numbers]:
    """Return every hash under which tokens are filed, with the places of the tokens."""
    hashes: list[Hashes] = []
    places: list[Numbers] = []
    by_length: dict[int, list[int]] = {}
    for place, token in enumerate(tokens):
        by_length.setdefault(len(token), []).append(place)
    for length, members in by_length.items():
        where = np.asarray(members, dtype=np.int64)
        text = "".join(tokens[place] for place in members).encode("ascii")
        letters = np.frombuffer(text, dtype=np.uint8).reshape(-1, length).astype(np.uint64)
        for kept in _kept_positions(length):
            hashes.append(_hash(letters[:, kept]))
            places.append(where)
    hashes.append(sounds)
    places.append(np.arange(len(tokens), dtype=np.int64))
    return np.concatenate(hashes), np.concatenate(places)


def _kept_positions(length: int) -> list[list[int]]:
    """Return which letters stay for every way to delete up to two (one under five letters)."""
    positions = range(length)
    most = 0 if length < 2 else 1 if length < 5 else 2
    return [
        [position for position in positions if position not in gone]
        for deletions in range(most + 1)
        for gone in combinations(positions, deletions)
    ]


def _hash(letters: Hashes) -> Hashes:
    """Return a 64-bit polynomial hash of each row of letters."""
    value = np.full(len(letters), letters.shape[1], dtype=np.uint64)
    for column in range(letters.shape[1]):
        value = (value ^ letters[:, column]) * _MULTIPLIER
        value ^= value >> np.uint64(29)
    return value


def _sound_hashes(tokens: Sequence[str]) -> Hashes:
    """Return a hash of the sound of each token, apart from the hashes of its letters."""
    keys = [sound(token) for token in tokens]
    distinct = {key: _hash_text(key) for key in set(keys)}
    return np.asarray([distinct[key] for key in keys], dtype=np.uint64) ^ _SOUND_SEED


def _hash_text(text: str) -> int:
    letters = np.frombuffer(text.encode("ascii"), dtype=np.uint8).astype(np.uint64)
    return int(_hash(letters.reshape(1, -1))[0]) if text else 0
