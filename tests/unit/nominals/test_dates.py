"""Partial dates: what they span, how they are stored, and the age of a person on record."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena.platform.kernel.errors import InvalidInputError
from athena.records.nominals.dates import (
    PartialDate,
    Precision,
    check_date_of_birth,
    parse_partial_date,
)

DAYS = st.dates(date(1900, 1, 1), date(2025, 12, 31))
TODAY = date(2026, 11, 24)


@given(DAYS, st.sampled_from(list(Precision)))
def test_the_first_day_and_the_precision_store_a_partial_date_whole(
    day: date, precision: Precision
) -> None:
    partial = PartialDate.of(day, precision)
    assert partial.precision is precision
    assert PartialDate.of(partial.earliest, precision.value) == partial
    assert parse_partial_date(str(partial)) == partial


@given(DAYS)
def test_a_month_and_a_year_span_all_their_days_and_no_other(day: date) -> None:
    for precision, part in ((Precision.MONTH, 7), (Precision.YEAR, 4)):
        partial = PartialDate.of(day, precision)
        inside = str(day)[:part]
        assert str(partial.earliest)[:part] == str(partial.latest)[:part] == inside
        assert str(partial.earliest - timedelta(days=1))[:part] != inside
        assert str(partial.latest + timedelta(days=1))[:part] != inside


def test_a_day_without_its_month_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="needs its month"):
        PartialDate(1980, None, 12)


@pytest.mark.parametrize("text", ["31/02/1980", "12 foo 1980", "sometime"])
def test_the_error_names_the_field_it_was_read_for(text: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        parse_partial_date(text, "/name")
    assert refused.value.extra["field"] == "/name"


@pytest.mark.parametrize(
    "born",
    [
        PartialDate(1905, 11, 25),  # 120 until tomorrow
        PartialDate(1905, 12),
        PartialDate(1906),
        PartialDate(2026, 11, 23),
        PartialDate(2026, 11),
        PartialDate(2026),
    ],
)
def test_ages_up_to_120_are_taken(born: PartialDate) -> None:
    check_date_of_birth(born, TODAY)


@pytest.mark.parametrize(
    ("born", "rule"),
    [
        (PartialDate(1905, 11, 24), "at most 120"),  # 121 today
        (PartialDate(1905, 11), "at most 120"),
        (PartialDate(1905), "at most 120"),
        (PartialDate(2026, 11, 24), "in the past"),
        (PartialDate(2026, 12), "in the past"),
    ],
)
def test_older_and_unborn_people_are_refused(born: PartialDate, rule: str) -> None:
    with pytest.raises(InvalidInputError, match=rule):
        check_date_of_birth(born, TODAY)
