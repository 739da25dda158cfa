"""Merges as the API tells them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from athena.records.merging.models import Change, Place
from athena.records.nominals.schemas import Draft


class NewMerge(Draft):
    """Which nominal shall stand for which duplicate, and the versions they were read at."""

    merged_id: UUID
    version: int = Field(ge=1)
    merged_version: int = Field(ge=1)


class Merged(BaseModel):
    """A merge, and the survivor's version after it."""

    merge_id: UUID
    survivor_id: UUID
    merged_id: UUID
    version: int


class Conflict(BaseModel):
    """A change since the merge that a person must place before it is undone."""

    key: str
    change: Change
    section: str
    value: Any
    choices: list[Place]


class Undoing(BaseModel):
    """What undoing a merge would ask."""

    merge_id: UUID
    survivor_id: UUID
    merged_id: UUID
    version: int = Field(description="The survivor's version that the questions are about")
    conflicts: list[Conflict]


class Undo(Draft):
    """Where each conflict's change goes, at the survivor's version that was read."""

    version: int = Field(ge=1)
    placed: Mapping[str, Place] = {}


class Undone(BaseModel):
    """Both nominals' versions after a merge was undone."""

    survivor_version: int
    merged_version: int
