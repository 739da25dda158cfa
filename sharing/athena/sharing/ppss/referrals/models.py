"""Referrals: their states, who may move them, and by when a partner answers."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from athena.platform.kernel.clocks.models import Due
from athena.platform.kernel.clocks.service import working_days_later
from athena.platform.kernel.identity import NominalId, TenantId

WORKING_DAYS = 2
"""How long a partner may take to answer, from the day after: the consortium's own choice."""


FURTHER_WORKING_DAYS = 1
"""How much longer its force tries alone, before the client body is told that nobody answers."""


class ReferralState(enum.StrEnum):
    """A referral is sent, and then answered by the partner or withdrawn by the force."""

    SENT = "sent"
    MORE_ASKED = "more_asked"
    ACKNOWLEDGED = "acknowledged"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


class DeclinedBecause(enum.StrEnum):
    """Why a partner declines a referral."""

    ALREADY_KNOWN = "already_known"
    NOT_OUR_AREA = "not_our_area"
    BELOW_THRESHOLD = "below_threshold"
    CONSENT_REFUSED = "consent_refused"


class WithdrawnBecause(enum.StrEnum):
    """Why a force withdraws a referral, as the partner is told."""

    SENT_IN_ERROR = "sent_in_error"
    WRONG_PERSON = "wrong_person"
    NO_LONGER_NEEDED = "no_longer_needed"


def due(sent_at: datetime) -> Due:
    """Return by when a referral of a moment must be answered."""
    return working_days_later(sent_at, WORKING_DAYS)


def client_body_due(due_at: datetime) -> datetime:
    """Return when the client body is told of a referral that was to be answered by a moment."""
    # A due moment is the midnight that ends a day; the clock counts from that day, not the next.
    last_day = due_at - timedelta(microseconds=1)
    return working_days_later(last_day, FURTHER_WORKING_DAYS).at


@dataclass(frozen=True, slots=True)
class Terms:
    """What an agreement says of one kind of referral: its purpose, and which fields are sent."""

    purpose: str
    must: tuple[str, ...]
    may: tuple[str, ...]

    @classmethod
    def of(cls, document: Any) -> Terms:
        """Return the terms as an agreement's document has them."""
        return cls(document["purpose"], tuple(document["must"]), tuple(document.get("may", ())))


@dataclass(frozen=True, slots=True)
class Referral:
    """A referral as it stands, without the words."""

    referral_id: UUID
    owner: TenantId
    force: str
    partner: str
    agreement_id: UUID
    nominal_id: NominalId
    disclosure_id: UUID
    kind: str
    purpose: str
    sent_by: UUID
    sent_at: datetime
    due_at: datetime
    state: ReferralState
    changed_at: datetime
    answered_by: str | None
    declined_because: DeclinedBecause | None
    asked_for: tuple[str, ...]
    withdrawn_because: WithdrawnBecause | None
    escalated_at: datetime | None
    client_body_at: datetime | None
    fields: tuple[str, ...]
    """What of the person was sent, as in the ledger."""


@dataclass(frozen=True, slots=True)
class New:
    """A referral as it is stored first."""

    referral_id: UUID
    owner: TenantId
    partner: TenantId
    agreement_id: UUID
    nominal_id: NominalId
    disclosure_id: UUID
    officer_event: UUID
    kind: str
    purpose: str
    sent_by: UUID
    due: Due


@dataclass(frozen=True, slots=True)
class Late:
    """A referral that nobody has answered in time, and of which the client body isn't told."""

    owner: TenantId
    referral_id: UUID
    due_at: datetime
    is_escalated: bool


@dataclass(frozen=True, slots=True)
class Unanswered:
    """What the client body is told of a late referral: never of whom it is, nor by whom."""

    referral_id: UUID
    force: str
    partner: str
    agreement: str
    kind: str
    sent_at: datetime
    due_at: datetime
    told_at: datetime
    state: ReferralState
    contact_unit: str | None
    contact_email: str | None
    contact_telephone: str | None
