"""The clocks of the Police and Criminal Evidence Act 1984, Part IV; pure functions.

They count hours that really pass, so a change of London's clocks neither lengthens nor shortens
anybody's detention. The relevant time itself (s.41(2)) is for a custody officer to establish.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from datetime import datetime, timedelta

from athena.platform.kernel.clocks.models import Due, Interval, in_utc
from athena.platform.kernel.errors import InvalidInputError

FIRST_REVIEW = timedelta(hours=6)
"""s.40(3)(a): not later than six hours after the detention was first authorised."""

NEXT_REVIEW = timedelta(hours=9)
"""s.40(3)(b) and (c): not later than nine hours after the review before."""


class DetentionStage(enum.IntEnum):
    """Without charge, how many hours from the relevant time each authority allows at the most."""

    ORDINARY = 24
    """s.41(1): without any further authority."""
    SUPERINTENDENT = 36
    """s.42(1): authorised by a superintendent, for an indictable offence."""
    WARRANT = 96
    """s.44(3)(b): the end of every warrant of further detention and its extensions."""


def review_due(authorised_at: datetime, reviews: Sequence[datetime] = ()) -> Due:
    """Return by when the next review of a detention is due.

    ``reviews`` are those carried out, in their order. One that was postponed and late doesn't put
    off those after it (s.40(6)): the next is counted from when it was due.
    """
    last = in_utc(authorised_at)
    due = last + FIRST_REVIEW
    for review in reviews:
        done = in_utc(review)
        if done < last:
            raise InvalidInputError("Give the reviews in the order in which they were carried out.")
        last = done
        due = min(done, due) + NEXT_REVIEW
    return Due(due, "pace_review")


def detention_limit(
    relevant_time: datetime, stage: DetentionStage, excluded: Sequence[Interval] = ()
) -> Due:
    """Return when detention without charge must end.

    ``excluded`` are the times in hospital or on the way there and back, without questioning, which
    don't count (s.41(6)); where they overlap, they count as excluded once.
    """
    end = in_utc(relevant_time) + timedelta(hours=stage.value)
    counted_to = in_utc(relevant_time)
    for interval in sorted(excluded, key=lambda each: in_utc(each.start)):
        start, stop = max(in_utc(interval.start), counted_to), in_utc(interval.end)
        if start >= end:
            break
        if stop > start:
            end += stop - start
            counted_to = stop
    return Due(end, f"pace_detention:{stage.value}")
