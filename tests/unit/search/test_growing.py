"""While nominals come in, nobody leaves the first page of a search and comes back to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from athena.platform.kernel.identity import LabelId, NominalId, TenantId
from athena.records.names.keys import day_number, name_key
from athena.sharing.search.dictionary import NameDictionary
from athena.sharing.search.plan import make_plan
from athena.sharing.search.query import Asked, PersonQuery, understand
from athena.sharing.search.ranking import Candidate, rank
from support.misspelling import Person
from support.population import RecordedPeople, nominal_id

PAGE, EACH = 20, 30
"""The hits of a page, and how many rows of a name a search reads, in the order of their keys."""

PEOPLE = 70
AT_FIRST = 15

JOHN, SMITH = 1, 2
NAMES = NameDictionary.build([(JOHN, "john"), (SMITH, "smith")], [SMITH << 23 | JOHN])
QUESTIONS = {
    "the name": Asked(given_name="John", surname="Smith"),
    "a slip in it": Asked(given_name="Jonh", surname="Smith"),
    "the name and a year": Asked(given_name="John", surname="Smith", year_of_birth=1980),
    "the surname": Asked(surname="Smith"),
}


def first_pages(
    query: PersonQuery, days: Sequence[int], ids: Sequence[int]
) -> Iterator[list[NominalId]]:
    """Yield the first page for a question, as John Smiths of some days come in one by one."""
    plan = make_plan(query, NAMES)
    first = day_number(date(1979, 9, 1))
    rows = [
        Candidate(name_key(SMITH, JOHN, first + day), TenantId(1), nominal_id(key), LabelId(1))
        for day, key in zip(days, ids, strict=True)
    ]
    for count in range(AT_FIRST, PEOPLE + 1, 2):
        stored = sorted(rows[:count], key=lambda row: row.name_key)
        read = [
            row
            for low, high in plan.narrow.tolist()
            for row in [each for each in stored if low <= each.name_key <= high][:EACH]
        ]
        yield [item.nominal_id for item in rank(plan, read)[:PAGE]]


@pytest.mark.parametrize("asked", QUESTIONS.values(), ids=QUESTIONS.keys())
@settings(deadline=None, max_examples=15)
@given(
    days=st.lists(st.integers(0, 600), min_size=PEOPLE, max_size=PEOPLE),
    ids=st.permutations(range(1, PEOPLE + 1)),
)
def test_whoever_left_the_first_page_stays_away(
    asked: Asked, days: list[int], ids: list[int]
) -> None:
    """Who is found before an import and after it is so found all the while."""
    left: set[NominalId] = set()
    before: set[NominalId] = set()
    for page in first_pages(understand(asked), days, ids):
        assert left.isdisjoint(page)
        left |= before.difference(page)
        before = set(page)


def test_those_alike_stand_as_they_were_read() -> None:
    """The page is cut in the order in which the rows of a common name are: by the date of birth."""
    people = [
        Person(PEOPLE - number, "John", "Smith", date(1950, 1, 1) + timedelta(number * 37 % PEOPLE))
        for number in range(PEOPLE)
    ]
    ranked = RecordedPeople(people).search(understand(QUESTIONS["the name"]))
    oldest = sorted(people, key=lambda person: person.born)[:PAGE]
    assert [item.nominal_id for item in ranked[:PAGE]] == [nominal_id(each.key) for each in oldest]
