"""What an attempt to deliver an event comes to: pure functions of what happened and when.

Two things can be wrong, and they are told apart. The partner can be away: then its events wait, in
their order, and after a week the webhook stops until a person starts it again. Or the partner can
refuse one event: then, after enough attempts, that event becomes a dead letter and the later ones
go on. Neither loses anything: the feed still holds every event.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

MOST_REFUSALS = 10
"""After so many refusals an event is a dead letter."""

LONGEST_AWAY = timedelta(days=7)
"""How long a partner may be away before its webhook stops and a person must start it again."""

FIRST_DELAY = timedelta(seconds=5)
LONGEST_DELAY = timedelta(hours=1)
LONGEST_ASKED = timedelta(days=1)
"""The longest wait that a partner's ``Retry-After`` is granted."""

_LONGEST_HEADER = 40
_LATER = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
}
"""Statuses of the 400s that say "not now", and nothing against the event."""


class EventState(enum.StrEnum):
    """An event is pending until the webhook took it, or refused once it is a dead letter."""

    PENDING = "pending"
    DELIVERED = "delivered"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one attempt: the status that was answered, or the code of why none was."""

    status: int | None = None
    failure: str = ""
    retry_after: timedelta | None = None

    @property
    def was_taken(self) -> bool:
        """Whether the partner has the event."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def was_refused(self) -> bool:
        """Whether the partner answered, and won't have this event."""
        return self.status is not None and 400 <= self.status < 500 and self.status not in _LATER

    @property
    def code(self) -> str:
        """What is kept of it: a short code, never what the partner said."""
        return f"http_{self.status}" if self.status is not None else self.failure


@dataclass(frozen=True, slots=True)
class Standing:
    """How deliveries of an event to a partner stand before an attempt."""

    attempts: int = 0
    refusals: int = 0
    failing_since: datetime | None = None
    """When the partner began to be away, or None where its last answer was one."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How they stand after it: where the event is, and when the next attempt may be."""

    state: EventState
    attempts: int
    refusals: int
    failing_since: datetime | None
    next_attempt_at: datetime
    is_stopped: bool = False
    code: str | None = None


def judge(standing: Standing, attempt: Attempt, now: datetime, draw: float) -> Verdict:
    """Return what an attempt at ``now`` comes to; ``draw`` in [0, 1) spreads the next attempts."""
    attempts = standing.attempts + 1
    if attempt.was_taken:
        return Verdict(EventState.DELIVERED, attempts, standing.refusals, None, now)
    wait = delay_after(attempts, draw)
    if attempt.retry_after is not None:
        wait = max(wait, min(attempt.retry_after, LONGEST_ASKED))
    if attempt.was_refused:
        refusals = standing.refusals + 1
        dead = refusals >= MOST_REFUSALS
        return Verdict(
            EventState.REFUSED if dead else EventState.PENDING,
            attempts,
            refusals,
            None,
            now if dead else now + wait,
            code=attempt.code,
        )
    since = standing.failing_since or now
    return Verdict(
        EventState.PENDING,
        attempts,
        standing.refusals,
        since,
        now + wait,
        is_stopped=now - since >= LONGEST_AWAY,
        code=attempt.code,
    )


def delay_after(attempts: int, draw: float) -> timedelta:
    """Return the wait after so many attempts: twice as long each time, and up to half of it less.

    The jitter keeps all partners of a site that was away from being called at one moment.
    """
    longest = min(FIRST_DELAY * (1 << min(max(attempts, 1) - 1, 20)), LONGEST_DELAY)
    return longest * (0.5 + draw / 2)


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Return the wait that an answer asks for (RFC 9110, 10.2.3), or None where it can't be read.

    It is in seconds or a date; a date that has passed asks for none.
    """
    text = headers.get("retry-after", "").strip()
    if not text or len(text) > _LONGEST_HEADER:
        return None
    if text.isascii() and text.isdigit():
        return timedelta(seconds=min(int(text), LONGEST_ASKED.total_seconds()))
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(moment - now, timedelta(0))
