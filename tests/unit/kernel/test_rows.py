"""Statements as they are written and as the store takes them, and the rows that come back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena.platform.kernel.rows import Row, numbered, row_type

NAMES = st.from_regex(r"[a-z][a-z_]{0,9}", fullmatch=True)


@pytest.mark.parametrize(
    ("written", "sql", "names"),
    [
        ("SELECT 1", "SELECT 1", ()),
        ("SELECT :b, :a, :b", "SELECT $1, $2, $1", ("b", "a")),
        ("SELECT x::text, CAST(:a AS text)", "SELECT x::text, CAST($1 AS text)", ("a",)),
        (r"SELECT to_char(now(), 'HH24\:MI')", "SELECT to_char(now(), 'HH24:MI')", ()),
        ("SELECT a[1\\:2]", "SELECT a[1:2]", ()),
        ("WHERE (:low,:high)", "WHERE ($1,$2)", ("low", "high")),
    ],
)
def test_a_name_after_a_colon_is_a_parameter(
    written: str, sql: str, names: tuple[str, ...]
) -> None:
    assert numbered(written) == (sql, names)


@given(st.lists(NAMES, min_size=1, max_size=12))
def test_each_number_stands_for_the_name_in_its_place(asked: list[str]) -> None:
    sql, names = numbered(" ".join(f":{name}" for name in asked))
    assert [names[int(number[1:]) - 1] for number in sql.split()] == asked
    assert len(set(names)) == len(names)


def test_a_row_is_a_tuple_whose_columns_are_attributes() -> None:
    row = row_type(("nominal_id", "amount"))._make([7, 3])
    number, amount = row
    assert (number, amount, row.nominal_id, row.amount, row[1]) == (7, 3, 7, 3, 3)
    assert isinstance(row, Row)
    assert row._asdict() == {"nominal_id": 7, "amount": 3}


def test_columns_that_cannot_be_attributes_are_there_by_their_place() -> None:
    row = row_type(("?column?", "class", "twice", "twice"))._make("abcd")
    assert (row[0], row[1], row.twice, row[3]) == ("a", "b", "c", "d")


def test_rows_of_the_same_columns_are_of_one_type() -> None:
    assert row_type(("a", "b")) is row_type(("a", "b"))
    assert row_type(("a", "b")) is not row_type(("b", "a"))
