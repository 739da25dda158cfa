"""Compiled loops over columns of terms; `compiled` has the others, and how they are compiled."""

from __future__ import annotations

import numpy as np

from athena.sharing.search.compiled import Floats, Integers, compiled

_SPREADING = np.uint64(0x9E3779B97F4A7C15)


@compiled
def first_of_each(values: Integers, most: int) -> Integers:
    """Return where each value stands first, in their order; the first ``most`` of them."""
    slots = 16
    while slots < 2 * len(values):
        slots <<= 1
    seen = np.full(slots, -1, np.int64)
    first = np.empty(min(len(values), most), np.int64)
    count = 0
    for place in range(len(values)):
        if count == most:
            break
        slot = np.int64(np.uint64(values[place]) * _SPREADING >> np.uint64(40)) & (slots - 1)
        while seen[slot] >= 0 and values[seen[slot]] != values[place]:
            slot = (slot + 1) & (slots - 1)
        if seen[slot] < 0:
            seen[slot] = place
            first[count] = place
            count += 1
    return first[:count]


@compiled
def weights_of(
    wanted: Integers, terms: Integers, weights: Floats, missing: float, otherwise: float
) -> Floats:
    """Return the weights of terms: ``missing`` for term 0, ``otherwise`` for one not known."""
    found = np.empty(len(wanted), np.float64)
    for number in range(len(wanted)):
        found[number] = missing if wanted[number] == 0 else otherwise
        for place in range(len(terms)):
            if terms[place] == wanted[number]:
                found[number] = weights[place]
                break
    return found
