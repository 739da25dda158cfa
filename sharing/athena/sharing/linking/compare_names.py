"""How names are compared: given names, further ones, surnames, and each with the other."""

from __future__ import annotations

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
from athena.sharing.linking.persons import Name


def _given(left: Name, right: Name) -> int | None:
    one, other = left.given, right.given
    if not one or not other:
        return None
    if one == other:
        return 0
    if is_near(one, other):
        return 1
    if f"|{other}|" in left.forms:
        return 2
    if one == right.surname or other == left.surname:
        return 3
    if other in left.middle.split() or one in right.middle.split():
        return 4
    if one.startswith(other) or other.startswith(one):
        return 5
    return 6 if is_alike(one, other) else 7


GIVEN = Comparison(
    "given",
    "name",
    absent_sql("given"),
    (
        Level("same", "the same", "given_l = given_r"),
        Level("near", "a slip apart", near_sql("given")),
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
        Level("alike", "alike", alike_sql("given")),
        DIFFERS,
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
    if is_near(one, other):
        return 1
    return 2 if one.startswith(other) or other.startswith(one) else 3


MIDDLE = Comparison(
    "middle",
    "name",
    absent_sql("middle"),
    (
        Level("same", "the same", "middle_l = middle_r"),
        Level("near", "a slip apart", near_sql("middle")),
        Level(
            "beginning",
            "the beginning of the other",
            "starts_with(middle_l, middle_r) OR starts_with(middle_r, middle_l)",
        ),
        DIFFERS,
    ),
    _middle,
)


def _surname(left: Name, right: Name) -> int | None:
    one, other = left.surname, right.surname
    if not one or not other:
        return None
    if one == other:
        return 0
    if is_near(one, other):
        return 1
    if one == right.given or other == left.given:
        return 2
    if len(one) > 3 < len(other) and (
        one.startswith(other) or other.startswith(one) or one.endswith(other) or other.endswith(one)
    ):
        return 3
    return 4 if is_alike(one, other) else 5


SURNAME = Comparison(
    "surname",
    "name",
    absent_sql("surname"),
    (
        Level("same", "the same", "surname_l = surname_r"),
        Level("near", "a slip apart", near_sql("surname")),
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
        Level("alike", "alike", alike_sql("surname")),
        DIFFERS,
    ),
    _surname,
    "surname",
)
