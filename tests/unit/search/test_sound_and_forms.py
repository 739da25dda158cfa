"""Names that sound the same share a key; short forms lead to full ones and back."""

from __future__ import annotations

import pytest

from athena.records.names.normalise import normalise
from athena.sharing.search.nicknames import FORM_COST, SIBLING_COST, related_names
from athena.sharing.search.phonetics import sound


@pytest.mark.parametrize(
    "spellings",
    [
        "mohammed mohamed mohamad muhammad mohammad muhamad",
        "hussain hussein husayn hossein",
        "chaudhry chowdhury choudhury",
        "siobhan shevaun chevonne",
        "niamh neve",
        "sean shaun shawn",
        "smith smyth smythe",
        "reid read reed",
        "catherine katherine kathryn catharine",
        "stephen steven stefan",
        "macdonald mcdonald",
        "mackenzie mckenzie",
        "wright right",
        "knight night",
        "thompson thomson",
        "leigh lee lea",
        "keogh kehoe",
        "szymanski shimanski",
        "krzysztof kryshtof",
        "laxmi lakshmi",
        "philip phillip filip",
        "xavier savier",
    ],
)
def test_spellings_of_one_sound_share_a_key(spellings: str) -> None:
    assert len({sound(spelling) for spelling in spellings.split()}) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [("john", "ann"), ("smith", "smart"), ("mohammed", "matt"), ("brown", "brant")],
)
def test_other_sounds_have_other_keys(first: str, second: str) -> None:
    assert sound(first) != sound(second)


@pytest.mark.parametrize(
    ("typed", "full"),
    [
        ("bob", "robert"),
        ("peggy", "margaret"),
        ("sasha", "alexander"),
        ("chevonne", "siobhan"),
        ("mo", "mohammed"),
        ("gosia", "malgorzata"),
        ("paddy", "patrick"),
    ],
)
def test_short_and_full_forms_lead_to_each_other(typed: str, full: str) -> None:
    assert related_names(typed)[full] == FORM_COST
    assert related_names(full)[typed] == FORM_COST


def test_two_short_forms_of_one_name_are_further_apart() -> None:
    assert related_names("bobby")["robbie"] == SIBLING_COST > FORM_COST


def test_a_name_is_no_form_of_itself_and_every_form_is_a_token() -> None:
    for name in ("robert", "bob", "margaret", "mohammed"):
        forms = related_names(name)
        assert name not in forms
        assert all(normalise(form) == form and " " not in form for form in forms)


def test_an_unknown_name_has_no_other_form() -> None:
    assert related_names("qwertyuiop") == {}
