"""Drafts and their bounds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

MOST_BYTES = 256 * 1024
"""The largest document that a draft may hold, as JSON in UTF-8."""

MOST_DRAFTS = 50
"""The most drafts that a member may have at a time."""


@dataclass(frozen=True, slots=True)
class DraftHead:
    """What a list says of a draft."""

    draft_id: UUID
    record_type: str
    version: int
    saved_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SavedDraft(DraftHead):
    """A draft with its document, which holds personal data and is never logged."""

    document: Mapping[str, Any] = field(repr=False)
