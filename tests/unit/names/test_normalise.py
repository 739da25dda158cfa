"""Names as written become the tokens they are found by."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from athena.records.names.normalise import (
    LONGEST_TOKEN,
    MOST_PAIRS,
    given_tokens,
    name_pairs,
    normalise,
    surname_tokens,
)

name_texts = st.text(
    st.one_of(st.characters(), st.sampled_from("aeiouéłß'’-– OdMcvan")), max_size=120
)


@pytest.mark.parametrize(
    ("written", "normalised"),
    [
        ("Smith", "smith"),
        ("O'Neill", "oneill"),
        ("O’Neill", "oneill"),
        ("O`Neill", "oneill"),
        ("O´Neill", "oneill"),
        ("Oʻneill", "oneill"),
        ("Ó Néill", "o neill"),
        ("Smith-Jones", "smith jones"),
        ("Smith–Jones", "smith jones"),
        ("  van  der Berg ", "van der berg"),
        ("Łukasz Żółć", "lukasz zolc"),
        ("Strauß", "strauss"),
        ("Þórður", "thordur"),
        ("Đặng", "dang"),
        ("Søren Ærø", "soren aero"),
        ("İbrahim Işık", "ibrahim isik"),
        ("ℌans", "hans"),
        ("Cooper (aka Coop), 3rd", "cooper aka coop rd"),
        ("Иван", ""),
        ("42", ""),
    ],
)
def test_a_name_becomes_plain_letters(written: str, normalised: str) -> None:
    assert normalise(written) == normalised


@settings(deadline=None)
@given(name_texts)
def test_what_comes_out_is_plain_letters_and_stays_as_it_is(text: str) -> None:
    found = normalise(text)
    assert re.fullmatch("(?:[a-z]+(?: [a-z]+)*)?", found)
    assert normalise(found) == found


@settings(deadline=None)
@given(st.text("abcdefghijklmnopqrstuvwxyz '-é", max_size=40))
def test_capitals_make_no_difference(text: str) -> None:
    assert normalise(text.upper()) == normalise(text)


@pytest.mark.parametrize(
    ("surname", "tokens"),
    [
        ("Smith", ("smith",)),
        ("Smith-Jones", ("smithjones", "smith", "jones")),
        ("Smith Jones", ("smithjones", "smith", "jones")),
        ("O'Neill", ("oneill",)),
        ("Ó Néill", ("oneill", "neill")),
        ("van der Berg", ("vanderberg", "berg")),
        ("Mc Donald", ("mcdonald", "donald")),
        ("al-Hassan", ("alhassan", "hassan")),
        ("de", ("de",)),
        ("", ()),
    ],
)
def test_a_surname_is_found_whole_and_by_its_parts(surname: str, tokens: tuple[str, ...]) -> None:
    assert surname_tokens(surname) == tokens


@pytest.mark.parametrize(
    ("given_names", "tokens"),
    [
        ("Mary", ("mary",)),
        ("Mary Jane", ("mary", "jane")),
        ("Mary-Jane", ("mary", "maryjane", "jane")),
        ("J. Robert", ("j", "robert")),
        ("Ann Ann", ("ann",)),
        ("", ()),
    ],
)
def test_given_names_are_found_one_by_one(given_names: str, tokens: tuple[str, ...]) -> None:
    assert given_tokens(given_names) == tokens


def test_every_way_to_write_oneill_shares_a_token() -> None:
    ways = ("O'Neill", "O’Neill", "ONeill", "O Neill", "Ó Néill", "O' Neill", "o-neill")
    assert set.intersection(*(set(surname_tokens(way)) for way in ways)) == {"oneill"}


def test_pairs_come_the_most_telling_first() -> None:
    assert name_pairs("Mary Ann", "Smith-Jones") == [
        ("smithjones", "mary"),
        ("smith", "mary"),
        ("smithjones", "ann"),
        ("jones", "mary"),
        ("smith", "ann"),
        ("jones", "ann"),
    ]


def test_a_missing_part_is_the_empty_token() -> None:
    assert name_pairs("", "Smith") == [("smith", "")]
    assert name_pairs("Mary", "") == [("", "mary")]
    assert name_pairs("", "") == [("", "")]


@settings(deadline=None)
@given(name_texts, name_texts)
def test_pairs_are_few_distinct_and_fit_the_dictionary(given_names: str, surname: str) -> None:
    pairs = name_pairs(given_names, surname)
    assert 1 <= len(pairs) <= MOST_PAIRS
    assert len(set(pairs)) == len(pairs)
    for token in (token for pair in pairs for token in pair if token):
        assert re.fullmatch(f"[a-z]{{1,{LONGEST_TOKEN}}}", token)
