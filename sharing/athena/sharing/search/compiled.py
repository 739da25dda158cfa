"""The inner loops of a search, compiled to machine code when the first of them is called.

Names are rows of ASCII letters ``a`` to ``z``, filled up with 0. Whoever needs a loop imports this
module where it is used, because Numba takes half a second to load and most commands never search.
``make install`` compiles them once; every process reads what that left beside this file. That is
stale only when this file changes, so whatever else decides what comes of a loop is an argument.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from athena.sharing.search.closeness import SlipCosts
from athena.sharing.search.neighbourhood import Filing

P = ParamSpec("P")
R = TypeVar("R")

Letters = NDArray[np.uint8]
Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

_MOST_SLIPS = 3
_SPREADING = np.uint64(0x9E3779B97F4A7C15)
_FREE = np.uint32(0xFFFFFFFF)
_BEFORE_A = 96


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Have a function compiled at its first call, and what came of it kept in a file."""
    return cast("Callable[P, R]", numba.njit(cache=True, nogil=True)(function))


@compiled
def first_places(names: Letters, wanted: Letters) -> Integers:
    """Return before which of the sorted names each wanted one would stand, or where it does."""
    places = np.empty(len(wanted), np.int64)
    for number in range(len(wanted)):
        low, high = 0, len(names)
        while low < high:
            middle = (low + high) >> 1
            if _is_before(names[middle], wanted[number]):
                low = middle + 1
            else:
                high = middle
        places[number] = low
    return places


@compiled
def _is_before(name: Letters, other: Letters) -> bool:
    """Return whether a name stands before another; what is left over of either counts as 0."""
    for place in range(max(len(name), len(other))):
        left = np.int64(name[place]) if place < len(name) else np.int64(0)
        right = np.int64(other[place]) if place < len(other) else np.int64(0)
        if left != right:
            return bool(left < right)
    return False


@compiled
def similar(
    typed: Letters,
    left_out: int,
    own_sound: np.uint64,
    filing: Filing,
    names: Letters,
    sounds: NDArray[np.uint64],
    bonus: NDArray[np.float32],
    costs: SlipCosts,
    most: int,
) -> tuple[Integers, NDArray[np.int16], NDArray[np.bool_], NDArray[np.float32]]:
    """Return the places of names near a typed one, the cost of their slips, and which sound alike.

    Near is within three slips (of OSA distance: neighbours that change places are one) or of the
    same sound; costs are in tenths of nats. Names are found by what stays of them when up to
    ``left_out`` letters are. Of more than ``most`` the roughly likeliest are returned: few slips,
    the same sound, many who bear the name; of equals the first in the alphabet. The rough measure
    comes last, the lowest the likeliest.
    """
    found, of_sound = _neighbours(typed, left_out, own_sound, filing)
    masks = np.zeros(256, np.uint64)
    for place in range(len(typed)):
        masks[typed[place]] |= np.uint64(1) << np.uint64(place)
    near = np.empty(len(found), np.int64)
    rough = np.empty(len(found), np.float32)
    alike = np.empty(len(found), np.bool_)
    count = 0
    for number in range(len(found)):
        place = found[number]
        slips = _slips(masks, len(typed), names[place])
        same = number < of_sound and sounds[place] == own_sound
        if slips <= _MOST_SLIPS or same:
            near[count] = place
            alike[count] = same
            slips = min(slips, _MOST_SLIPS + 1)
            rough[count] = np.float32(2.0 * slips - (2.0 if same else 0.0)) - bonus[place]
            count += 1
    if count > most:
        last = np.partition(rough[:count], most - 1)[most - 1]
        equal = most - np.sum(rough[:count] < last)
        farthest = np.partition(near[:count][rough[:count] == last], equal - 1)[equal - 1]
        kept = 0
        for number in range(count):
            if rough[number] < last or (rough[number] == last and near[number] <= farthest):
                near[kept], alike[kept] = near[number], alike[number]
                rough[kept] = rough[number]
                kept += 1
        count = kept
    near, alike = near[:count], alike[:count]
    return near, slip_tenths(typed, names, near, costs), alike, rough[:count]


