"""Why a hit stands where it does, field by field."""

from __future__ import annotations

from typing import NamedTuple


class FieldMatch(NamedTuple):
    """Why one field counts as it does: what was typed, what is recorded, how they meet."""

    field: str
    typed: str
    matched: str
    how: str
    weight: float
