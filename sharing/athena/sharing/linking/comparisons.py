"""How two persons are compared, field by field: each comparison is a list of levels.

A level is stated twice, in SQL for training (Splink on DuckDB) and in Python for scoring; a test
proves that both say the same. The first level that holds counts; none is the last, "differs".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler

from athena.sharing.linking.persons import REGISTERS, Name, Person, Place

Part = Literal["name", "place", "person", "telephone"]


@dataclass(frozen=True, slots=True)
class Level:
    """One degree of agreement: its key in the weights, what it says, and its condition in SQL."""

    key: str
    says: str
    sql: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """A field, when it can't be compared, and its levels, the closest first."""

    field: str
    part: Part
    absent: str
    levels: tuple[Level, ...]
    grade: Callable[[Any, Any], int | None]
    """The place of the level that holds between two parts; None where it can't be compared."""
    frequency: str = ""
    """The column whose frequency counts where it agrees exactly: a rare name says more."""


def _near(left: str, right: str) -> bool:
    return (
        DamerauLevenshtein.distance(left, right) <= 1 or JaroWinkler.similarity(left, right) >= 0.92
    )


def _near_sql(column: str) -> str:
    return (
        f"(damerau_levenshtein({column}_l, {column}_r) <= 1 "
        f"OR jaro_winkler_similarity({column}_l, {column}_r) >= 0.92)"
    )


def _alike(left: str, right: str) -> bool:
    return JaroWinkler.similarity(left, right) >= 0.8


def _alike_sql(column: str) -> str:
    return f"jaro_winkler_similarity({column}_l, {column}_r) >= 0.8"


def _absent(column: str) -> str:
    return f"{column}_l IS NULL OR {column}_r IS NULL"


_DIFFERS = Level("differs", "differs", "ELSE")


def _given(left: Name, right: Name) -> int | None:
    one, other = left.given, right.given
    if not one or not other:
        return None
    if one == other:
        return 0
    if _near(one, other):
        return 1
    if f"|{other}|" in left.forms:
        return 2
    if one == right.surname or other == left.surname:
        return 3
    if other in left.middle.split() or one in right.middle.split():
        return 4
    if one.startswith(other) or other.startswith(one):
        return 5
    return 6 if _alike(one, other) else 7


GIVEN = Comparison(
    "given",
    "name",
    _absent("given"),
    (
        Level("same", "the same", "given_l = given_r"),
        Level("near", "a slip apart", _near_sql("given")),
        Level("form", "another form of the name", "contains(forms_l, '|' || given_r || '|')"),
        Level(
            "swapped",
            "given name and surname swapped",
            "given_l = surname_r OR given_r = surname_l",
        ),
        Level(
            "middle",
            "the other's further given name",
            "list_contains(string_split(middle_l, ' '), given_r) "
            "OR list_contains(string_split(middle_r, ' '), given_l)",
        ),
        Level(
            "beginning",
            "the beginning of the other",
            "starts_with(given_l, given_r) OR starts_with(given_r, given_l)",
        ),
        Level("alike", "alike", _alike_sql("given")),
        _DIFFERS,
    ),
    _given,
    "given",
)


def _middle(left: Name, right: Name) -> int | None:
    one, other = left.middle, right.middle
    if not one or not other:
        return None
    if one == other:
        return 0
    if _near(one, other):
        return 1
    return 2 if one.startswith(other) or other.startswith(one) else 3


MIDDLE = Comparison(
    "middle",
    "name",
    _absent("middle"),
    (
        Level("same", "the same", "middle_l = middle_r"),
        Level("near", "a slip apart", _near_sql("middle")),
        Level(
            "beginning",
            "the beginning of the other",
            "starts_with(middle_l, middle_r) OR starts_with(middle_r, middle_l)",
        ),
        _DIFFERS,
    ),
    _middle,
)


def _surname(left: Name, right: Name) -> int | None:
    one, other = left.surname, right.surname
    if not one or not other:
        return None
    if one == other:
        return 0
    if _near(one, other):
        return 1
    if one == right.given or other == left.given:
        return 2
    if len(one) > 3 < len(other) and (
        one.startswith(other) or other.startswith(one) or one.endswith(other) or other.endswith(one)
    ):
        return 3
    return 4 if _alike(one, other) else 5


SURNAME = Comparison(
    "surname",
    "name",
    _absent("surname"),
    (
        Level("same", "the same", "surname_l = surname_r"),
        Level("near", "a slip apart", _near_sql("surname")),
        Level(
            "swapped",
            "given name and surname swapped",
            "surname_l = given_r OR surname_r = given_l",
        ),
        Level(
            "part",
            "a part of the other",
            "length(surname_l) > 3 AND length(surname_r) > 3 AND (starts_with(surname_l, "
            "surname_r) OR starts_with(surname_r, surname_l) OR ends_with(surname_l, surname_r) "
            "OR ends_with(surname_r, surname_l))",
        ),
        Level("alike", "alike", _alike_sql("surname")),
        _DIFFERS,
    ),
    _surname,
    "surname",
)


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
    _absent("born"),
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
        _DIFFERS,
    ),
    _born,
)


def _plainly(field: str) -> Callable[[Any, Any], int | None]:
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
        if _near(one, other):
            return 1
        return 2 if _alike(one, other) else 3

    return grade


def _spelt_levels(field: str) -> tuple[Level, ...]:
    return (
        Level("same", "the same", f"{field}_l = {field}_r"),
        Level("near", "a slip apart", _near_sql(field)),
        Level("alike", "alike", _alike_sql(field)),
        _DIFFERS,
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


SEX = Comparison(
    "sex",
    "person",
    _absent("sex"),
    (Level("same", "the same", "sex_l = sex_r"), _DIFFERS),
    _plainly("sex"),
)
PREMISES = Comparison(
    "premises", "place", _absent("premises"), _spelt_levels("premises"), _spelt("premises")
)
STREET = Comparison(
    "street",
    "place",
    _absent("street"),
    _either_line_levels("street", "further"),
    _either_line("street", "further"),
    "street",
)
FURTHER = Comparison(
    "further",
    "place",
    _absent("further"),
    _either_line_levels("further", "street"),
    _either_line("further", "street"),
    "further",
)
TOWN = Comparison("town", "place", _absent("town"), _spelt_levels("town"), _spelt("town"), "town")
AREA = Comparison(
    "area",
    "place",
    _absent("area"),
    (Level("same", "the same", "area_l = area_r"), _DIFFERS),
    _plainly("area"),
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
    _absent("postcode"),
    (
        Level("same", "the same", "postcode_l = postcode_r"),
        Level("near", "a slip apart", "damerau_levenshtein(postcode_l, postcode_r) <= 1"),
        _DIFFERS,
    ),
    _postcode,
)


def _telephone(left: str, right: str) -> int | None:
    if not left or not right:
        return None
    return 0 if left == right else 1


TELEPHONE = Comparison(
    "telephone",
    "telephone",
    _absent("telephone"),
    (Level("same", "the same", "telephone_l = telephone_r"), _DIFFERS),
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
    " AND ".join(f"({_absent(kind.value)})" for kind in REGISTERS),
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
