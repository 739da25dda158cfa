"""Submissions: their kinds, their states, by when each is assessed."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from athena.platform.kernel.clocks.models import Due
from athena.platform.kernel.clocks.service import hours_later, working_days_later
from athena.platform.kernel.identity import TenantId

CONCERN_HOURS = 24
"""How long a concern for somebody may wait to be assessed: the consortium's own choice."""

ADDRESS_WORKING_DAYS = 5
"""How long a change of address may wait, from the day after: the consortium's own choice."""

KEPT_DAYS = 90
"""How long the words are kept after the decision; the store holds the same number."""


class SubmissionKind(enum.StrEnum):
    """What a partner can submit."""

    ADDRESS_CHANGE = "address_change"
    SAFEGUARDING_CONCERN = "safeguarding_concern"


class SubmissionState(enum.StrEnum):
    """A submission is received, taken on by somebody, and accepted or declined."""

    RECEIVED = "received"
    BEING_ASSESSED = "being_assessed"
    ACCEPTED = "accepted"
    DECLINED = "declined"


STILL_OPEN = (SubmissionState.RECEIVED, SubmissionState.BEING_ASSESSED)


class DeclinedBecause(enum.StrEnum):
    """Why a submission was declined, as the partner is told: nothing of what the force holds."""

    DUPLICATE = "duplicate"
    FOR_ANOTHER_FORCE = "for_another_force"
    NOT_ENOUGH_DETAIL = "not_enough_detail"
    NOT_FOR_POLICE = "not_for_police"


def due(kind: SubmissionKind, received_at: datetime) -> Due:
    """Return by when a submission of a moment must be assessed."""
    if kind is SubmissionKind.SAFEGUARDING_CONCERN:
        return hours_later(received_at, CONCERN_HOURS)
    return working_days_later(received_at, ADDRESS_WORKING_DAYS)


@dataclass(frozen=True, slots=True)
class Status:
    """What a partner is told of its submission."""

    submission_id: UUID
    force: str
    kind: SubmissionKind
    state: SubmissionState
    received_at: datetime
    changed_at: datetime
    declined_because: DeclinedBecause | None


@dataclass(frozen=True, slots=True)
class Submitted:
    """A submission that came under an idempotency key, and the digest of who sent what."""

    status: Status
    request_digest: bytes


@dataclass(frozen=True, slots=True)
class Submission:
    """A submission as its force sees it in the queue, without the words."""

    status: Status
    owner: TenantId
    partner: str
    agreement_id: UUID
    purpose: str
    submitted_by: str
    submitted_role: str
    due_at: datetime
    assessed_by: UUID | None
