"""What attempts come to: a partner that is away loses nothing, one event can't block for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena.sharing.ppss.deliveries.machine import (
    FIRST_DELAY,
    LONGEST_ASKED,
    LONGEST_AWAY,
    LONGEST_DELAY,
    MOST_REFUSALS,
    Attempt,
    EventState,
    Standing,
    delay_after,
    judge,
    retry_after,
)

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
DRAWS = st.floats(0, 1, exclude_max=True)
AWAY = st.one_of(
    st.sampled_from((301, 302, 307, 408, 425, 429, 500, 502, 503, 504)).map(Attempt),
    st.sampled_from(("timed_out", "not_reached", "address_not_allowed")).map(
        lambda code: Attempt(failure=code)
    ),
)
REFUSALS = st.sampled_from((400, 401, 403, 404, 409, 410, 413, 415, 422)).map(Attempt)
TAKEN = st.sampled_from((200, 201, 202, 204)).map(Attempt)


@given(TAKEN, st.integers(0, 50), st.integers(0, MOST_REFUSALS - 1), DRAWS)
def test_what_was_taken_is_delivered(
    attempt: Attempt, attempts: int, refusals: int, draw: float
) -> None:
    verdict = judge(Standing(attempts, refusals, NOW - timedelta(days=30)), attempt, NOW, draw)
    assert (verdict.state, verdict.failing_since) == (EventState.DELIVERED, None)
    assert (verdict.attempts, verdict.code, verdict.is_stopped) == (attempts + 1, None, False)


@given(st.lists(st.tuples(st.one_of(AWAY, REFUSALS), DRAWS), max_size=60))
def test_an_event_is_refused_by_refusals_alone(steps: list[tuple[Attempt, float]]) -> None:
    standing, now = Standing(), NOW
    for attempt, draw in steps:
        verdict = judge(standing, attempt, now, draw)
        assert verdict.refusals == standing.refusals + attempt.was_refused
        assert (verdict.state is EventState.REFUSED) == (verdict.refusals == MOST_REFUSALS)
        assert verdict.code == attempt.code
        if verdict.state is EventState.REFUSED:
            return
        assert now < verdict.next_attempt_at <= now + LONGEST_DELAY
        standing = Standing(verdict.attempts, verdict.refusals, verdict.failing_since)
        now = verdict.next_attempt_at


@given(st.lists(st.tuples(AWAY, DRAWS), min_size=1, max_size=400))
def test_a_partner_is_given_a_week(steps: list[tuple[Attempt, float]]) -> None:
    standing, now = Standing(), NOW
    for attempt, draw in steps:
        verdict = judge(standing, attempt, now, draw)
        assert verdict.state is EventState.PENDING
        assert verdict.failing_since == NOW
        assert verdict.is_stopped == (now - NOW >= LONGEST_AWAY)
        standing = Standing(verdict.attempts, verdict.refusals, verdict.failing_since)
        now = verdict.next_attempt_at


def test_being_away_counts_from_the_last_answer() -> None:
    verdict = judge(Standing(5, 0, NOW - LONGEST_AWAY), Attempt(422), NOW, 0)
    assert verdict.failing_since is None
    later = judge(Standing(6, 1, verdict.failing_since), Attempt(500), NOW, 0)
    assert (later.failing_since, later.is_stopped) == (NOW, False)


@given(st.integers(1, 10_000), DRAWS)
def test_waits_grow_and_are_spread(attempts: int, draw: float) -> None:
    wait = delay_after(attempts, draw)
    assert FIRST_DELAY / 2 <= wait <= LONGEST_DELAY
    assert delay_after(attempts, 0) == delay_after(attempts, 0.5) / 1.5
    assert delay_after(attempts + 1, draw) >= wait


@given(st.integers(0, 10**9), DRAWS)
def test_a_wait_that_is_asked_for_is_granted_up_to_a_day(seconds: int, draw: float) -> None:
    asked = retry_after({"retry-after": str(seconds)}, NOW)
    assert asked == min(timedelta(seconds=seconds), LONGEST_ASKED)
    verdict = judge(Standing(), Attempt(503, retry_after=asked), NOW, draw)
    assert verdict.next_attempt_at - NOW >= asked
    assert verdict.next_attempt_at - NOW <= max(asked, FIRST_DELAY)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("Wed, 25 Nov 2026 12:02:00 GMT", timedelta(minutes=2)),
        ("Wed, 25 Nov 2026 11:02:00 GMT", timedelta(0)),
        ("Wed, 25 Nov 2026 12:02:00 -0000", timedelta(minutes=2)),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("9" * 41, None),
    ],
)
def test_retry_after_is_read_or_left(header: str, wait: timedelta | None) -> None:
    assert retry_after({"retry-after": header}, NOW) == wait
