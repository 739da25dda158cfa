"""The full query, case by case: who is on record, what is typed, who comes first, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from athena.platform.kernel.errors import InvalidInputError
from athena.records.nominals.identifiers import IdentifierKind, parse_identifier
from support.api import Platform
from support.records import create_nominal


def _checked(kind: IdentifierKind, serial: str) -> str:
    """Return a number with the check letter that belongs to it."""
    for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
        try:
            return parse_identifier(kind, f"{serial}{letter}").value
        except InvalidInputError:
            continue
    raise AssertionError(serial)


PNC = _checked(IdentifierKind.PNC_ID, "03/123456")
CRO = _checked(IdentifierKind.CRO_NUMBER, "123456/98")


def _person(given: str, surname: str, born: str | None = None, **more: Any) -> dict[str, Any]:
    names = [{"given_names": given, "surname": surname}, *more.pop("names", [])]
    return {"names": names, "date_of_birth": born, **more}


def _at(**location: str) -> dict[str, Any]:
    return {"addresses": [{"location": location}]}


RECORDED: Mapping[str, Mapping[str, Any]] = {
    "john": _person("John Paul", "Smith", "1980-03-12", sex="M"),
    "other john": _person("John", "Smith", "1955-11-30", sex="M"),
    "joan": _person("Joan", "Smythe", "1980-03-12", sex="F"),
    "mohammed": _person("Mohammed", "Hussain", "1991-06-04"),
    "siobhan": _person("Siobhán", "O'Neill", "1988-12-01"),
    "niamh": _person("Niamh", "Ní Dhomhnaill", "1999-01-20"),
    "krzysztof": _person("Krzysztof", "Wiśniewski", "1979-08-09"),
    "malgorzata": _person("Małgorzata", "Szczepańska", "1984-02-29"),
    "jaswinder": _person("Jaswinder Kaur", "Dhaliwal", "1975-05-05"),
    "chaudhry": _person("Imran", "Chaudhry", "1983-07-17"),
    "xiaoming": _person("Xiao Ming", "Zhang", "1990-10-10"),
    "double": _person("Eleanor", "Fairweather-Quill", "1994-04-23"),
    "van": _person("Pieter", "van der Berg", "1969-09-09"),
    "robert": _person("Robert", "Blenkinsop", "1971-03-03"),
    "elizabeth": _person("Elizabeth", "Thackeray", "1962-02-14"),
    "maiden": _person(
        "Grace", "Ollerenshaw", "1987-11-11", names=[{"kind": "maiden", "surname": "Pickersgill"}]
    ),
    "alias": _person(
        "Darren", "Entwistle", "1992-01-31",
        names=[{"kind": "alias", "given_names": "Spike", "surname": "Malone"}],
    ),
    "nickname": _person(
        "Terence", "Grimshaw", "1966-06-06", names=[{"kind": "nickname", "given_names": "Duke"}]
    ),
    "year only": _person("Amelia", "Wolstenholme", "1950"),
    "month only": _person("Barnaby", "Hetherington", "1948-05"),
    "no date": _person("Cornelius", "Yarborough"),
    "numbers": _person(
        "Una", "Mapplebeck", "1977-07-07",
        identifiers=[
            {"kind": "pnc_id", "value": PNC},
            {"kind": "cro_number", "value": CRO},
            {"kind": "national_insurance_number", "value": "AB123456C"},
            {"kind": "prison_nomis_number", "value": "A1234BC"},
        ],
        contacts=[{"kind": "telephone", "value": "01632 960123"}],
    ),
    "high street": _person(
        "Philippa", "Uttley", "1985-05-15",
        **_at(premises="12", street="High Street", town="Norwich", postcode="ZZ1 1AA"),
    ),
    "high street elsewhere": _person(
        "Quentin", "Varley", "1986-06-16",
        **_at(premises="12", street="HIGH ST", town="Ipswich", postcode="ZZ2 2BB"),
    ),
    "flat": _person(
        "Rosalind", "Wadsworth", "1989-09-19",
        **_at(premises="Flat 3", street="Mill Lane", town="Norwich", postcode="ZZ1 1AB"),
    ),
    "armed": _person(
        "Samuel", "Exley", "1990-01-01", markers=[{"code": "firearms"}, {"code": "violent"}]
    ),
    "once armed": _person(
        "Samuel", "Exley", "1991-01-01",
        markers=[{"code": "firearms", "valid_from": "2001-01-01", "valid_to": "2002-01-01"}],
    ),
    "unarmed": _person("Samuel", "Exley", "1992-01-01", sex="M"),
}  # fmt: skip


class Case(NamedTuple):
    """What is typed, who must come first, and a word that explains it."""

    typed: Mapping[str, Any]
    first: str
    why: str = ""


def name(line: str) -> dict[str, Any]:
    """Return a search by one line."""
    return {"name": line}


CASES = [
    # Spelling, sound, keys beside each other.
    Case(name("john smith 1980"), "john", "exact"),
    Case(name("JOHN SMITH 1955"), "other john", "exact"),
    Case(name("jon smyth 1980"), "john"),
    Case(name("jhon smiht 12/03/1980"), "john", "sounds alike"),
    Case(name("johnn smith 1955"), "other john", "spelt alike"),
    Case(name("paul smith 1980"), "john", "not the first name"),
    Case(name("blenkinsopp robert"), "robert", "swapped"),
    Case(name("robert blenkensop"), "robert", "sounds alike"),
    Case(name("tackeray elizabeth"), "elizabeth"),
    # Short and pet forms.
    Case(name("bob blenkinsop"), "robert", "short or full form"),
    Case(name("liz thackeray"), "elizabeth", "short or full form"),
    Case(name("betty thackeray 1962"), "elizabeth", "short or full form"),
    Case(name("r blenkinsop"), "robert", "initial"),
    Case(name("rob blenkinsop"), "robert"),
    # Mohammed in its many spellings.
    Case(name("muhammad hussain"), "mohammed"),
    Case(name("mohamed hussein"), "mohammed"),
    Case(name("mohd husain"), "mohammed"),
    Case(name("mohammad hussain 04/06/1991"), "mohammed"),
    Case(name("mehmet hussain"), "mohammed"),
    # Irish names: accents, apostrophes, and names as they sound.
    Case(name("siobhan oneill"), "siobhan", "exact"),
    Case(name("shivaun o neill"), "siobhan"),
    Case(name("siobhan o’neil"), "siobhan"),
    Case(name("neve ni dhomhnaill"), "niamh", "short or full form"),
    Case(name("niamh dhomhnaill 1999"), "niamh", "exact"),
    # Polish names.
    Case(name("krzysztof wisniewski"), "krzysztof", "exact"),
    Case(name("kristof vishnevski"), "krzysztof"),
    Case(name("krzys wisniewski"), "krzysztof"),
    Case(name("malgorzata szczepanska"), "malgorzata", "exact"),
    Case(name("gosia szczepanska"), "malgorzata", "short or full form"),
    # South Asian names.
    Case(name("jaswinder dhaliwal"), "jaswinder", "exact"),
    Case(name("jaswinder kaur"), "jaswinder", "given names alone"),
    Case(name("imran chowdhury"), "chaudhry", "sounds alike"),
    Case(name("imran choudhary 1983"), "chaudhry"),
    # Chinese name order.
    Case(name("zhang xiao ming"), "xiaoming"),
    Case(name("xiaoming zhang"), "xiaoming"),
    Case({"given_name": "Zhang", "surname": "Xiao Ming"}, "xiaoming", "swapped"),
    # Double-barrelled names and names of several words.
    Case(name("eleanor fairweather"), "double"),
    Case(name("eleanor quill"), "double"),
    Case(name("eleanor fairweather quill"), "double"),
    Case(name("eleanor quill-fairweather 1994"), "double"),
    Case(name("pieter vanderberg"), "van"),
    Case(name("pieter berg"), "van"),
    # Swapped fields; other names.
    Case({"given_name": "Blenkinsop", "surname": "Robert"}, "robert", "swapped"),
    Case(name("grace pickersgill"), "maiden"),
    Case(name("spike malone"), "alias", "exact"),
    Case(name("duke grimshaw"), "nickname"),
    # Dates: whole, part, uncertain, wrong; ages.
    Case({"name": "john smith", "date_of_birth": "1980-03-12"}, "john", "exact"),
    Case(name("john smith 03/12/1980"), "john", "day and month swapped"),
    Case({"name": "john smith", "date_of_birth": "1980-03-13"}, "john", "a day off"),
    Case({"name": "john smith", "date_of_birth": "1990-03-12"}, "john", "ten years off"),
    Case({"name": "john smith", "date_of_birth": "1980-03"}, "john", "exact"),
    Case({"name": "john smith", "year_of_birth": 1956}, "other john", "within two years"),
    Case({"name": "amelia wolstenholme", "date_of_birth": "1950-08-17"}, "year only", "year only"),
    Case({"name": "barnaby hetherington", "date_of_birth": "1948-05-23"}, "month only", "month"),
    Case({"name": "cornelius yarborough", "year_of_birth": 1970}, "no date", "not recorded"),
    Case({"name": "john smith", "age_from": 65, "age_to": 75}, "other john"),
    Case(name("john smith aged 40-50"), "john"),
    # Identifiers in every short form.
    Case({"identifier": PNC}, "numbers", "exact"),
    Case({"identifier": f"03/123456{PNC[-1]}".lower()}, "numbers", "exact"),
    Case({"identifier": f"03123456{PNC[-1]}"}, "numbers", "exact"),
    Case(name(f"2003/0123456{PNC[-1]}"), "numbers", "exact"),
    Case({"identifier": CRO}, "numbers", "exact"),
    Case({"identifier": "ab 12 34 56 c"}, "numbers", "exact"),
    Case({"identifier": "a1234bc"}, "numbers", "exact"),
    # Telephone, postcode, address.
    Case({"telephone": "+44 1632 960123"}, "numbers", "exact"),
    Case({"telephone": "(01632) 960-123"}, "numbers", "exact"),
    Case({"postcode": "zz11aa"}, "high street", "exact"),
    Case({"address": "12 High Street, Norwich"}, "high street", "exact"),
    Case({"address": "12 high st, norwich"}, "high street", "exact"),
    Case({"address": "12 High Street, Ipswich"}, "high street elsewhere", "exact"),
    Case({"address": "12, HIGH STREET, IPSWICH ZZ2 2BB"}, "high street elsewhere", "exact"),
    Case({"address": "flat 3, mill lane"}, "flat", "exact"),
    Case({"address": "Mill Ln"}, "flat", "exact"),
    Case({"address": "Flat 3 Mill Lane, ZZ1 1AB"}, "flat", "exact"),
    Case({"name": "uttley", "address": "High Street"}, "high street"),
    # Filters.
    Case({"name": "samuel exley", "markers": ["firearms"]}, "armed", "exact"),
    Case({"name": "samuel exley", "markers": ["weapons", "violent"]}, "armed", "exact"),
    Case({"name": "sam exley 1990", "markers": ["firearms"]}, "armed"),
    Case({"name": "jo smith 1980", "sex": "F"}, "joan"),
]

ABSENT = [
    # Who must not be among the results at all.
    Case({"name": "samuel exley", "markers": ["firearms"]}, "once armed"),
    Case({"name": "samuel exley", "markers": ["firearms"]}, "unarmed"),
    Case({"name": "samuel exley 1991", "markers": ["firearms"]}, "once armed"),
    Case({"name": "samuel exley", "markers": ["suicidal"]}, "armed"),
    Case({"name": "joan smythe", "sex": "M"}, "joan"),
    Case({"address": "12 High Street, Norwich"}, "high street elsewhere"),
    Case({"address": "13 High Street, Norwich"}, "high street"),
    Case({"postcode": "ZZ1 1AA", "markers": ["violent"]}, "high street"),
    Case({"identifier": "AB123456D"}, "numbers"),
    Case(name("wolstenholme"), "john"),
]


@pytest.fixture(scope="module")
async def recorded(platform: Platform) -> dict[str, str]:
    """Return the id of everybody recorded."""
    ids: dict[str, UUID] = {
        key: await create_nominal(platform, "kent", nominal) for key, nominal in RECORDED.items()
    }
    await platform.runtime.searcher.names.refresh()
    return {key: str(nominal_id) for key, nominal_id in ids.items()}


def _name(case: Case) -> str:
    return f"{' '.join(map(str, case.typed.values()))} ({case.first}, by {'/'.join(case.typed)})"


@pytest.mark.parametrize("case", CASES, ids=_name)
async def test_who_is_meant_comes_first_and_it_says_why(
    platform: Platform, recorded: dict[str, str], case: Case
) -> None:
    answer = await platform.search("officer.kent", **case.typed)
    assert answer.status_code == 200, answer.text
    found = {shown: key for key, shown in recorded.items()}
    results = answer.json()["results"]
    assert [found[hit["id"]] for hit in results][:1] == [case.first]
    explanation = results[0]["explanation"]
    assert explanation
    assert case.why in " ".join(match["how"] for match in explanation)


@pytest.mark.parametrize("case", ABSENT, ids=_name)
async def test_whom_the_query_excludes_is_not_there(
    platform: Platform, recorded: dict[str, str], case: Case
) -> None:
    answer = await platform.search("officer.kent", **case.typed)
    assert answer.status_code == 200, answer.text
    assert recorded[case.first] not in [hit["id"] for hit in answer.json()["results"]]


@pytest.mark.parametrize(
    ("typed", "met"),
    [
        ({"given_name": "Robert", "surname": "Qvyx"}, ("given_name", "robert", "exact")),
        ({"given_name": "Qvyx", "surname": "Blenkinsop"}, ("surname", "blenkinsop", "exact")),
    ],
)
async def test_whoever_only_the_day_of_birth_leads_to_is_told_by_the_name_that_meets(
    platform: Platform, recorded: dict[str, str], typed: dict[str, str], met: tuple[str, ...]
) -> None:
    answer = await platform.search("officer.kent", **typed, date_of_birth="1971-03-03")
    first = answer.json()["results"][0]
    assert first["id"] == recorded["robert"]
    why = [(match["field"], match["matched"], match["how"]) for match in first["explanation"]]
    assert met in why
    assert ("date_of_birth", "1971-03-03", "exact") in why
