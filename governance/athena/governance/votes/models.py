"""A vote as it is stored: the question, what it is under, and how it stands."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from athena.governance.bodies.constitution import DecisionClass
from athena.governance.votes.outcome import Seat


class VoteStatus(enum.StrEnum):
    """Where a vote is."""

    OPEN = "open"
    CLOSED = "closed"
    CANCELLED = "cancelled"


SubjectKind = Literal["change", "catalogue", "constitution", "other"]


@dataclass(frozen=True, slots=True)
class Matter:
    """What is voted on; a change by its version and digest, so that it is that and no other."""

    kind: SubjectKind
    reference: str
    decision: DecisionClass
    cost_pence: int
    subject_id: UUID | None = None
    version: int | None = None
    digest: bytes | None = None


@dataclass(frozen=True, slots=True)
class Vote:
    """A question to a body."""

    vote_id: UUID
    body_id: UUID
    body: str
    constitution_version: int
    matter: Matter
    question: str
    seats: Sequence[Seat]
    opened_at: datetime
    closes_at: datetime
    opened_by: str
    status: VoteStatus = VoteStatus.OPEN
    ended_at: datetime | None = None
    minute: Mapping[str, Any] | None = None
    minute_digest: bytes | None = None
