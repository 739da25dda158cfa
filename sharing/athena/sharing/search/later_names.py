"""A second given name that was typed: John Paul Smith stands before John Smith and John Mark Smith.

It counts on top of the name that a nominal is found by. A match raises, one that isn't recorded
says nothing, since half of all records leave it out, and another one lowers a little: people use
either of several. The weights are estimates of ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from athena.records.names.keys import unpack_name_key
from athena.sharing.search.choosing import HOW
from athena.sharing.search.explaining import FieldMatch
from athena.sharing.search.meanings import LATER_GIVEN_NAME_COST, Interpretation, Part

FIELD = "second_given_name"

MATCHES = 1.0
"""What an exact second given name adds; a slip adds less, down to nothing."""

CONTRADICTS = -0.4
"""What it costs that other given names are recorded and none of them is the one typed."""


def asking_for_later(interpretations: Iterable[Interpretation]) -> NDArray[np.bool_]:
    """Return which readings have a second given name."""
    return np.asarray([len(item.given.typed) > 1 for item in interpretations], dtype=np.bool_)


def weigh_later(item: Interpretation, key: int, keys: Sequence[int]) -> FieldMatch | None:
    """Return how the given names typed beside the one that was met count; None if there are none.

    ``key`` is what the nominal is found by, ``keys`` are all that are known of it.
    """
    part = item.given
    if len(part.typed) < 2:
        return None
    _, met, _ = unpack_name_key(key)
    place = part.place_of(met)
    if place is None:
        return None
    which = int(part.which[place])
    others = {unpack_name_key(each)[1] for each in keys} - {0, met}
    best = max(
        (found for term in others if (found := _meets(part, term, which)) is not None),
        key=lambda found: found.weight,
        default=None,
    )
    if best is not None:
        return best
    typed = part.typed[1 if which == 0 else 0]
    first = {unpack_name_key(each)[1] for each in keys if each >= 0}
    besides = {unpack_name_key(each)[1] for each in keys if each < 0} - {0, met} - first
    if besides:
        return FieldMatch(FIELD, typed, "", "another one is recorded", CONTRADICTS)
    return FieldMatch(FIELD, typed, "", "not recorded", 0.0)


def _meets(part: Part, term: int, which: int) -> FieldMatch | None:
    """Return how a recorded given name meets another typed one than the first that was met."""
    place = part.place_of(term)
    if place is None or int(part.which[place]) == which:
        return None
    typed = int(part.which[place])
    slip = float(part.log_p[place]) + (LATER_GIVEN_NAME_COST if typed else 0.0)
    weight = max(MATCHES + slip / 2, 0.0)
    token = bytes(part.tokens[place]).decode()
    return FieldMatch(FIELD, part.typed[typed], token, HOW[part.how[place]], round(weight, 2))
