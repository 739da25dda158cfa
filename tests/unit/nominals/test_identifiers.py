"""The rules of identifiers that a search box and a rewritten short form put to the test."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from athena.platform.kernel.errors import InvalidInputError
from athena.records.nominals.identifiers import (
    CHECK_LETTERS,
    Identifier,
    IdentifierKind,
    guess_identifiers,
    make_arrest_summons_number,
    make_cro_number,
    make_pnc_id,
    make_search_file_number,
    parse_identifier,
)

PNC = IdentifierKind.PNC_ID
CRO = IdentifierKind.CRO_NUMBER
ASN = IdentifierKind.ARREST_SUMMONS_NUMBER
LICENCE = IdentifierKind.DRIVING_LICENCE_NUMBER
INSURANCE = IdentifierKind.NATIONAL_INSURANCE_NUMBER

YEARS = st.integers(1950, 2025)
CODES = st.from_regex(r"[A-Z0-9]{2}", fullmatch=True)
MADE = st.one_of(
    st.builds(make_pnc_id, YEARS, st.integers(0, 9_999_999)),
    st.builds(make_cro_number, YEARS, st.integers(0, 999_999)),
    st.builds(make_search_file_number, YEARS, st.integers(0, 999_999)),
    st.builds(make_arrest_summons_number, YEARS, CODES, CODES, CODES, st.integers(0, 10**11 - 1)),
)


@given(MADE)
def test_the_stored_form_is_read_as_itself_in_any_case_and_spacing(made: Identifier) -> None:
    assert parse_identifier(made.kind, made.value) == made
    assert parse_identifier(made.kind, f" {' '.join(made.value.lower())} ") == made
    assert made in guess_identifiers(made.value.lower())


@given(MADE, st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
def test_any_other_letter_is_refused_without_quoting_the_number(
    made: Identifier, letter: str
) -> None:
    assume(letter != made.value[-1])
    wrong = made.value[:-1] + letter
    with pytest.raises(InvalidInputError, match="check letter") as refused:
        parse_identifier(made.kind, wrong)
    assert wrong not in str(refused.value.problem())


@given(st.sampled_from(list(IdentifierKind)), st.text(max_size=80))
def test_any_text_is_read_to_a_stable_form_or_refused(kind: IdentifierKind, text: str) -> None:
    try:
        found = parse_identifier(kind, text)
    except InvalidInputError:
        return
    assert parse_identifier(kind, found.value) == found


class TestPncId:
    @pytest.mark.parametrize(("typed", "year"), [("26", 2026), ("27", 1927), ("79", 1979)])
    def test_two_digits_above_the_current_year_are_of_the_last_century(
        self, typed: str, year: int
    ) -> None:
        made = make_pnc_id(year, 1234)
        text = f"{typed}/1234{made.value[-1]}"
        assert parse_identifier(PNC, text, date(2026, 1, 1)) == made

    def test_without_a_slash_one_text_can_be_of_two_years(self) -> None:
        four_digits, two_digits = make_pnc_id(2024, 1), make_pnc_id(2020, 241)
        assert guess_identifiers("20241Q") == [four_digits, two_digits]
        assert parse_identifier(PNC, "20241Q") == four_digits

    @given(YEARS, st.integers(0, 9_999_999))
    def test_two_digits_without_a_slash_are_among_the_guesses(self, year: int, serial: int) -> None:
        made = make_pnc_id(year, serial)
        text = f"{year % 100:02}{serial}{made.value[-1]}"
        assert made in guess_identifiers(text, date(2026, 1, 1))


class TestCroNumber:
    @given(YEARS, st.integers(0, 999_999))
    def test_without_a_slash(self, year: int, serial: int) -> None:
        made = make_cro_number(year, serial)
        assert parse_identifier(CRO, f"{serial}{year % 100:02}{made.value[-1]}") == made

    @given(YEARS, st.integers(0, 99_999))
    def test_a_search_file_has_one_stored_form_however_padded(self, year: int, serial: int) -> None:
        made = make_search_file_number(year, serial)
        letter = made.value[-1]
        for typed in (f"{serial}", f"{serial:05}", f"{serial:06}"):
            assert parse_identifier(CRO, f"SF{year % 100:02}/{typed}{letter}") == made
            assert parse_identifier(CRO, f"sf{year % 100:02}{typed}{letter}") == made

    def test_a_search_file_with_the_letter_of_the_padded_serial_is_refused(self) -> None:
        padded = make_cro_number(1939, 1234).value[-1]
        with pytest.raises(InvalidInputError, match="check letter"):
            parse_identifier(CRO, f"SF39/1234{padded}")


class TestArrestSummonsNumber:
    def test_the_published_example_in_every_form(self) -> None:
        for text in ("0807NRPR00000038482H", "08/07NR/PR/38482H", "2008/07/NR/PR/00000038482h"):
            assert parse_identifier(ASN, text).value == "0807NRPR00000038482H"

    @pytest.mark.parametrize("letter", CHECK_LETTERS)
    def test_a_number_without_its_unit_is_refused_whatever_its_letter(self, letter: str) -> None:
        with pytest.raises(InvalidInputError, match="Write an arrest summons number"):
            parse_identifier(ASN, f"08/07/PR/1234{letter}")


class TestNumbersWithoutACheckLetter:
    @pytest.mark.parametrize("typed", ["MORGA 657054 SM9IJ", "fo999 512319 j99aa"])
    def test_driving_licences(self, typed: str) -> None:
        assert parse_identifier(LICENCE, typed).value == typed.replace(" ", "").upper()

    @pytest.mark.parametrize(
        "typed",
        [
            "9MORG657054SM9IJ",  # filled up in front
            "M9RGA657054SM9IJ",  # a gap in the surname
            "MORGA613054SM9IJ",  # month 13
            "MORGA657324SM9IJ",  # day 32
            "MORGA6570549S9IJ",  # a second initial without a first
        ],
    )
    def test_driving_licences_that_cannot_be(self, typed: str) -> None:
        with pytest.raises(InvalidInputError, match="driving licence"):
            parse_identifier(LICENCE, typed)

    def test_national_insurance_numbers(self) -> None:
        assert parse_identifier(INSURANCE, "ab 12 34 56 c").value == "AB123456C"
        for typed in ("QQ123456C", "BG123456C", "AO123456C", "AB123456E", "AB12345C"):
            with pytest.raises(InvalidInputError, match="prefix in use"):
                parse_identifier(INSURANCE, typed)

    @pytest.mark.parametrize(
        ("kind", "good", "bad"),
        [
            (IdentifierKind.PROBATION_CRN, "x 123456", "X12345"),
            (IdentifierKind.PRISON_NOMIS_NUMBER, "a1234bc", "A1234B"),
            (IdentifierKind.CUSTODY_NUMBER, "46/00123/26", "00123/26"),
            (IdentifierKind.CRIME_NUMBER, "46/123456/26", "KENT/1/26"),
            (IdentifierKind.URN, "46aa/0012345/26", "46"),
        ],
    )
    def test_the_other_kinds(self, kind: IdentifierKind, good: str, bad: str) -> None:
        assert parse_identifier(kind, good).value == good.replace(" ", "").upper()
        with pytest.raises(InvalidInputError, match="Write"):
            parse_identifier(kind, bad)


@pytest.mark.parametrize("text", ["1" * 65, "2003/012345\x006X", "\uff12003/0123456X"])
def test_odd_characters_and_endless_text_are_refused(text: str) -> None:
    for kind in IdentifierKind:
        with pytest.raises(InvalidInputError, match="plain characters"):
            parse_identifier(kind, text)
    assert guess_identifiers(text) == []
