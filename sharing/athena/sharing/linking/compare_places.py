"""How addresses are compared, line by line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rapidfuzz.distance import DamerauLevenshtein

from athena.sharing.linking.levels import (
    DIFFERS,
    Comparison,
    Level,
    absent_sql,
    alike_sql,
    is_alike,
    is_near,
    near_sql,
)
from athena.sharing.linking.persons import Place


def plainly(field: str) -> Callable[[Any, Any], int | None]:
    """Return what grades a field that is the same or differs."""

    def grade(left: Any, right: Any) -> int | None:
        one, other = getattr(left, field), getattr(right, field)
        if not one or not other:
            return None
        return 0 if one == other else 1

    return grade


def _spelt(field: str) -> Callable[[Any, Any], int | None]:
    def grade(left: Any, right: Any) -> int | None:
        one, other = getattr(left, field), getattr(right, field)
        if not one or not other:
            return None
        if one == other:
            return 0
        if is_near(one, other):
            return 1
        return 2 if is_alike(one, other) else 3

    return grade


def _spelt_levels(field: str) -> tuple[Level, ...]:
    return (
        Level("same", "the same", f"{field}_l = {field}_r"),
        Level("near", "a slip apart", near_sql(field)),
        Level("alike", "alike", alike_sql(field)),
        DIFFERS,
    )


def _either_line(field: str, line: str) -> Callable[[Any, Any], int | None]:
    spelt = _spelt(field)

    def grade(left: Place, right: Place) -> int | None:
        one, other = getattr(left, field), getattr(right, field)
        if not one or not other:
            return None
        if one != other and (one == getattr(right, line) or other == getattr(left, line)):
            return 4
        return spelt(left, right)

    return grade


def _either_line_levels(field: str, line: str) -> tuple[Level, ...]:
    same, near, alike, differs = _spelt_levels(field)
    swapped = f"{field}_l = {line}_r OR {field}_r = {line}_l"
    guard = f"NOT coalesce({swapped}, false)"
    return (
        same,
        Level(near.key, near.says, f"{guard} AND {near.sql}"),
        Level(alike.key, alike.says, f"{guard} AND {alike.sql}"),
        Level(differs.key, differs.says, guard),
        Level("swapped", "the lines are swapped", "ELSE"),
    )


PREMISES = Comparison(
    "premises", "place", absent_sql("premises"), _spelt_levels("premises"), _spelt("premises")
)
STREET = Comparison(
    "street",
    "place",
    absent_sql("street"),
    _either_line_levels("street", "further"),
    _either_line("street", "further"),
    "street",
)
FURTHER = Comparison(
    "further",
    "place",
    absent_sql("further"),
    _either_line_levels("further", "street"),
    _either_line("further", "street"),
    "further",
)
TOWN = Comparison(
    "town", "place", absent_sql("town"), _spelt_levels("town"), _spelt("town"), "town"
)
AREA = Comparison(
    "area",
    "place",
    absent_sql("area"),
    (Level("same", "the same", "area_l = area_r"), DIFFERS),
    plainly("area"),
)


def _postcode(left: Place, right: Place) -> int | None:
    one, other = left.postcode, right.postcode
    if not one or not other:
        return None
    if one == other:
        return 0
    return 1 if DamerauLevenshtein.distance(one, other) <= 1 else 2


POSTCODE = Comparison(
    "postcode",
    "place",
    absent_sql("postcode"),
    (
        Level("same", "the same", "postcode_l = postcode_r"),
        Level("near", "a slip apart", "damerau_levenshtein(postcode_l, postcode_r) <= 1"),
        DIFFERS,
    ),
    _postcode,
)
