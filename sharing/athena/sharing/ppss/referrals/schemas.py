"""What a referral takes, and how forces and partners read it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field, model_validator

from athena.platform.kernel.permits import Act, check_reason
from athena.policies.agreements.document import PersonField, Reference, ReferralKind, Slug
from athena.sharing.ppss.person_checks.schemas import Part, RecordDisclosed
from athena.sharing.ppss.referrals.models import (
    DeclinedBecause,
    Referral,
    ReferralState,
    Unanswered,
    WithdrawnBecause,
)

MOST_REFERRALS = 200


class ReferralDraft(Part):
    """Who is referred to whom, under which agreement, and what is sent beyond what must be."""

    nominal_id: UUID
    partner: Slug
    agreement: Reference
    kind: ReferralKind = Field(description="A kind of referral that the agreement names")
    also: tuple[PersonField, ...] = Field(
        default=(), description="Fields that the agreement lets be sent and doesn't demand"
    )
    reason: Annotated[str, AfterValidator(check_reason)]


class Preview(BaseModel):
    """Exactly what would be sent; its ids are made anew at the sending."""

    partner: str
    agreement: str
    kind: str
    purpose: str
    record: RecordDisclosed


class ReferralView(BaseModel):
    """A referral as it stands; times are UTC."""

    referral_id: UUID
    disclosure_id: UUID
    force: str
    partner: str
    kind: str
    purpose: str
    status: ReferralState
    fields: list[str] = Field(description="What of the person was sent")
    sent_at: datetime
    due_at: datetime = Field(description="By when the partner answers")
    changed_at: datetime
    is_overdue: bool
    escalated_at: datetime | None = Field(description="When it was put before supervisors")
    client_body_told_at: datetime | None = Field(description="When the client body was told")
    answered_by: str | None
    declined_because: DeclinedBecause | None
    asked_for: list[str]
    withdrawn_because: WithdrawnBecause | None

    @classmethod
    def of(cls, item: Referral) -> ReferralView:
        """Return the view of a referral."""
        return cls(
            referral_id=item.referral_id,
            disclosure_id=item.disclosure_id,
            force=item.force,
            partner=item.partner,
            kind=item.kind,
            purpose=item.purpose,
            status=item.state,
            fields=list(item.fields),
            sent_at=item.sent_at,
            due_at=item.due_at,
            changed_at=item.changed_at,
            is_overdue=item.state is ReferralState.SENT and item.due_at < datetime.now(UTC),
            escalated_at=item.escalated_at,
            client_body_told_at=item.client_body_at,
            answered_by=item.answered_by,
            declined_because=item.declined_because,
            asked_for=list(item.asked_for),
            withdrawn_because=item.withdrawn_because,
        )


class LateReferral(BaseModel):
    """A referral that its partner left unanswered, as the client body is told of it."""

    referral_id: UUID
    force: str
    partner: str
    agreement: str
    kind: str
    sent_at: datetime
    due_at: datetime
    told_at: datetime = Field(description="When the client body was told")
    status: ReferralState = Field(description="How it stands now")
    contact_unit: str | None = Field(description="Whom at the partner to turn to")
    contact_email: str | None
    contact_telephone: str | None

    @classmethod
    def of(cls, item: Unanswered) -> LateReferral:
        """Return the view of a late referral."""
        return cls(
            referral_id=item.referral_id,
            force=item.force,
            partner=item.partner,
            agreement=item.agreement,
            kind=item.kind,
            sent_at=item.sent_at,
            due_at=item.due_at,
            told_at=item.told_at,
            status=item.state,
            contact_unit=item.contact_unit,
            contact_email=item.contact_email,
            contact_telephone=item.contact_telephone,
        )


class OpenedReferral(BaseModel):
    """A referral with what was sent of the person."""

    referral: ReferralView
    record: RecordDisclosed | None = Field(
        description="null once it is withdrawn or erased, or may not be told any more"
    )


class ReferralAnswer(Part):
    """What the partner says: it takes the referral on, declines it, or asks for more."""

    status: ReferralState
    because: DeclinedBecause | None = Field(default=None, description="Why it is declined")
    ask_for: tuple[PersonField, ...] = Field(default=(), description="What else is needed")

    @model_validator(mode="after")
    def _says_what_it_must(self) -> Self:
        if self.status not in (
            ReferralState.ACKNOWLEDGED,
            ReferralState.DECLINED,
            ReferralState.MORE_ASKED,
        ):
            raise ValueError("Answer acknowledged, declined or more_asked.")
        if (self.status is ReferralState.DECLINED) != (self.because is not None):
            raise ValueError("Say because of what you decline, and only then.")
        if (self.status is ReferralState.MORE_ASKED) != bool(self.ask_for):
            raise ValueError("Say in ask_for what else you need, and only then.")
        return self


class Withdrawal(Act):
    """Why a referral is withdrawn: ``because`` is told to the partner, ``reason`` is logged."""

    because: WithdrawnBecause
