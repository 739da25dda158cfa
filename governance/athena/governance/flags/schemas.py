"""Features as people and programs see them."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field


class ForceFeature(BaseModel):
    """What a force has, since when and by which release."""

    force: str
    on: bool
    release: str | None = Field(description="Nothing where no release has governed it yet")
    since: datetime | None


class FeatureView(BaseModel):
    """A feature, and who has it."""

    name: str
    title: str
    what: str
    default: bool = Field(description="What holds before any release governs it")
    forces: list[ForceFeature]
