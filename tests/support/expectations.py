"""The hand-written table of what each officer sees, and labels to try it with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from athena.platform.kernel.identity import FieldGroup

TABLE = Path(__file__).parents[1] / "policy" / "expectations.csv"
ALL = frozenset(FieldGroup)

LABELS: dict[str, dict[str, Any]] = {
    "plain": {},
    "victim": {"roles": ["victim"]},
    "mixed": {"roles": ["suspect", "victim"]},
    "sensitive-marking": {"marking": "OFFICIAL-SENSITIVE"},
    "code-c": {"handling": "C"},
    "restricted": {"restricted": True},
    "sensitive": {"sensitive": True},
    "s2": {"handling": "C", "conditions": ["S2"]},
}


@dataclass(frozen=True)
class Cell:
    """One line of the table."""

    requester: str
    owner: str
    label: str
    purpose: str
    level: str
    groups: frozenset[FieldGroup]

    def __str__(self) -> str:
        return f"{self.requester}-{self.owner}-{self.label}-{self.purpose}"


def read_table() -> list[Cell]:
    """Return every line of the table."""
    lines = [line for line in TABLE.read_text().splitlines() if not line.startswith("#")]
    cells = []
    for line in lines:
        requester, owner, label, purpose, level, groups = line.split(",")
        cells.append(Cell(requester, owner, label, purpose, level, _groups(groups)))
    return cells


def _groups(text: str) -> frozenset[FieldGroup]:
    if text == "all":
        return ALL
    if text == "all-but-assessments":
        return ALL - {FieldGroup.ASSESSMENTS}
    return frozenset(FieldGroup(word) for word in text.split())
