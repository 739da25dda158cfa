"""What the acts of registering partners take, and what they answer."""

from __future__ import annotations

from datetime import datetime, time
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    Field,
    WithJsonSchema,
    model_validator,
)

from athena.platform.kernel.identity import Clearance
from athena.platform.kernel.permits import Act, line_of_text
from athena.policies.agreements.document import Reference
from athena.sharing.ppss.limits.models import Cause

Line = Annotated[str, line_of_text(200)]
ContactKind = Literal["data_protection", "operations", "technical"]
MOST_CALLS = 1_000_000


def _without_zone(value: time) -> time:
    if value.tzinfo is not None:
        raise ValueError("Write a time of day in London, without a zone, such as 08:00.")
    return value


TimeOfDay = Annotated[
    time,
    AfterValidator(_without_zone),
    # OpenAPI's own format of times (RFC 3339) asks for the zone that these don't have.
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?$",
            "examples": ["08:00"],
        }
    ),
]
"""A time of day in London."""


class PartnerContact(BaseModel):
    """Whom at a partner to turn to: a unit, never a person."""

    kind: ContactKind
    unit: Line
    email: Annotated[str, Field(pattern=r"^[^@\s]{1,64}@[^@\s]{1,180}$")]
    telephone: Annotated[str, Field(pattern=r"^\+?[0-9 ]{3,20}$")]


class Registration(Act):
    """A partner tenant to let use the partner interface."""

    partner: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,40}$", examples=["a-shelter"])]
    clearance: Clearance = Field(
        default=Clearance.OFFICIAL, description="The highest marking that its users may see"
    )
    sandbox: bool = Field(
        default=False, description="Answered from made-up people alone; it never changes"
    )
    opens: TimeOfDay = Field(
        default=time(8), description="When it asks as a rule, Monday to Friday"
    )
    closes: TimeOfDay = time(18)
    contacts: tuple[PartnerContact, ...] = Field(min_length=1, max_length=3)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.closes <= self.opens:
            raise ValueError("the hours end after they begin")
        if len({contact.kind for contact in self.contacts}) < len(self.contacts):
            raise ValueError("there is one contact of each kind")
        return self


class NewKey(Act):
    """A public key to register beside those that hold already."""

    public_key: str = Field(max_length=500, description="Ed25519, in PEM")
    valid_from: AwareDatetime | None = None
    valid_to: AwareDatetime | None = None


class KeyEnd(Act):
    """When a key that is being replaced stops counting: the overlap with its successor."""

    valid_to: AwareDatetime


class NewAgreement(Act):
    """An agreement to which the partner is a party, and how often it may ask under it."""

    agreement: Reference
    hourly_cap: int | None = Field(
        default=None, ge=1, le=MOST_CALLS, description="At most the agreement's own, as without it"
    )
    daily_cap: int = Field(default=500, ge=1, le=MOST_CALLS)


class KeyView(BaseModel):
    """A registered key."""

    key_id: str
    valid_from: datetime
    valid_to: datetime | None
    revoked_at: datetime | None
    revoked_reason: str | None


class AgreementView(BaseModel):
    """Under which agreement a partner may ask, and how often."""

    agreement: str
    hourly_cap: int
    daily_cap: int
    ended: bool
    stopped_for: Cause | None


class PartnerView(BaseModel):
    """A registered partner."""

    partner: str
    name: str
    status: str
    clearance: Clearance
    sandbox: bool
    opens: TimeOfDay
    closes: TimeOfDay
    contacts: list[PartnerContact]
    keys: list[KeyView]
    agreements: list[AgreementView]


class ReviewView(BaseModel):
    """A stop of a partner's calls under an agreement, and how it ended."""

    review_id: UUID
    partner: str
    agreement: str
    cause: Cause
    flagged_at: datetime
    lifted_at: datetime | None
    lifted_by: str | None
    lifted_reason: str | None
