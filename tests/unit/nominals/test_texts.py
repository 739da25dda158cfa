"""Typed text: markings, postcodes, telephone numbers, email addresses, words."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena.platform.kernel.errors import InvalidInputError
from athena.records.nominals.values import (
    Marking,
    clean_text,
    parse_email,
    parse_marking,
    parse_postcode,
    parse_telephone,
)


class TestMarkings:
    @pytest.mark.parametrize(
        "typed", ["official-sensitive", " OFFICIAL SENSITIVE ", "Official - Sensitive"]
    )
    def test_the_caveat_is_read_in_every_spelling(self, typed: str) -> None:
        assert parse_marking(typed) is Marking.OFFICIAL_SENSITIVE

    @pytest.mark.parametrize("typed", ["SECRET", "top secret", "TOP-SECRET", "CONFIDENTIAL", ""])
    def test_anything_else_must_not_be_entered(self, typed: str) -> None:
        with pytest.raises(InvalidInputError, match="must not be entered here"):
            parse_marking(typed)


class TestPostcodes:
    @pytest.mark.parametrize(
        ("typed", "stored"),
        [
            ("gir0aa", "GIR 0AA"),
            ("EC1A1BB", "EC1A 1BB"),
            ("b33 8th", "B33 8TH"),
            ("M11AE", "M1 1AE"),
        ],
    )
    def test_every_shape_of_the_outward_part(self, typed: str, stored: str) -> None:
        assert parse_postcode(typed) == stored
        assert parse_postcode(stored) == stored

    @pytest.mark.parametrize("typed", ["", "ME14", "ME14 1A", "ME14 1CA", "1ME4 1AA", "ZZ999 9ZZ"])
    def test_other_shapes_are_refused(self, typed: str) -> None:
        with pytest.raises(InvalidInputError, match="whole postcode"):
            parse_postcode(typed)


class TestTelephones:
    @given(st.integers(10**8, 10**10 - 1))
    def test_a_uk_number_is_one_however_it_is_written(self, number: int) -> None:
        stored = f"+44{number}"
        for typed in (f"0{number}", f"0044 {number}", f"+44 (0){number}", f"(0{number})", stored):
            assert parse_telephone(typed) == stored

    @pytest.mark.parametrize(
        "typed",
        ["", "999", "960123", "020 7946", "01632 9601234567", "+44", "+0 1632 960123", "ring me"],
    )
    def test_what_nobody_can_ring_is_refused(self, typed: str) -> None:
        with pytest.raises(InvalidInputError, match="area code"):
            parse_telephone(typed)


class TestEmails:
    def test_case_makes_no_difference(self) -> None:
        assert parse_email(" Jo.Smith@Mail.Example ") == "jo.smith@mail.example"

    @pytest.mark.parametrize(
        "typed", ["", "jo", "jo@", "@mail.example", "a@b@c", "a b@c", "a\0b@c"]
    )
    def test_anything_else_is_refused(self, typed: str) -> None:
        with pytest.raises(InvalidInputError):
            parse_email(typed)


class TestWords:
    @given(st.text(), st.booleans())
    def test_what_is_kept_is_short_composed_and_free_of_controls(
        self, text: str, multiline: bool
    ) -> None:
        try:
            kept = clean_text(text, "/note", 50, multiline)
        except InvalidInputError:
            return
        assert len(kept) <= 50
        assert unicodedata.is_normalized("NFC", kept)
        allowed = {"\n", "\t"} if multiline else set()
        assert not {c for c in kept if unicodedata.category(c) == "Cc"} - allowed
        assert clean_text(kept, "/note", 50, multiline) == kept

    def test_lines_from_a_form_on_a_page_are_kept(self) -> None:
        assert clean_text("one\r\ntwo\nthree", "/note", 50, multiline=True) == "one\ntwo\nthree"

    @pytest.mark.parametrize("mark", ["\0", "\x1b", "\n", "\u2028", "\u202e", "\u2066", "\ud800"])
    def test_hidden_characters_are_refused_in_one_line(self, mark: str) -> None:
        with pytest.raises(InvalidInputError, match="control characters"):
            clean_text(f"Smith{mark}John", "/note", 50)

    @pytest.mark.parametrize("name", ["O'Neill", "Ó Corra", "Żółć", "Nguyễn", "فاطمة", "می‌خواهم"])
    def test_names_of_people_are_kept(self, name: str) -> None:
        assert clean_text(name, "/surname", 100) == unicodedata.normalize("NFC", name)
