"""Deadlines: hours that really pass, and England's working days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena.platform.kernel.clock import LONDON
from athena.platform.kernel.clocks.service import (
    bank_holidays,
    hours_later,
    is_working_day,
    next_working_day,
    start_of_day,
    working_days_later,
)
from athena.platform.kernel.errors import InvalidInputError

MOMENTS = st.integers(0, 2_200_000_000).map(
    lambda seconds: datetime(1990, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
DAYS = st.dates(date(1990, 1, 1), date(2060, 1, 1))

PUBLISHED = {
    2020: "01-01 04-10 04-13 05-08 05-25 08-31 12-25 12-28",  # May Day moved to VE Day
    2022: "01-03 04-15 04-18 05-02 06-02 06-03 08-29 09-19 12-26 12-27",
    2023: "01-02 04-07 04-10 05-01 05-08 05-29 08-28 12-25 12-26",
    2026: "01-01 04-03 04-06 05-04 05-25 08-31 12-25 12-28",
    2027: "01-01 03-26 03-29 05-03 05-31 08-30 12-27 12-28",
}
"""The weekdays without work that the government published for England and Wales."""


@pytest.mark.parametrize("year", PUBLISHED)
def test_the_holidays_on_weekdays_are_those_published(year: int) -> None:
    expected = {date.fromisoformat(f"{year}-{day}") for day in PUBLISHED[year].split()}
    assert {day for day in bank_holidays(year) if day.weekday() < 5} == expected


@given(st.integers(1978, 2080))
def test_every_year_has_at_least_eight_weekdays_without_work(year: int) -> None:
    found = [day for day in bank_holidays(year) if day.weekday() < 5]
    assert 8 <= len(found) <= 11
    assert all(day.year == year for day in found)


@given(MOMENTS, st.integers(1, 500))
def test_so_many_hours_really_pass(start: datetime, hours: int) -> None:
    assert hours_later(start, hours).at - start == timedelta(hours=hours)
    assert hours_later(start.astimezone(LONDON), hours) == hours_later(start, hours)


@pytest.mark.parametrize(
    ("start", "local_end"),
    [
        ("2026-03-28T12:00:00+00:00", "2026-03-29T13:00:00+01:00"),
        ("2026-10-24T12:00:00+01:00", "2026-10-25T11:00:00+00:00"),
    ],
)
def test_a_change_of_clocks_moves_the_end_on_the_wall(start: str, local_end: str) -> None:
    due = hours_later(datetime.fromisoformat(start), 24)
    assert due.at.astimezone(LONDON).isoformat() == local_end


@given(MOMENTS, st.integers(1, 40))
def test_exactly_so_many_working_days_lie_between(start: datetime, days: int) -> None:
    due = working_days_later(start, days)
    first = start.astimezone(LONDON).date()
    end = due.at.astimezone(LONDON)
    assert (end.hour, end.minute, end.second) == (0, 0, 0)
    last = end.date() - timedelta(days=1)
    assert is_working_day(last)
    between = [first + timedelta(days=n) for n in range(1, (last - first).days + 1)]
    assert sum(map(is_working_day, between)) == days


@given(MOMENTS, MOMENTS, st.integers(1, 40))
def test_who_starts_later_is_never_due_earlier(one: datetime, other: datetime, days: int) -> None:
    early, late = sorted((one, other))
    assert working_days_later(early, days).at <= working_days_later(late, days).at


@given(DAYS)
def test_the_next_working_day_is_within_six_days(day: date) -> None:
    found = next_working_day(day)
    assert is_working_day(found)
    assert timedelta(days=1) <= found - day <= timedelta(days=6)


@given(DAYS)
def test_a_day_is_23_24_or_25_hours_long(day: date) -> None:
    length = start_of_day(day + timedelta(days=1)) - start_of_day(day)
    assert length / timedelta(hours=1) in (23, 24, 25)


def test_before_christmas_five_days_end_in_january() -> None:
    due = working_days_later(datetime(2026, 12, 23, 23, 30, tzinfo=UTC), 5)
    assert due.at == datetime(2027, 1, 5, tzinfo=UTC)  # 24, 29, 30, 31 December, 4 January
    assert due.clock == "working_days:5"


def test_late_on_a_summer_evening_the_day_is_londons() -> None:
    """At 23:30 UTC in July it is the next day in London already."""
    due = working_days_later(datetime(2026, 7, 6, 23, 30, tzinfo=UTC), 1)
    assert due.at == datetime(2026, 7, 8, 23, tzinfo=UTC)


@pytest.mark.parametrize("count", [0, -1, 10_000])
def test_a_clock_that_never_or_hardly_ends_is_refused(count: int) -> None:
    now = datetime.now(UTC)
    with pytest.raises(InvalidInputError):
        hours_later(now, count)
    with pytest.raises(InvalidInputError):
        working_days_later(now, count)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="time zone"):
        hours_later(datetime(2026, 10, 25, 1, 30), 6)  # noqa: DTZ001 - what is refused here
