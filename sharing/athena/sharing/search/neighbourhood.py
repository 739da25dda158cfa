"""Files names under their deletion neighbourhood and their sound, to be found by one look-up.

The neighbourhood of a name is every string left when up to two of its letters are taken out (one
under five letters and over twenty), in the manner of Garbe's SymSpell: two names within two slips
share such a string. Only the hash of a string is kept, and of the hash only which bucket it falls
into: the occasional stranger in a bucket costs less to compare than to keep out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from athena.sharing.search.phonetics import sound

Hashes = NDArray[np.uint64]
Places = NDArray[np.uint32]

_MULTIPLIER = 0x9E3779B97F4A7C15
_SHIFT = 29
_ALL_BITS = (1 << 64) - 1
_SOUND_SEED = np.uint64(0xA5A5A5A5A5A5A5A5)
_FEWEST_BITS, _MOST_BITS = 8, 24


def file_names(tokens: NDArray[np.bytes_], sounds: Hashes) -> tuple[Places, Places]:
    """Return (starts, places): bucket b holds ``places[starts[b]:starts[b + 1]]``.

    There are about as many buckets, 2 to a whole power, as there are entries.
    """
    lengths = np.char.str_len(tokens)
    members = [np.flatnonzero(lengths == length) for length in range(tokens.dtype.itemsize + 1)]
    entries = len(tokens) + sum(
        len(places) * len(_kept_letters(length)) for length, places in enumerate(members)
    )
    bits = min(max(int(entries).bit_length(), _FEWEST_BITS), _MOST_BITS)
    buckets = [_bucket(sounds, bits)]
    filed: list[Places] = [np.arange(len(tokens), dtype=np.uint32)]
    for length, places in enumerate(members):
        if len(places):
            for hashes in _neighbourhood(tokens[places], length):
                buckets.append(_bucket(hashes, bits))
                filed.append(places.astype(np.uint32))
    return _sort_into_buckets(np.concatenate(buckets), np.concatenate(filed), bits)


def find_places(starts: Places, places: Places, token: bytes, token_sound: int) -> Places:
    """Return the distinct places filed where a token would be: its neighbours, and strangers."""
    bits = (len(starts) - 1).bit_length() - 1
    hashes = [_hash_one(token[place] for place in kept) for kept in _kept_letters(len(token))]
    wanted = np.asarray([*hashes, token_sound], dtype=np.uint64)
    buckets = _bucket(wanted, bits)
    low, high = starts[buckets].astype(np.int64), starts[buckets + np.uint32(1)].astype(np.int64)
    sizes = high - low
    # One index for all buckets: each entry's number, moved by where its bucket begins.
    moved = np.repeat(low - np.concatenate([[0], np.cumsum(sizes)[:-1]]), sizes)
    return np.unique(places[np.arange(len(moved)) + moved])


def sound_hashes(tokens: Sequence[str]) -> Hashes:
    """Return a hash of the sound of each token, apart from the hashes of its letters."""
    keys = [sound(token) for token in tokens]
    distinct = {key: _hash_one(key.encode("ascii")) for key in set(keys)}
    return np.asarray([distinct[key] for key in keys], dtype=np.uint64) ^ _SOUND_SEED


def _neighbourhood(names: NDArray[np.bytes_], length: int) -> list[Hashes]:
    """Return, for names of one length, the hashes of what each way to leave letters out leaves."""
    letters = np.ascontiguousarray(names.astype(f"S{length}")).view(np.uint8)
    letters = letters.reshape(len(names), length)
    return [_hash(letters[:, kept]) for kept in _kept_letters(length)]


@cache
def _kept_letters(length: int) -> list[list[int]]:
    """Return which letters stay for every way to leave out up to two ."""
    most = 0 if length < 2 else 2 if 5 <= length <= 20 else 1
    return [
        [place for place in range(length) if place not in gone]
        for deletions in range(most + 1)
        for gone in combinations(range(length), deletions)
    ]


def _hash(letters: NDArray[np.uint8]) -> Hashes:
    """Return a 64-bit polynomial hash of each row of letters."""
    value = np.full(len(letters), letters.shape[1], dtype=np.uint64)
    for column in letters.T:
        value = (value ^ column) * np.uint64(_MULTIPLIER)
        value ^= value >> np.uint64(_SHIFT)
    return value


def _hash_one(letters: Iterable[int]) -> int:
    """Return what `_hash` does for a single row; for one name this is the faster way."""
    row = list(letters)
    value = len(row)
    for letter in row:
        value = ((value ^ letter) * _MULTIPLIER) & _ALL_BITS
        value ^= value >> _SHIFT
    return value


def _bucket(hashes: Hashes, bits: int) -> Places:
    return (hashes >> np.uint64(64 - bits)).astype(np.uint32)


def _sort_into_buckets(buckets: Places, places: Places, bits: int) -> tuple[Places, Places]:
    starts = np.zeros((1 << bits) + 1, dtype=np.uint32)
    np.cumsum(np.bincount(buckets, minlength=1 << bits), out=starts[1:])
    return starts, places[np.argsort(buckets, kind="stable")]
