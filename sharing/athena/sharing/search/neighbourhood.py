"""Files names under their deletion neighbourhood and their sound, to be found by one look-up.

The neighbourhood of a name is every string left when up to two of its letters are taken out (one
under five letters and over twenty), in the manner of Garbe's SymSpell: two names within two slips
share such a string. Only the hash of a string is kept, and of the hash only which bucket it falls
into: the occasional stranger in a bucket costs less to compare than to keep out.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from athena.sharing.search.phonetics import sound

Hashes = NDArray[np.uint64]
Places = NDArray[np.uint32]

_MOST_LETTERS = 64
_MULTIPLIER = 0x9E3779B97F4A7C15
_MIXER = np.uint64(0xBF58476D1CE4E5B9)
_POWERS = np.asarray(
    [pow(_MULTIPLIER, place + 1, 1 << 64) for place in range(_MOST_LETTERS)], dtype=np.uint64
)
_SOUND_SEED = np.uint64(0xA5A5A5A5A5A5A5A5)
_FEWEST_BITS, _MOST_BITS = 8, 24
WORTH_A_LOOP = 500
"""From how many names on they are filed by a compiled loop."""
_PLACE_BITS = np.uint64(32)


class Filing(NamedTuple):
    """How names are filed: letter by letter a polynomial of these powers, mixed."""

    powers: Hashes
    mixer: np.uint64
    starts: Places
    """Where in `places` each bucket begins; a power of two of them, and the end."""
    places: Places


def file_names(tokens: NDArray[np.bytes_], sounds: Hashes) -> tuple[Places, Places]:
    """Return (starts, places): bucket b holds ``places[starts[b]:starts[b + 1]]``.

    There are about as many buckets, 2 to a whole power, as there are entries. Names have at most
    64 letters.
    """
    lengths = np.char.str_len(tokens)
    members = [np.flatnonzero(lengths == length) for length in range(tokens.dtype.itemsize + 1)]
    entries = len(tokens) + sum(
        len(places) * len(_kept_letters(length)) for length, places in enumerate(members)
    )
    bits = min(max(int(entries).bit_length(), _FEWEST_BITS), _MOST_BITS)
    # Bucket and place in one number: sorted where it stands, it takes half the memory of an order.
    if len(tokens) >= WORTH_A_LOOP:
        filed = filed_by_loop(tokens, sounds, entries, bits)
    else:
        filed = _filed_by_columns(tokens, members, sounds, entries, bits)
    filed.sort()
    starts = np.zeros((1 << bits) + 1, dtype=np.uint32)
    counts = np.bincount((filed >> _PLACE_BITS).view(np.int64), minlength=1 << bits)
    np.cumsum(counts, out=starts[1:])
    return starts, filed.astype(np.uint32)


def filed_by_loop(tokens: NDArray[np.bytes_], sounds: Hashes, entries: int, bits: int) -> Hashes:
    """Return every bucket and the place filed in it; other threads run meanwhile."""
    from athena.sharing.search import compiled

    letters = np.ascontiguousarray(tokens).view(np.uint8).reshape(len(tokens), -1)
    most = np.asarray([most_left_out(length) for length in range(letters.shape[1] + 1)])
    nowhere = np.zeros(1, dtype=np.uint32)
    for array in (letters, nowhere):
        array.flags.writeable = False  # the compiled loops know no others
    return compiled.filed(letters, most, sounds, filing_of(nowhere, nowhere), entries, bits)


def _filed_by_columns(
    tokens: NDArray[np.bytes_],
    members: Sequence[NDArray[np.intp]],
    sounds: Hashes,
    entries: int,
    bits: int,
) -> Hashes:
    """Return the same, for few names: the loops take half a second to load."""
    filed = np.empty(entries, dtype=np.uint64)
    filed[: len(tokens)] = _filed(sounds, np.arange(len(tokens), dtype=np.uint64), bits)
    end = len(tokens)
    for length, places in enumerate(members):
        if not len(places):
            continue
        letters = _letters(tokens[places], length)
        numbers = places.astype(np.uint64)
        for kept in _kept_letters(length):
            filed[end : end + len(places)] = _filed(_hash(letters[:, kept]), numbers, bits)
            end += len(places)
    return filed


def filing_of(starts: Places, places: Places) -> Filing:
    """Return what `file_names` returned with how it filed."""
    return Filing(_POWERS, _MIXER, starts, places)


def sound_hashes(tokens: Sequence[str]) -> Hashes:
    """Return a hash of the sound of each token, apart from the hashes of its letters."""
    keys = [sound(token) for token in tokens]
    distinct = {key: _hash_one(key.encode("ascii")) for key in set(keys)}
    return np.asarray([distinct[key] for key in keys], dtype=np.uint64) ^ _SOUND_SEED


@lru_cache(maxsize=4096)
def sound_hash(token: str) -> np.uint64:
    """Return what `sound_hashes` does for a single token."""
    sounds = sound_hashes([token])
    return np.uint64(sounds[0])


def _letters(names: NDArray[np.bytes_], length: int) -> Hashes:
    """Return names of one length as rows of letters."""
    letters = np.ascontiguousarray(names.astype(f"S{length}")).view(np.uint8)
    return letters.reshape(len(names), length).astype(np.uint64)


def most_left_out(length: int) -> int:
    """Return how many letters are taken out of a name of some length."""
    return 0 if length < 2 else 2 if 5 <= length <= 20 else 1


@cache
def _kept_letters(length: int) -> list[list[int]]:
    """Return which letters stay for every way to leave out up to two."""
    most = most_left_out(length)
    return [
        [place for place in range(length) if place not in gone]
        for deletions in range(most + 1)
        for gone in combinations(range(length), deletions)
    ]


def _hash(letters: Hashes) -> Hashes:
    """Return a 64-bit hash of each row of letters: a polynomial, mixed. Letters 0 don't count."""
    value: Hashes = letters @ _POWERS[: letters.shape[1]]
    value ^= value >> np.uint64(32)
    value *= _MIXER
    value ^= value >> np.uint64(29)
    return value


def _hash_one(letters: bytes) -> int:
    return int(_hash(np.frombuffer(letters, dtype=np.uint8).astype(np.uint64)[None, :])[0])


def _filed(hashes: Hashes, places: Hashes, bits: int) -> Hashes:
    """Return the bucket of each hash and the place filed in it, as one number."""
    return ((hashes >> np.uint64(64 - bits)) << _PLACE_BITS) | places
