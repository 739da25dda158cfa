"""Every level says the same in SQL, where weights are trained, and in Python, where they score."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from athena.sharing.linking.comparisons import COMPARISONS
from athena.sharing.linking.levels import Comparison
from athena.sharing.linking.persons import REGISTERS, Name, Person, Place, make_name
from athena.sharing.linking.training import COLUMNS, flat

_WORDS = ("", "ann", "anna", "annabel", "bill", "william", "smith", "smyth", "smithson", "jo")
_DATES = ("", "1980", "198003", "19800312", "19801203", "19810312", "19800313", "19550119")

words = st.sampled_from(_WORDS)
names = st.builds(
    lambda given, middle, surname: make_name(f"{given} {middle}", surname), words, words, words
)
places = st.builds(
    Place,
    *[st.sampled_from(("", "4", "14", "elm road", "elm raod", "zz11zz", "zz1 1zy"))] * 6,
)
people = st.builds(
    lambda name, born, sex, place, telephone, numbers: Person(
        (name,), born, sex, (place,), (telephone,) if telephone else (), numbers
    ),
    names,
    st.sampled_from(_DATES),
    st.sampled_from(("", "M", "F")),
    places,
    st.sampled_from(("", "1", "2")),
    st.dictionaries(st.sampled_from([kind.value for kind in REGISTERS]), words.filter(bool)),
)


@pytest.fixture(scope="module")
def database() -> duckdb.DuckDBPyConnection:
    """Return DuckDB, which Splink trains on."""
    return duckdb.connect()


def in_sql(
    database: duckdb.DuckDBPyConnection, comparison: Comparison, one: Person, other: Person
) -> int | None:
    """Return the place of the level that holds in SQL."""
    whens = [f"WHEN {comparison.absent} THEN NULL"]
    whens += [
        f"WHEN {level.sql} THEN {place}"
        for place, level in enumerate(comparison.levels)
        if level.sql != "ELSE"
    ]
    case = f"CASE {' '.join(whens)} ELSE {len(comparison.levels) - 1} END"
    sides = {f"{column}_l": value for column, value in flat(one).items()}
    sides |= {f"{column}_r": value for column, value in flat(other).items()}
    columns = ", ".join(f"CAST(${name} AS VARCHAR) AS {name}" for name in sides)
    row = database.execute(f"SELECT {case} FROM (SELECT {columns})", sides).fetchone()
    assert row is not None
    place: int | None = row[0]
    return place


def parts(comparison: Comparison, person: Person) -> Any:
    """Return what a comparison compares of a person."""
    match comparison.part:
        case "name":
            return person.names[0]
        case "place":
            return person.places[0]
        case "telephone":
            return person.telephones[0] if person.telephones else ""
        case "person":
            return person


@pytest.mark.parametrize("field", COMPARISONS)
def test_both_agree(field: str, database: duckdb.DuckDBPyConnection) -> None:
    comparison = COMPARISONS[field]

    @settings(max_examples=120, deadline=None)
    @given(one=people, other=people)
    def agree(one: Person, other: Person) -> None:
        graded = comparison.grade(parts(comparison, one), parts(comparison, other))
        assert graded == in_sql(database, comparison, one, other)

    agree()


@given(one=people, other=people)
def test_no_side_is_the_first(one: Person, other: Person) -> None:
    for comparison in COMPARISONS.values():
        left, right = parts(comparison, one), parts(comparison, other)
        assert comparison.grade(left, right) == comparison.grade(right, left)


def test_every_column_of_training_is_filled() -> None:
    whole = Person((Name("a", "b", "c", "|d|"),), "1980", "M", (Place(*"uvwxyz"),), ("1",))
    row = flat(replace(whole, numbers={kind.value: "1" for kind in REGISTERS}))
    assert set(row) == set(COLUMNS)
    assert None not in row.values()
