"""How two persons are compared, field by field: every comparison there is."""

from __future__ import annotations

from rapidfuzz.distance import DamerauLevenshtein

from athena.sharing.linking.compare_names import GIVEN, MIDDLE, SURNAME
from athena.sharing.linking.compare_places import (
    AREA,
    FURTHER,
    POSTCODE,
    PREMISES,
    STREET,
    TOWN,
    plainly,
)
from athena.sharing.linking.levels import DIFFERS, Comparison, Level, absent_sql
from athena.sharing.linking.persons import REGISTERS, Person


def _born(left: Person, right: Person) -> int | None:
    one, other = left.born, right.born
    if not one or not other:
        return None
    if one == other:
        return 0
    if len(one) != len(other):
        return 3 if one.startswith(other) or other.startswith(one) else 6
    if DamerauLevenshtein.distance(one, other) <= 1:
        return 1
    if one[:4] == other[:4] and one[4:6] == other[6:8] and one[6:8] == other[4:6]:
        return 2
    if one[4:] == other[4:] and len(one) > 4:
        return 4
    if one[:6] == other[:6] or DamerauLevenshtein.distance(one, other) <= 2:
        return 5
    return 6


BORN = Comparison(
    "born",
    "person",
    absent_sql("born"),
    (
        Level("same", "the same", "born_l = born_r"),
        Level(
            "slip",
            "one digit apart",
            "length(born_l) = length(born_r) AND damerau_levenshtein(born_l, born_r) <= 1",
        ),
        Level(
            "day_and_month",
            "day and month swapped",
            "length(born_l) = 8 AND length(born_r) = 8 "
            "AND substr(born_l, 1, 4) = substr(born_r, 1, 4) "
            "AND substr(born_l, 5, 2) = substr(born_r, 7, 2) "
            "AND substr(born_l, 7, 2) = substr(born_r, 5, 2)",
        ),
        Level(
            "partial",
            "the same as far as it is known",
            "length(born_l) <> length(born_r) "
            "AND (starts_with(born_l, born_r) OR starts_with(born_r, born_l))",
        ),
        Level(
            "birthday",
            "the same day of another year",
            "length(born_l) = length(born_r) AND length(born_l) > 4 "
            "AND substr(born_l, 5) = substr(born_r, 5)",
        ),
        Level(
            "close",
            "the same month, or two digits apart",
            "length(born_l) = length(born_r) AND (substr(born_l, 1, 6) = substr(born_r, 1, 6) "
            "OR damerau_levenshtein(born_l, born_r) <= 2)",
        ),
        DIFFERS,
    ),
    _born,
)


SEX = Comparison(
    "sex",
    "person",
    absent_sql("sex"),
    (Level("same", "the same", "sex_l = sex_r"), DIFFERS),
    plainly("sex"),
)


def _telephone(left: str, right: str) -> int | None:
    if not left or not right:
        return None
    return 0 if left == right else 1


TELEPHONE = Comparison(
    "telephone",
    "telephone",
    absent_sql("telephone"),
    (Level("same", "the same", "telephone_l = telephone_r"), DIFFERS),
    _telephone,
)


def _number(left: Person, right: Person) -> int | None:
    shared = left.numbers.keys() & right.numbers.keys()
    if not shared:
        return None
    return 0 if any(left.numbers[kind] == right.numbers[kind] for kind in shared) else 1


NUMBER = Comparison(
    "number",
    "person",
    " AND ".join(f"({absent_sql(kind.value)})" for kind in REGISTERS),
    (
        Level(
            "same",
            "a number of a national register in common",
            " OR ".join(f"{kind.value}_l = {kind.value}_r" for kind in REGISTERS),
        ),
        Level("differs", "different numbers of the same register", "ELSE"),
    ),
    _number,
)

COMPARISONS = {
    comparison.field: comparison
    for comparison in (
        GIVEN,
        MIDDLE,
        SURNAME,
        BORN,
        SEX,
        PREMISES,
        STREET,
        FURTHER,
        TOWN,
        AREA,
        POSTCODE,
        TELEPHONE,
        NUMBER,
    )
}
NAME_FIELDS = tuple(field for field, item in COMPARISONS.items() if item.part == "name")
PLACE_FIELDS = tuple(field for field, item in COMPARISONS.items() if item.part == "place")
