"""How the oracle reads a question that may be broken: what isn't of its kind isn't there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

Part = Mapping[str, Any]
"""A question, or a part of one, as it is before anybody has looked whether it is whole."""


def within(value: str | None, ceiling: str | None, order: tuple[str, ...]) -> bool:
    """Tell whether a value is at most its ceiling; neither may be unknown."""
    return ceiling in order and value in order[: order.index(ceiling) + 1]


def in_order(earlier: date | None, later: date | None) -> bool:
    """Tell whether two days are both known and in order; the same day is."""
    return earlier is not None and later is not None and earlier <= later


def day(value: object) -> date | None:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def value(whole: Part, name: str) -> str | None:
    """Return a text, or nothing where there is none."""
    value = whole.get(name)
    return value if isinstance(value, str) else None


def texts(whole: Part, name: str) -> frozenset[str]:
    """Return the texts of a list, or none where there is no list."""
    return frozenset(value for value in _list(whole, name) if isinstance(value, str))


def part(whole: Part, name: str) -> Part:
    """Return a part with parts of its own, or an empty one where there is none."""
    value = whole.get(name)
    return value if isinstance(value, Mapping) else {}


def parts(whole: Part, name: str) -> Iterator[Part]:
    """Yield what a list holds; what isn't a part with parts of its own is an empty one."""
    for value in _list(whole, name):
        yield value if isinstance(value, Mapping) else {}


def is_list_of_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _list(whole: Part, name: str) -> Iterable[object]:
    value = whole.get(name)
    return value if isinstance(value, list) else ()
