"""Short and familiar forms of given names: a table of our own, both ways."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from importlib.resources import files


@cache
def _table() -> dict[str, frozenset[str]]:
    related: dict[str, set[str]] = defaultdict(set)
    text = (files("athena.sharing.search") / "nicknames.csv").read_text(encoding="utf-8")
    for line in text.splitlines():
        full, *short = line.split(",")
        for name in short:
            related[full].add(name)
            related[name].add(full)
    return {name: frozenset(others) for name, others in related.items()}


def related_names(token: str) -> frozenset[str]:
    """Return the full names of a short form and the short forms of a full name."""
    return _table().get(token, frozenset())
