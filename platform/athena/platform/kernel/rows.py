"""How statements go to the store and rows come back: named parameters, columns, documents."""

from __future__ import annotations

import json
import re
from collections import namedtuple
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, cast

import asyncpg

_PARAMETER = re.compile(r"(?<![:\w\\]):(\w+)(?!:)")
"""A name after a colon; a cast has two, and a colon that is meant has a backslash before it."""


class Row(tuple[Any, ...]):
    """A row of an answer: a tuple whose columns are attributes too."""

    __slots__ = ()

    if TYPE_CHECKING:

        def __getattr__(self, column: str) -> Any: ...

        @classmethod
        def _make(cls, values: Iterable[Any]) -> Row: ...

        def _asdict(self) -> dict[str, Any]: ...


@cache
def row_type(columns: tuple[str, ...]) -> type[Row]:
    """Return the type of rows with some columns; one whose name can't be an attribute has none."""
    named = namedtuple("Row", columns, rename=True)  # type: ignore[misc] # known at run time
    return cast("type[Row]", type("Row", (named, Row), {"__slots__": ()}))


@lru_cache(maxsize=2048)
def numbered(statement: str) -> tuple[str, tuple[str, ...]]:
    """Return a statement as the store takes it, and which named parameter each number is."""
    numbers: dict[str, int] = {}
    sql = _PARAMETER.sub(
        lambda found: f"${numbers.setdefault(found[1], len(numbers) + 1)}", statement
    )
    return sql.replace("\\:", ":"), tuple(numbers)


async def speak_json(connection: asyncpg.Connection) -> None:
    """Have documents come as what they say; they go as text, since who sends one writes it."""
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda text: b"\x01" + text.encode(),  # the version of the format
        decoder=lambda document: json.loads(document[1:]),
    )
    await connection.set_type_codec(
        "json",
        schema="pg_catalog",
        format="binary",
        encoder=str.encode,
        decoder=json.loads,
    )
