"""Times in London: the days on which clocks change, and the days that a time touches."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena.governance.releases.calendar import last_day
from athena.governance.releases.times import day_of, midnight, moment, span
from athena.platform.kernel.errors import InvalidInputError


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("2027-01-10T20:00", "2027-01-10T20:00"),
        ("2027-07-10T20:00", "2027-07-10T19:00"),
        ("2027-03-28T00:59", "2027-03-28T00:59"),
        ("2027-03-28T02:00", "2027-03-28T01:00"),
        ("2027-10-31T00:59", "2027-10-30T23:59"),
        ("2027-10-31T02:00", "2027-10-31T02:00"),
        ("2027-10-31T01:30+01:00", "2027-10-31T00:30"),
        ("2027-10-31T01:30+00:00", "2027-10-31T01:30"),
    ],
)
def test_what_london_s_clock_shows(written: str, stored: str) -> None:
    assert moment(written) == utc(stored)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("2027-03-28T01:00", "skip"),
        ("2027-03-28T01:59:59", "skip"),
        ("2027-10-31T01:00", "twice"),
        ("2027-10-31T01:59", "twice"),
        ("next week", "isn't a time"),
    ],
)
def test_what_it_never_shows_or_shows_twice_is_refused(written: str, told: str) -> None:
    with pytest.raises(InvalidInputError, match=told):
        moment(written)


@pytest.mark.parametrize(
    ("day", "hours"), [("2027-03-28", 23), ("2027-10-31", 25), ("2027-06-01", 24)]
)
def test_a_whole_day_has_as_many_hours_as_london_s(day: str, hours: int) -> None:
    begins, ends = span(day, day)
    assert ends - begins == timedelta(hours=hours)
    assert (day_of(begins), last_day(ends)) == (date.fromisoformat(day),) * 2


@given(st.dates(date(2000, 1, 1), date(2099, 1, 1)), st.integers(0, 400))
def test_days_touch_as_many_days_as_they_say(day: date, more: int) -> None:
    last = day + timedelta(days=more)
    begins, ends = span(day.isoformat(), last.isoformat())
    assert (day_of(begins), last_day(ends)) == (day, last)
    assert ends == midnight(last + timedelta(days=1))
