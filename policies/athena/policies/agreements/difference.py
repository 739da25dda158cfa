"""The difference between two versions of an agreement, in lines that anyone can read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

_NOT_TERMS = frozenset({"id", "version"})


class Change(BaseModel):
    """One field that differs; what one of the versions doesn't have is empty."""

    model_config = ConfigDict(frozen=True)

    field: str
    before: str
    after: str

    def sentence(self) -> str:
        """Return the change as a line of text."""
        if not self.before:
            return f"{self.field}: added {self.after}"
        if not self.after:
            return f"{self.field}: removed {self.before}"
        return f"{self.field}: {self.before} → {self.after}"


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Return what changes from one document to another, by field; nothing when they are equal.

    Of a list only what comes or goes is told, one line each: the order in it means nothing.
    """
    return list(_changes("", before, after))


def _changes(place: str, before: Any, after: Any) -> Iterator[Change]:
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in sorted({*before, *after}):
            if place or name not in _NOT_TERMS:
                field = f"{place}, {_words(name)}" if place else _words(name)
                yield from _changes(field, before.get(name), after.get(name))
    elif isinstance(before, list) and isinstance(after, list):
        yield from (
            Change(field=place, before=_text(x), after="") for x in before if x not in after
        )
        yield from (
            Change(field=place, before="", after=_text(x)) for x in after if x not in before
        )
    else:
        yield Change(field=place, before=_text(before), after=_text(after))


def _words(name: str) -> str:
    return name.replace("_", " ")


def _text(value: Any) -> str:
    """Return a value as people read it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        parts = ((name, _text(part)) for name, part in value.items())
        return ", ".join(f"{_words(name)} {text}" for name, text in parts if text)
    if isinstance(value, list):
        return " ".join(_text(item) for item in value)
    return str(value)
