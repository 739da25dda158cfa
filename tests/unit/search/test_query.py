"""What an officer types becomes names in every order, and a date, a year or an age."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from athena.platform.kernel.errors import InvalidInputError
from athena.records.nominals.dates import PartialDate
from athena.sharing.search.query import Asked, PersonQuery, understand

TODAY = date(2026, 11, 24)
BORN = PartialDate(1980, 3, 12)


def read(line: str) -> PersonQuery:
    return understand(Asked(name=line, today=TODAY))


class TestOneLine:
    @pytest.mark.parametrize(
        "line",
        [
            "jon smyth 12/03/1980",
            "jon smyth 12/3/80",
            "jon smyth 12.03.1980",
            "jon smyth 1980-03-12",
            "jon smyth 1980/03/12",
            "jon smyth 12 Mar 80",
            "jon smyth 12th March 1980",
            "Jon Smyth, 12 March 1980",
            "12/03/1980 jon smyth",
            "Mr Jon Smyth dob 12/03/1980",
            "jon smyth born 12-03-1980",
        ],
    )
    def test_a_date_in_any_form(self, line: str) -> None:
        query = read(line)
        assert query.born == BORN
        assert query.born_years is None
        assert (query.readings[0].surname, query.readings[0].given) == (("smyth",), ("jon",))

    @pytest.mark.parametrize(
        ("line", "years", "month"),
        [
            ("jon smyth 1980", (1980, 1980), None),
            ("jon smyth March 1980", (1980, 1980), 3),
            ("jon smyth 03/1980", (1980, 1980), 3),
            ("jon smyth 1980-03", (1980, 1980), 3),
            ("jon smyth age 40-45", (1980, 1986), None),
            ("jon smyth aged 40 to 45", (1980, 1986), None),
            ("jon smyth 45-40", (1980, 1986), None),
            ("jon smyth age about 40", (1985, 1986), None),
        ],
    )
    def test_a_year_a_month_or_an_age(
        self, line: str, years: tuple[int, int], month: int | None
    ) -> None:
        query = read(line)
        assert (query.born, query.born_years, query.born_month) == (None, years, month)
        assert (query.readings[0].surname, query.readings[0].given) == (("smyth",), ("jon",))

    def test_a_year_of_two_digits_is_never_in_the_future(self) -> None:
        assert read("smith 12/03/26").born == PartialDate(2026, 3, 12)
        assert read("smith 12/03/27").born == PartialDate(1927, 3, 12)

    def test_both_orders_are_read(self) -> None:
        readings = read("jon smyth").readings
        assert [(reading.surname, reading.given) for reading in readings] == [
            (("smyth",), ("jon",)),
            (("jon",), ("smyth",)),
        ]
        assert readings[0].penalty < readings[1].penalty

    def test_a_comma_says_which_is_the_surname(self) -> None:
        first = read("van der Berg, Jan 1980").readings[0]
        assert (first.surname, first.given) == (("vanderberg", "berg"), ("jan",))

    @pytest.mark.parametrize("line", ["Berg, Jan 1980", "jan berg 1980", "berg jan 1980"])
    def test_a_month_that_is_a_name_is_the_name(self, line: str) -> None:
        query = read(line)
        assert (query.born_years, query.born_month) == ((1980, 1980), None)
        readings = [(reading.surname, reading.given) for reading in query.readings]
        assert (("berg",), ("jan",)) in readings

    @pytest.mark.parametrize("surname", ["martin", "marsh", "decker", "augustine", "novak"])
    def test_a_name_that_begins_as_a_month_does_is_the_name(self, surname: str) -> None:
        query = read(f"john {surname} 1980")
        assert (query.born_years, query.born_month) == ((1980, 1980), None)
        assert query.readings[0].surname == (surname,)

    def test_unless_it_is_said_to_be_a_date(self) -> None:
        query = read("ann lee born may 1980")
        assert (query.born_years, query.born_month) == ((1980, 1980), 5)
        assert query.readings[0].surname == ("lee",)

    @pytest.mark.parametrize("line", ["jan van der berg", "van der berg jan"])
    def test_a_surname_of_several_words_in_either_order(self, line: str) -> None:
        readings = [(reading.surname, reading.given) for reading in read(line).readings]
        assert (("vanderberg", "berg"), ("jan",)) in readings

    def test_one_word_may_be_either_name(self) -> None:
        readings = [(reading.surname, reading.given) for reading in read("o'neill").readings]
        assert readings == [(("oneill",), ()), ((), ("oneill",))]

    def test_a_label_alone_is_a_name(self) -> None:
        assert read("Born").readings[0].surname == ("born",)

    def test_an_identifier_is_no_name(self) -> None:
        query = read("1981/0000001H")
        assert (query.readings, bool(query.identifiers)) == ((), True)


class TestFields:
    def test_the_fields_are_also_read_swapped_at_a_cost(self) -> None:
        query = understand(Asked(given_name="Smith", surname="John", today=TODAY))
        assert [(reading.surname, reading.given) for reading in query.readings] == [
            (("john",), ("smith",)),
            (("smith",), ("john",)),
        ]
        assert query.readings[0].penalty < query.readings[1].penalty

    def test_fields_win_over_the_line(self) -> None:
        query = understand(
            Asked(name="jon smyth 1970", surname="Jones", year_of_birth=1980, today=TODAY)
        )
        assert (query.readings[0].surname, query.born_years) == (("jones",), (1980, 1980))

    @pytest.mark.parametrize(
        ("youngest", "oldest", "years"),
        [
            (40, 40, (1985, 1986)),
            (40, None, (1905, 1986)),
            (None, 40, (1985, 2026)),
            (45, 40, (1980, 1986)),
        ],
    )
    def test_ages_are_years_and_one_bound_leaves_the_other_open(
        self, youngest: int | None, oldest: int | None, years: tuple[int, int]
    ) -> None:
        query = understand(Asked(surname="Smith", age_from=youngest, age_to=oldest, today=TODAY))
        assert query.born_years == years

    @pytest.mark.parametrize(
        "asked",
        [
            Asked(today=TODAY),
            Asked(name="1980", today=TODAY),
            Asked(name=",", today=TODAY),
            Asked(name="smith 31/02/1980", today=TODAY),
            Asked(name="smith 1850", today=TODAY),
            Asked(name="smith 12/03/1850", today=TODAY),
            Asked(name="smith age 200", today=TODAY),
            Asked(name="smith\x00", today=TODAY),
            Asked(name="x" * 10_000, today=TODAY),
            Asked(surname="smith", date_of_birth="2026-11-25", today=TODAY),
            Asked(surname="smith", year_of_birth=2027, today=TODAY),
            Asked(identifier="not one", today=TODAY),
        ],
    )
    def test_what_cant_be_searched_is_refused(self, asked: Asked) -> None:
        with pytest.raises(InvalidInputError):
            understand(asked)


@settings(deadline=None)
@given(
    st.text(st.one_of(st.characters(), st.sampled_from("0123456789/-., janmrsmith")), max_size=80)
)
def test_any_line_is_understood_or_refused_in_words(line: str) -> None:
    try:
        query = read(line)
    except InvalidInputError:
        return
    assert query.readings or query.identifiers
