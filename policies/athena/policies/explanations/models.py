"""Values of explaining: an archived decision, and where it was relied on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from athena.platform.kernel.identity import LabelId, TenantId


@dataclass(frozen=True, slots=True)
class Archived:
    """A decision as the archive keeps it."""

    decision_id: UUID
    decided_at: datetime
    input_digest: bytes
    bundle_revision: str
    question: Mapping[str, Any]
    decisions: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ReliedOn:
    """The newest event that relied on a decision."""

    at: datetime
    grant_set_id: UUID | None
    policy_revision: int | None


@dataclass(frozen=True, slots=True)
class LabelOf:
    """Who owns a nominal, and its label."""

    owner: TenantId
    label_id: LabelId
