"""Identifiers, dates and drafts keep their rules."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena.platform.kernel.errors import InvalidInputError
from athena.records.nominals.dates import PartialDate, check_date_of_birth, parse_partial_date
from athena.records.nominals.identifiers import (
    CHECK_LETTERS,
    IdentifierKind,
    guess_identifiers,
    make_arrest_summons_number,
    make_cro_number,
    make_pnc_id,
    parse_identifier,
)
from athena.records.nominals.values import parse_postcode, parse_telephone

YEARS = st.integers(1950, 2025)
PNC = IdentifierKind.PNC_ID
CRO = IdentifierKind.CRO_NUMBER
ASN = IdentifierKind.ARREST_SUMMONS_NUMBER


class TestPncId:
    @given(YEARS, st.integers(1, 9_999_999))
    def test_every_form_with_a_slash_is_read_alike(self, year: int, serial: int) -> None:
        made = make_pnc_id(year, serial)
        letter = made.value[-1]
        for text in (
            made.value,
            made.value.lower(),
            f"{year}/{serial}{letter}",
            f"{year % 100:02}/{serial}{letter}",
            f" {year % 100:02}/{serial:07} {letter} ",
        ):
            assert parse_identifier(PNC, text) == made

    @given(YEARS, st.integers(1_000_000, 9_999_999))
    def test_a_whole_number_without_a_slash_is_read_alike(self, year: int, serial: int) -> None:
        made = make_pnc_id(year, serial)
        assert parse_identifier(PNC, made.value.replace("/", "")) == made

    @given(YEARS, st.integers(1, 9_999_999), st.sampled_from(CHECK_LETTERS))
    def test_a_wrong_letter_is_refused(self, year: int, serial: int, letter: str) -> None:
        made = make_pnc_id(year, serial)
        if letter != made.value[-1]:
            with pytest.raises(InvalidInputError, match="check letter"):
                parse_identifier(PNC, made.value[:-1] + letter)


class TestCroNumber:
    @given(st.integers(1950, 2025), st.integers(1, 999_999))
    def test_short_forms_are_read_alike(self, year: int, serial: int) -> None:
        made = make_cro_number(year, serial)
        assert parse_identifier(CRO, f"{serial}/{year % 100:02}{made.value[-1]}") == made
        assert parse_identifier(CRO, made.value.lower()) == made

    def test_search_files_keep_their_own_form(self) -> None:
        letter = CHECK_LETTERS[int("391234") % 23]
        assert parse_identifier(CRO, f"sf39/1234{letter}").value == f"SF39/1234{letter}"


class TestArrestSummonsNumber:
    def test_the_published_example(self) -> None:
        assert parse_identifier(ASN, "0807NRPR00000038482H").value == "0807NRPR00000038482H"

    @given(YEARS, st.sampled_from(["46", "42", "0A"]), st.integers(1, 99_999_999_999))
    def test_forms_with_slashes_are_read_alike(self, year: int, force: str, sequence: int) -> None:
        made = make_arrest_summons_number(year, force, "NR", "01", sequence)
        text = f"{year % 100:02}/{force}NR/01/{sequence}{made.value[-1]}"
        assert parse_identifier(ASN, text) == made


class TestGuessing:
    def test_a_name_is_no_identifier(self) -> None:
        for text in ("jon smyth 1980", "o'neill", "smith 12/03/1980", "1980", "2003/0123456Z"):
            assert guess_identifiers(text) == []

    def test_a_number_is_told(self) -> None:
        assert [item.kind for item in guess_identifiers("x123456")] == ["probation_crn"]
        assert [item.kind for item in guess_identifiers("46/00123/26")] == [
            "custody_number",
            "crime_number",
            "urn",
        ]


class TestPartialDates:
    @given(st.dates(date(1900, 1, 1), date(2024, 12, 31)))
    def test_every_way_of_writing_a_day(self, day: date) -> None:
        expected = PartialDate(day.year, day.month, day.day)
        for text in (
            day.isoformat(),
            f"{day.day}/{day.month}/{day.year}",
            f"{day.day:02}.{day.month:02}.{day.year}",
            f"{day.day} {day:%B} {day.year}",
            f"{day.day} {day:%b} {day.year}",
        ):
            assert parse_partial_date(text) == expected
        assert expected.earliest == expected.latest == day

    @given(st.integers(1900, 2024), st.integers(1, 12))
    def test_a_month_and_a_year_alone(self, year: int, month: int) -> None:
        assert str(parse_partial_date(f"{month}/{year}")) == f"{year}-{month:02}"
        assert str(parse_partial_date(str(year))) == str(year)

    @pytest.mark.parametrize(
        "text", ["", "1980-13", "31/02/1980", "12 foo 1980", "80", "1980-1-1-1"]
    )
    def test_what_is_on_no_calendar_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidInputError):
            parse_partial_date(text)

    def test_a_birth_is_in_the_past_and_at_most_120_years_ago(self) -> None:
        today = date(2026, 11, 24)
        check_date_of_birth(PartialDate(1906), today)
        for born in (PartialDate(2026, 11, 24), PartialDate(2027), PartialDate(1905)):
            with pytest.raises(InvalidInputError):
                check_date_of_birth(born, today)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [("me141aa", "ME14 1AA"), (" zz9 9zz ", "ZZ9 9ZZ"), ("W1A 1HQ", "W1A 1HQ")],
)
def test_postcodes(typed: str, stored: str) -> None:
    assert parse_postcode(typed) == stored


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("01632 960123", "+441632960123"),
        ("+44 (0)7700 900123", "+447700900123"),
        ("0044 7700-900-123", "+447700900123"),
        ("+48 22 123 45 67", "+48221234567"),
    ],
)
def test_telephones(typed: str, stored: str) -> None:
    assert parse_telephone(typed) == stored
