"""Half-remembered people are found among 50,000 made-up ones, by search alone without a store."""

from __future__ import annotations

from collections import Counter

import pytest

from athena.sharing.search.query import Asked, understand
from support.misspelling import KINDS, generate_cases
from support.population import RecordedPeople, generate_people, nominal_id

PEOPLE = 50_000
CASES = 900
SEED = 4_711
"""Of the test alone: nothing was tuned on it."""

FOUND = 0.95
FOUND_OF_EACH_KIND = 0.90


@pytest.fixture(scope="module")
def found() -> Counter[tuple[str, bool]]:
    """Return how many cases of each kind have the person meant in the first twenty."""
    people = generate_people(PEOPLE, SEED)
    recorded = RecordedPeople(people)
    counted: Counter[tuple[str, bool]] = Counter()
    for case in generate_cases(people, SEED, CASES):
        query = understand(
            Asked(
                name=case.name,
                given_name=case.given_name,
                surname=case.surname,
                date_of_birth=case.date_of_birth,
                year_of_birth=case.year_of_birth,
            )
        )
        first_page = [item.nominal_id for item in recorded.search(query)[:20]]
        counted[case.kind, nominal_id(case.key) in first_page] += 1
    return counted


def test_the_right_person_is_in_the_first_twenty(found: Counter[tuple[str, bool]]) -> None:
    assert found.total() == CASES
    assert sum(found[kind, True] for kind in KINDS) >= FOUND * CASES


@pytest.mark.parametrize("kind", KINDS)
def test_no_kind_of_slip_is_left_behind(found: Counter[tuple[str, bool]], kind: str) -> None:
    assert found[kind, True] >= FOUND_OF_EACH_KIND * (found[kind, True] + found[kind, False])
