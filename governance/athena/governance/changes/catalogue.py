"""The catalogue of standard changes: what was authorised once for every time it is done."""

from __future__ import annotations

import enum

from pydantic import BaseModel, ConfigDict

from athena.governance.bodies.constitution import Pence
from athena.governance.changes.document import Line, Slug, Text
from athena.platform.kernel.permits import Act


class CatalogueStatus(enum.StrEnum):
    """Where an entry is in its life; only an approved one authorises anything."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    RETIRED = "retired"


class CatalogueEntry(BaseModel):
    """A standard change: how it is always done, and up to what cost."""

    model_config = ConfigDict(frozen=True)

    slug: str
    title: str
    procedure: str
    largest_pence: int
    status: CatalogueStatus


class NewEntry(Act):
    """An entry to propose; a body approves it by a vote."""

    slug: Slug
    title: Line
    procedure: Text
    largest_pence: Pence = 0
