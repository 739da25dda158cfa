"""Whom an exception names."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Named:
    """A member or a team, by id, and the name that people know it by."""

    name: str
    member_id: UUID | None = None
    team_id: UUID | None = None
