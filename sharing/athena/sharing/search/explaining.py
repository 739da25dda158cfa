"""Why a hit stands where it does, field by field."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldMatch:
    """Why one field counts as it does: what was typed, what is recorded, how they meet."""

    field: str
    typed: str
    matched: str
    how: str
    weight: float
