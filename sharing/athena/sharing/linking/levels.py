"""What a comparison is: a field with its levels, each stated in SQL and in Python alike.

A level is stated twice, in SQL for training (Splink on DuckDB) and in Python for scoring; a test
proves that both say the same. The first level that holds counts; none is the last, "differs".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from rapidfuzz.distance import DamerauLevenshtein, JaroWinkler

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


def is_near(left: str, right: str) -> bool:
    """Whether two texts are a slip apart."""
    return (
        DamerauLevenshtein.distance(left, right) <= 1 or JaroWinkler.similarity(left, right) >= 0.92
    )


def near_sql(column: str) -> str:
    """Return `is_near` in SQL."""
    return (
        f"(damerau_levenshtein({column}_l, {column}_r) <= 1 "
        f"OR jaro_winkler_similarity({column}_l, {column}_r) >= 0.92)"
    )


def is_alike(left: str, right: str) -> bool:
    """Whether two texts are alike, no more."""
    return JaroWinkler.similarity(left, right) >= 0.8


def alike_sql(column: str) -> str:
    """Return `is_alike` in SQL."""
    return f"jaro_winkler_similarity({column}_l, {column}_r) >= 0.8"


def absent_sql(column: str) -> str:
    """Return the condition that a column of either record is unknown."""
    return f"{column}_l IS NULL OR {column}_r IS NULL"


DIFFERS = Level("differs", "differs", "ELSE")