@compiled
def _neighbours(
    typed: Letters, left_out: int, own_sound: np.uint64, filing: Filing
) -> tuple[NDArray[np.uint32], int]:
    """Return the distinct places filed where a name would be, and how many were by its sound.

    Those stand first.
    """
    starts, places = filing.starts, filing.places
    buckets = _buckets(typed, left_out, own_sound, filing)
    total = 0
    for bucket in buckets:
        total += int(starts[bucket + 1]) - int(starts[bucket])
    slots = 16
    while slots < 2 * total:
        slots <<= 1
    seen = np.full(slots, _FREE, np.uint32)
    found = np.empty(total, np.uint32)
    count = of_sound = 0
    for number in range(len(buckets)):
        for entry in range(starts[buckets[number]], starts[buckets[number] + 1]):
            place = places[entry]
            slot = np.int64(np.uint64(place) * _SPREADING >> np.uint64(40)) & (slots - 1)
            while seen[slot] not in (_FREE, place):
                slot = (slot + 1) & (slots - 1)
            if seen[slot] == _FREE:
                seen[slot] = place
                found[count] = place
                count += 1
        if number == 0:
            of_sound = count
    return found[:count], of_sound


@compiled
def _buckets(typed: Letters, left_out: int, own_sound: np.uint64, filing: Filing) -> Integers:
    """Return where names are filed that sound like a name, or lack up to two of its letters."""
    shift = _shift_to(len(filing.starts) - 1)
    length = len(typed)
    buckets = np.empty(2 + length + length * (length - 1) // 2, np.int64)
    buckets[0] = np.int64(own_sound >> shift)
    buckets[1] = np.int64(_hash_without(typed, -1, -1, filing) >> shift)
    count = 2
    for first in range(length if left_out > 0 else 0):
        buckets[count] = np.int64(_hash_without(typed, first, -1, filing) >> shift)
        count += 1
    for first in range(length if left_out > 1 else 0):
        for second in range(first + 1, length):
            buckets[count] = np.int64(_hash_without(typed, first, second, filing) >> shift)
            count += 1
    return buckets[:count]


@compiled
def filed(
    names: Letters,
    left_out: Integers,
    sounds: NDArray[np.uint64],
    filing: Filing,
    entries: int,
    bits: int,
) -> NDArray[np.uint64]:
    """Return buckets, each with the place of a name filed in it in the lower half of a number.

    A name is filed by its sound, and by what stays of it without up to ``left_out`` letters, by its
    length.
    """
    shift = np.uint64(64 - bits)
    half = np.uint64(32)
    found = np.empty(entries, np.uint64)
    count = 0
    for number in range(len(names)):
        length = 0
        while length < names.shape[1] and names[number, length] != 0:
            length += 1
        name, place = names[number, :length], np.uint64(number)
        found[count] = (sounds[number] >> shift) << half | place
        found[count + 1] = (_hash_without(name, -1, -1, filing) >> shift) << half | place
        count += 2
        for first in range(length if left_out[length] > 0 else 0):
            found[count] = (_hash_without(name, first, -1, filing) >> shift) << half | place
            count += 1
        for first in range(length if left_out[length] > 1 else 0):
            for second in range(first + 1, length):
                hashed = _hash_without(name, first, second, filing)
                found[count] = (hashed >> shift) << half | place
                count += 1
    return found


@compiled
def _shift_to(size: int) -> np.uint64:
    """Return by how much to shift a hash of 64 bits for a table of a size that is a power of 2."""
    shift = np.uint64(64)
    while size > 1:
        shift -= np.uint64(1)
        size >>= 1
    return shift


@compiled
def _hash_without(letters: Letters, first: int, second: int, filing: Filing) -> np.uint64:
    """Return the hash of a name without two of its letters."""
    value = np.uint64(0)
    kept = 0
    for place in range(len(letters)):
        if place != first and place != second:
            value += np.uint64(letters[place]) * filing.powers[kept]
            kept += 1
    value ^= value >> np.uint64(32)
    value *= filing.mixer
    value ^= value >> np.uint64(29)
    return value


@compiled
def _slips(masks: NDArray[np.uint64], length: int, recorded: Letters) -> int:
    """Return the OSA distance of a recorded name from one of ``length`` letters, at most 64.

    ``masks`` tells for each letter where the typed name has it. A column of the table at a time
    stands in the bits of a number (Hyyrö, "A Bit-Vector Algorithm for Computing Levenshtein and
    Damerau Edit Distances", 2003).
    """
    one = np.uint64(1)
    last = one << np.uint64(length - 1)
    up, down = ~np.uint64(0), np.uint64(0)
    same, before = np.uint64(0), np.uint64(0)
    distance = length
    for letter in recorded:
        if letter == 0:
            break
        has = masks[letter]
        turned = ((~same & has) << one) & before
        same = (((has & up) + up) ^ up) | has | down | turned
        more, less = down | ~(same | up), same & up
        if more & last:
            distance += 1
        if less & last:
            distance -= 1
        more = (more << one) | one
        up, down = (less << one) | ~(same | more), more & same
        before = has
    return distance


@compiled
def slip_tenths(
    typed: Letters, names: Letters, places: Integers, costs: SlipCosts
) -> NDArray[np.int16]:
    """Return what each of some names costs to be typed as another, in tenths of nats; 0 if equal.

    The cheapest way through the table of Damerau's distance: each letter is met, put in, left out
    or changes places with the next, at the costs that `closeness` gives.
    """
    length = len(typed)
    put_in = _each_alone(typed, costs.put_in, costs)
    earlier = np.empty(length + 1, np.int64)
    above = np.empty(length + 1, np.int64)
    row = np.empty(length + 1, np.int64)
    found = np.empty(len(places), np.int16)
    for number in range(len(places)):
        recorded = names[places[number]]
        row[0] = 0
        for place in range(length):
            row[place + 1] = row[place] + put_in[place]
        left_out = _each_alone(recorded, costs.left_out, costs)
        for at in range(len(left_out)):
            letter = recorded[at]
            earlier, above, row = above, row, earlier
            row[0] = above[0] + left_out[at]
            for place in range(length):
                other = typed[place]
                met = above[place] + costs.substitution[other - _BEFORE_A, letter - _BEFORE_A]
                if at == 0 and (place > 0 or other != letter):
                    met += costs.first_letter
                least = min(met, above[place + 1] + left_out[at], row[place] + put_in[place])
                turned = place > 0 and at > 0 and letter == typed[place - 1]
                if turned and recorded[at - 1] == other:
                    least = min(least, earlier[place - 1] + costs.transposition)
                row[place + 1] = least
        found[number] = row[length]
    return found


@compiled
def _each_alone(name: Letters, of_letters: NDArray[np.int16], costs: SlipCosts) -> Integers:
    """Return what each letter of a name costs that the other name doesn't have."""
    alone = np.empty(len(name), np.int64)
    count = 0
    for place in range(len(name)):
        if name[place] == 0:
            break
        alone[place] = of_letters[name[place] - _BEFORE_A]
        if place > 0 and name[place] == name[place - 1]:
            alone[place] = costs.doubled
        count += 1
    if count:
        alone[0] += costs.first_letter
    return alone[:count]


@compiled
def likely_pairs(
    surnames: Integers,
    surname_weights: Floats,
    given: Integers,
    given_weights: Floats,
    least: float,
    sieve: NDArray[np.uint8],
    recorded: Integers,
) -> tuple[Integers, Floats]:
    """Return which pairs of a surname and a given name are recorded, with the sum of their weights.

    Pairs under the ``least`` weight aren't looked for. The sieve of one bit for each hash holds
    nearly all others back, and what passes is looked for among the recorded ones, which are sorted.
    """
    shift = _shift_to(len(sieve) * 8)
    pairs = np.empty(len(surnames) * len(given), np.int64)
    weights = np.empty(len(pairs), np.float64)
    count = 0
    for family in range(len(surnames)):
        for first in range(len(given)):
            weight = surname_weights[family] + given_weights[first]
            if weight >= least:
                pair = surnames[family] << np.int64(23) | given[first]
                hole = np.uint64(pair) * _SPREADING >> shift
                if sieve[hole >> np.uint64(3)] >> (hole & np.uint64(7)) & np.uint64(1):
                    pairs[count] = pair
                    weights[count] = weight
                    count += 1
    there = 0
    for number in range(count):
        place = np.searchsorted(recorded, pairs[number])
        if place < len(recorded) and recorded[place] == pairs[number]:
            pairs[there] = pairs[number]
            weights[there] = weights[number]
            there += 1
    return pairs[:there], weights[:there]
