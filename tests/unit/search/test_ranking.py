"""What is looked up for a question, and how what is found is ranked and explained."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from athena.platform.kernel.identity import LabelId, TenantId
from athena.records.names.keys import day_number, name_key, unpack_name_key
from athena.sharing.search.plan import make_plan
from athena.sharing.search.query import Asked, understand
from athena.sharing.search.ranking import Candidate, rank
from support.misspelling import Person
from support.population import RecordedPeople, nominal_id

BORN = date(1980, 3, 12)


def recorded(*people: tuple[str, str, date]) -> RecordedPeople:
    return RecordedPeople([Person(number, *person) for number, person in enumerate(people)])


def found(people: RecordedPeople, **fields: Any) -> list[int]:
    ranked = people.search(understand(Asked(today=date(2026, 11, 24), **fields)))
    return [item.nominal_id.int for item in ranked]


class TestDates:
    @pytest.mark.parametrize(
        ("typed", "how"),
        [
            ("1980-03-12", "exact"),
            ("1980-12-03", "day and month swapped"),
            ("1980-03-13", "a day off"),
            ("1980-03-11", "a day off"),
            ("1981-03-12", "a year off"),
            ("1990-03-12", "ten years off"),
            ("1970-03-12", "ten years off"),
            ("1980-03-22", "one digit off"),
            ("1980-06-24", "same year"),
            ("1955-07-01", "another date"),
        ],
    )
    def test_a_slip_is_found_and_named(self, typed: str, how: str) -> None:
        people = recorded(("John", "Smith", BORN), ("Ada", "Lovelace", date(1950, 1, 2)))
        query = understand(Asked(given_name="John", surname="Smith", date_of_birth=typed))
        ranked = people.search(query)
        assert ranked[0].nominal_id == nominal_id(0)
        assert ranked[0].explanation[-1].field == "date_of_birth"
        assert ranked[0].explanation[-1].how == how

    def test_closer_dates_rank_higher(self) -> None:
        dates = ["1980-03-12", "1980-01-01", "1980-12-03", "1980-03-22", "1980-06-24", "1955-07-01"]
        people = recorded(*(("John", "Smith", date.fromisoformat(day)) for day in reversed(dates)))
        assert found(people, name="john smith 12/03/1980") == [5, 4, 3, 2, 1, 0]

    @pytest.mark.parametrize(
        ("stored", "how"),
        [
            (date(1980, 1, 1), "year only, or its first day"),
            (date(1980, 3, 1), "month only, or its first day"),
        ],
    )
    def test_a_whole_date_finds_a_record_with_less(self, stored: date, how: str) -> None:
        people = recorded(("John", "Smith", stored))
        ranked = people.search(understand(Asked(name="john smith 12/03/1980")))
        assert ranked[0].explanation[-1].how == how

    def test_a_typed_month_ranks_the_month_and_the_bare_year_first(self) -> None:
        people = recorded(
            ("John", "Smith", date(1980, 9, 9)),
            ("John", "Smith", date(1980, 3, 9)),
            ("John", "Smith", date(1980, 1, 1)),
        )
        assert found(people, name="john smith march 1980")[-1] == 0

    def test_the_right_year_beats_the_next_and_that_any_other(self) -> None:
        people = recorded(
            ("John", "Smith", date(1960, 5, 5)),
            ("John", "Smith", date(1981, 5, 5)),
            ("John", "Smith", date(1980, 5, 5)),
        )
        assert found(people, given_name="John", surname="Smith", year_of_birth=1980) == [2, 1, 0]


class TestNames:
    PEOPLE = recorded(
        ("John", "Smith", BORN),
        ("Mary-Jane", "Smith-Jones", date(1975, 5, 5)),
        ("Robert", "O'Neill", date(1966, 6, 6)),
        ("Jan", "van der Berg", date(1990, 9, 9)),
        ("Zbigniew", "Wójcik", date(1988, 8, 8)),
    )

    @pytest.mark.parametrize(
        ("fields", "number"),
        [
            ({"name": "jon smyth"}, 0),
            ({"name": "smith john"}, 0),
            ({"name": "Smith, J"}, 0),
            ({"given_name": "Smith", "surname": "John"}, 0),
            ({"surname": "Smith", "date_of_birth": "1980-03-12"}, 0),
            ({"given_name": "John", "date_of_birth": "1980-03-12"}, 0),
            ({"given_name": "John", "year_of_birth": 1980}, 0),
            ({"surname": "Wojcik", "year_of_birth": 1988}, 4),
            ({"name": "jane jones"}, 1),
            ({"name": "maryjane smithjones"}, 1),
            ({"name": "bob oneill"}, 2),
            ({"name": "bobby o neil"}, 2),
            ({"name": "jan vanderberg"}, 3),
            ({"name": "van der berg jan"}, 3),
            ({"name": "zbyszek wojcik"}, 4),
            ({"name": "tiddles wojcik 1988"}, 4),
            ({"name": "tiddles wojcik"}, 4),
        ],
    )
    def test_the_person_meant_comes_first(self, fields: dict[str, Any], number: int) -> None:
        assert found(self.PEOPLE, **fields)[0] == number

    def test_a_stranger_is_not_found(self) -> None:
        assert found(self.PEOPLE, name="ada lovelace 1950") == []

    def test_the_explanation_says_what_met_what(self) -> None:
        ranked = self.PEOPLE.search(understand(Asked(name="bob oneil 06/06/1966")))
        told = [(match.field, match.typed, match.matched) for match in ranked[0].explanation]
        assert told == [
            ("surname", "oneil", "oneill"),
            ("given_name", "bob", "robert"),
            ("date_of_birth", "1966-06-06", "1966-06-06"),
        ]
        assert all(match.weight <= 0 for match in ranked[0].explanation)

    def test_the_part_of_a_double_surname_that_matched_is_named(self) -> None:
        ranked = self.PEOPLE.search(understand(Asked(given_name="John", surname="Smith-Brown")))
        surname = ranked[0].explanation[0]
        assert (surname.typed, surname.matched, surname.how) == (
            "smith",
            "smith",
            "exact, part of the name",
        )

    def test_scores_fall_and_stay_between_nothing_and_one(self) -> None:
        ranked = self.PEOPLE.search(understand(Asked(name="j smith 1980")))
        scores = [item.score for item in ranked]
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= score <= 1 for score in scores)


class TestSecondGivenNames:
    PEOPLE = recorded(
        ("John Mark", "Smith", BORN),
        ("John", "Smith", BORN),
        ("John Paul", "Smith", BORN),
        ("Paul John", "Smith", BORN),
    )

    def told(self, **fields: Any) -> dict[int, tuple[str, str, str, float]]:
        """Return by person what is said of the second given name typed."""
        return {
            item.nominal_id.int: (match.typed, match.matched, match.how, match.weight)
            for item in self.PEOPLE.search(understand(Asked(**fields)))
            for match in item.explanation
            if match.field == "second_given_name"
        }

    @pytest.mark.parametrize(
        "fields", [{"name": "john paul smith"}, {"given_name": "John Paul", "surname": "Smith"}]
    )
    def test_it_ranks_a_match_before_none_before_another(self, fields: dict[str, Any]) -> None:
        assert [each for each in found(self.PEOPLE, **fields) if each != 3] == [2, 1, 0]

    def test_one_that_matches_raises(self) -> None:
        typed, matched, how, weight = self.told(given_name="John Paul", surname="Smith")[2]
        assert (typed, matched, how) == ("paul", "paul", "exact")
        assert weight > 0

    def test_one_that_is_not_recorded_is_neutral(self) -> None:
        told = self.told(given_name="John Paul", surname="Smith")[1]
        assert told == ("paul", "", "not recorded", 0.0)
        (alone,) = (
            item.score
            for item in self.PEOPLE.search(understand(Asked(given_name="John", surname="Smith")))
            if item.nominal_id.int == 1
        )
        scores = {
            item.nominal_id.int: item.score
            for item in self.PEOPLE.search(
                understand(Asked(given_name="John Paul", surname="Smith"))
            )
        }
        assert scores[1] == alone

    def test_another_one_lowers_a_little(self) -> None:
        typed, _, how, weight = self.told(given_name="John Paul", surname="Smith")[0]
        assert (typed, how) == ("paul", "another one is recorded")
        assert -1 < weight < 0

    def test_a_slip_in_it_still_raises_but_less(self) -> None:
        exact = self.told(given_name="John Paul", surname="Smith")[2][3]
        slipped = self.told(given_name="John Pual", surname="Smith")[2]
        assert slipped[:2] == ("pual", "paul")
        assert 0 < slipped[3] < exact

    def test_those_in_the_other_order_match(self) -> None:
        assert self.told(given_name="John Paul", surname="Smith")[3][3] > 0

    def test_who_typed_one_given_name_is_told_nothing_of_a_second(self) -> None:
        assert self.told(given_name="John", surname="Smith") == {}


class TestRank:
    def candidates(self, keys: Sequence[int]) -> list[Candidate]:
        return [Candidate(key, TenantId(1), nominal_id(7), LabelId(1)) for key in keys]

    def test_a_nominal_counts_once_by_its_best_name(self) -> None:
        people = recorded(("John", "Smith", BORN), ("John", "Smyth", BORN))
        query = understand(Asked(name="john smith 12/03/1980"))
        plan = make_plan(query, people.names)
        terms = {item.token: item.term_id for item in people.names.expand("smith")}
        john = people.names.expand("john")[0].term_id
        keys = [name_key(terms[name], john, day_number(BORN)) for name in ("smyth", "smith")]
        ranked = rank(plan, self.candidates(keys))
        assert [match.matched for match in ranked[0].explanation][:1] == ["smith"]
        assert len(ranked) == 1

    def test_the_likeliest_range_is_looked_up_first(self) -> None:
        people = recorded(("Joan", "Smyth", BORN), ("John", "Smith", BORN))
        plan = make_plan(understand(Asked(name="john smith 1980")), people.names)
        surname, given, first_day = unpack_name_key(plan.narrow[0][0])
        assert surname == people.names.expand("smith")[0].term_id
        assert given == people.names.expand("john")[0].term_id
        assert first_day == day_number(date(1980, 1, 1))
        assert unpack_name_key(plan.narrow[0][1])[2] == day_number(date(1980, 12, 31))
