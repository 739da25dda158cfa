"""One-to-one assignment: of pairs that claim the same record, the likeliest stands."""

from __future__ import annotations

from collections.abc import Iterable

Pair = tuple[str, str, float]
"""A record of one set, a record of the other, and their weight in bits."""


def one_to_one(pairs: Iterable[Pair], at_least: float) -> list[Pair]:
    """Return the pairs of at least a weight, the heaviest first, no record in two of them.

    For two sets without duplicates in either, as in FEBRL 4; a store of many forces isn't that.
    """
    left: set[str] = set()
    right: set[str] = set()
    chosen = []
    for one, other, bits in sorted(pairs, key=lambda pair: (-pair[2], pair[0], pair[1])):
        if bits < at_least:
            break
        if one not in left and other not in right:
            left.add(one)
            right.add(other)
            chosen.append((one, other, bits))
    return chosen
