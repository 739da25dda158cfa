"""Short and familiar forms of given names: a table of our own, both ways."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

FORM_COST = 1.1
"""What it costs, in nats, that a short form is typed for the full name, or the reverse."""

SIBLING_COST = 2.0
"""The same for two short forms of one name, such as Bob and Rob."""


@cache
def _table() -> dict[str, dict[str, float]]:
    """Return, for each name, what each other form of it costs."""
    related: dict[str, dict[str, float]] = defaultdict(dict)
    text = (files("athena.sharing.search") / "nicknames.csv").read_text(encoding="utf-8")
    for full, *short in (line.split(",") for line in text.splitlines()):
        for name in short:
            related[full][name] = related[name][full] = FORM_COST
            for sibling in short:
                related[name].setdefault(sibling, SIBLING_COST)
    for name, others in related.items():
        others.pop(name, None)
    return dict(related)


def related_names(token: str) -> Mapping[str, float]:
    """Return the other forms of a name with what each costs: full, short, and of one full name."""
    return _table().get(token, {})
