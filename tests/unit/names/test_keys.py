"""Names and dates packed into integers: nothing is lost, and order means what ranges need."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from athena.records.names.keys import (
    MOST_DAYS,
    MOST_TERMS,
    date_key,
    day_number,
    day_of,
    name_key,
    pair_key,
    unpack_name_key,
)
from athena.records.names.ranges import Keys, Ranges, day_ranges, pair_ranges, surname_ranges

terms = st.integers(0, MOST_TERMS)
days = st.integers(0, MOST_DAYS)
parts = st.tuples(terms, terms, days)


def keys(number: int) -> Keys:
    return np.asarray([number], dtype=np.int64)


def only(ranges: Ranges) -> tuple[int, int]:
    ((low, high),) = ranges.tolist()
    return low, high


@settings(deadline=None)
@given(parts)
def test_a_name_key_gives_back_its_parts(packed: tuple[int, int, int]) -> None:
    assert unpack_name_key(name_key(*packed)) == packed


@settings(deadline=None)
@given(parts)
def test_every_key_fits_a_signed_eight_byte_integer(packed: tuple[int, int, int]) -> None:
    assert 0 <= name_key(*packed) < 2**63
    assert 0 <= date_key(*packed) < 2**63


@settings(deadline=None)
@given(parts, parts)
def test_different_parts_have_different_keys(
    first: tuple[int, int, int], second: tuple[int, int, int]
) -> None:
    assert (name_key(*first) == name_key(*second)) == (first == second)
    assert (date_key(*first) == date_key(*second)) == (first == second)


@settings(deadline=None)
@given(parts, terms, terms, days, days)
def test_a_range_holds_exactly_what_it_says(
    packed: tuple[int, int, int], surname: int, given_name: int, first_day: int, last_day: int
) -> None:
    for row in (packed, (surname, *packed[1:]), (surname, given_name, packed[2])):
        key = name_key(*row)
        low, high = only(pair_ranges(keys(pair_key(surname, given_name)), first_day, last_day))
        within = row[:2] == (surname, given_name) and first_day <= row[2] <= last_day
        assert (low <= key <= high) == within
        low, high = only(surname_ranges(keys(surname)))
        assert (low <= key <= high) == (row[0] == surname)


@settings(deadline=None)
@given(parts, days)
def test_a_day_holds_exactly_those_born_on_it(packed: tuple[int, int, int], day: int) -> None:
    low, high = only(day_ranges(keys(day)))
    assert (low <= date_key(*packed) <= high) == (packed[2] == day)
    assert low <= date_key(*packed[:2], day) <= high


@settings(deadline=None)
@given(terms, terms)
def test_a_pair_is_the_surname_then_the_given_name(surname: int, given_name: int) -> None:
    assert divmod(pair_key(surname, given_name), MOST_TERMS + 1) == (surname, given_name)


@settings(deadline=None)
@given(st.dates(date(1900, 1, 1), date(2079, 6, 5)))
def test_a_day_has_a_number_and_the_number_is_that_day(day: date) -> None:
    assert day_of(day_number(day)) == day


@pytest.mark.parametrize(
    ("day", "number"),
    [(None, 0), (date(1900, 1, 1), 1), (date(1899, 12, 31), 0), (date(1066, 10, 14), 0)],
)
def test_an_unknown_or_too_early_day_is_number_zero(day: date | None, number: int) -> None:
    assert day_number(day) == number


def test_number_zero_is_no_day() -> None:
    assert day_of(0) is None
