"""The cases that search is tested with are what they say, and none of search's own making."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

from support import misspelling
from support.misspelling import KINDS, Case, Person, generate_cases
from support.population import generate_people

PEOPLE = generate_people(5_000, 3)
BY_KEY = {person.key: person for person in PEOPLE}
CASES = generate_cases(PEOPLE, 3, 600)


def typed_name(case: Case) -> str:
    return case.name or f"{case.given_name} {case.surname}"


def test_nothing_of_athena_is_imported() -> None:
    source = Path(misspelling.__file__).read_text(encoding="utf-8")
    imported = {
        name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [])
        + [alias.name for alias in node.names]
    }
    assert "nicknames" in imported
    assert not [name for name in imported if name.startswith(("athena", "support"))]


def test_a_seed_always_gives_the_same_cases() -> None:
    assert generate_cases(PEOPLE, 3, 600) == CASES
    assert generate_cases(PEOPLE, 4, 600) != CASES


def test_the_kinds_are_shared_out_evenly() -> None:
    assert Counter(case.kind for case in CASES) == dict.fromkeys(KINDS, 100)


def test_each_case_has_a_name_either_as_a_line_or_as_fields() -> None:
    for case in CASES:
        assert (case.name is None) == (case.surname is not None)
        assert set(case.fields()) <= {
            "name", "given_name", "surname", "date_of_birth", "year_of_birth",
        }  # fmt: skip


@pytest.mark.parametrize("kind", ["misspelt", "nicknamed"])
def test_a_misspelt_or_nicknamed_person_is_never_typed_as_recorded(kind: str) -> None:
    for case in CASES:
        if case.kind == kind:
            person = BY_KEY[case.key]
            as_recorded = {person.given_names.split()[0].casefold(), person.surname.casefold()}
            assert set(typed_name(case).casefold().replace(",", "").split()) != as_recorded


def test_accents_and_apostrophes_are_in_the_record_not_in_what_is_typed() -> None:
    for case in CASES:
        recorded = f"{BY_KEY[case.key].given_names} {BY_KEY[case.key].surname}"
        if case.kind == "accented":
            assert any(letter.isalpha() and not letter.isascii() for letter in recorded)
            assert typed_name(case).isascii()
        if case.kind == "apostrophe":
            assert "'" in recorded or "’" in recorded
            assert "'" not in typed_name(case)


def test_a_person_without_a_slip_of_a_kind_gets_none() -> None:
    only = [Person(1, "Ann", "Lee", PEOPLE[0].born)]
    with pytest.raises(IndexError):
        generate_cases(only, 1, len(KINDS))
