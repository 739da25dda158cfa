"""A sharing agreement as a document: everything it must hold to be enforceable."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Hashable, Iterable
from datetime import date
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    StrictBool,
    StrictInt,
    model_serializer,
    model_validator,
)

from athena.platform.kernel.identity import FieldGroup, Level, Purpose
from athena.policies.decisions.reasons import Obligation

REFERENCE = r"^ATH-ISA-[0-9]{2,4}$"
"""How an agreement is named among people."""

Sentence = Annotated[str, Field(max_length=2000, pattern=r"^[^\x00-\x1f\x7f]+$")]
Reference = Annotated[str, Field(pattern=REFERENCE)]
Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,40}$")]
"""A tenant's short name, as the directory of tenants writes it."""

RecordClass = Literal["nominal", "investigation", "intelligence", "custody", "case"]
SubjectCategory = Literal["suspect", "convicted", "victim", "witness", "other"]
"""What a person is to a record (Data Protection Act 2018, s.38(3)), and other."""

AgreedObligation = Literal[
    Obligation.EXTRA_JUSTIFICATION, Obligation.NOTIFY_OWNER, Obligation.WATERMARK
]
"""What an agreement may oblige a recipient to for a purpose; the others come from elsewhere."""


class AgreementStatus(enum.StrEnum):
    """Where an agreement is in its life; only one in force allows anything."""

    DRAFT = "draft"
    OUT_FOR_SIGNATURE = "out_for_signature"
    IN_FORCE = "in_force"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    TERMINATED = "terminated"
    SUPERSEDED = "superseded"


class Part(BaseModel):
    """A piece of an agreement: immutable, with no field unknown to us."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Party(Part):
    """A tenant, and whether it owns what is shared or receives it; it may do both."""

    tenant: Slug
    role: Literal["owner", "recipient", "partner"]


class Terms(Part):
    """What one purpose may see: a level, and at the level full the groups that are listed."""

    level: Literal[Level.POINTER, Level.SUMMARY, Level.FULL]
    groups: tuple[FieldGroup, ...] = ()
    obligations: tuple[AgreedObligation, ...] = ()

    @model_validator(mode="after")
    def _groups_go_with_full(self) -> Self:
        if bool(self.groups) != (self.level is Level.FULL):
            raise ValueError("the level full lists at least one group, and no other lists any")
        _distinct("groups", self.groups)
        _distinct("obligations", self.obligations)
        return self


PersonField = Literal[
    "names",
    "sex",
    "gender",
    "date_of_birth",
    "date_of_death",
    "place_of_birth",
    FieldGroup.ADDRESSES,
    FieldGroup.ASSESSMENTS,
    FieldGroup.CONTACTS,
    FieldGroup.DESCRIPTIONS,
    FieldGroup.IDENTIFIERS,
    FieldGroup.INVOLVEMENTS,
    FieldGroup.MARKERS,
]
"""A field of a person as a partner is told it."""

ReferralKind = Annotated[str, Field(pattern=r"^[a-z][a-z_]{1,60}$")]
"""A kind of referral, as an agreement names it, such as ``victim_support``."""


class ReferralTerms(Part):
    """The minimum data set of one kind of referral: what must be sent of a person, what may."""

    purpose: Purpose
    must: tuple[PersonField, ...] = Field(min_length=1)
    may: tuple[PersonField, ...] = ()

    @property
    def sentence(self) -> str:
        """What is sent, in people's words."""
        purpose = self.purpose.value.replace("_", " ")
        lines = [f"For {purpose}. Must be sent: {_listed(self.must)}."]
        if self.may:
            lines.append(f"May be sent: {_listed(self.may)}.")
        return " ".join(lines)

    @model_validator(mode="after")
    def _each_field_once(self) -> Self:
        _distinct("fields of a referral", (*self.must, *self.may))
        if "names" not in self.must:
            raise ValueError("a referral says at least whom it is about: names must be sent")
        return self


def _listed(fields: Iterable[str]) -> str:
    return ", ".join(str(field).replace("_", " ") for field in fields)


class Signatory(Part):
    """Who signed for a party, by office, never by name."""

    tenant: Slug
    office: Sentence
    signed_on: date


class AgreementDocument(Part):
    """One version of a sharing agreement, as its parties sign it.

    What it must hold follows the police data-sharing practice under Part 3 of the Data Protection
    Act 2018: parties as joint controllers (s.58), lawful basis (s.35), purposes (s.36), review.
    """

    id: UUID
    reference: Reference
    version: StrictInt = Field(ge=1)
    title: Sentence
    parties: tuple[Party, ...] = Field(min_length=2)
    purposes: dict[Purpose, Terms] = Field(min_length=1)
    lawful_basis: Sentence
    legal_power: Sentence
    record_classes: tuple[RecordClass, ...] = Field(min_length=1)
    subject_categories: tuple[SubjectCategory, ...] = Field(min_length=1)
    marking_ceiling: Literal["OFFICIAL", "OFFICIAL-SENSITIVE"]
    handling_ceiling: Literal["P", "C"]
    sensitive_processing: StrictBool
    restricted_level: Literal["none", "pointer"]
    geography: Sentence
    rate_limit_per_hour: StrictInt = Field(ge=1, le=2_147_483_647)
    onward_sharing: StrictBool
    retention_days: StrictInt = Field(ge=1, le=2_147_483_647)
    valid_from: date
    valid_to: date
    review_due: date
    dpia_reference: Sentence
    dpia_expires: date
    referrals: dict[ReferralKind, ReferralTerms] = {}

    @model_serializer(mode="wrap")
    def _without_what_isnt_agreed(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out that there are no referrals: documents signed before them stay as signed."""
        document: dict[str, Any] = handler(self)
        if not self.referrals:
            document.pop("referrals", None)
        return document

    @model_validator(mode="after")
    def _dates_run_forward(self) -> Self:
        if self.valid_to < self.valid_from:
            raise ValueError("an agreement can't end before it begins")
        if self.review_due < self.valid_from:
            raise ValueError("a review can't be due before the agreement begins")
        return self

    @model_validator(mode="after")
    def _parties_fit(self) -> Self:
        owners = {party.tenant for party in self.parties if party.role == "owner"}
        receivers = {party.tenant for party in self.parties if party.role != "owner"}
        if not owners or not any(receivers - {owner} for owner in owners):
            raise ValueError("an agreement needs an owner and somebody else who receives")
        _distinct("parties", self.parties)
        return self

    @model_validator(mode="after")
    def _terms_fit(self) -> Self:
        if Purpose.DATA_QUALITY in self.purposes:
            raise ValueError("data quality is worked on in one's own records, so isn't shared")
        _distinct("record classes", self.record_classes)
        _distinct("subject categories", self.subject_categories)
        return self

    @model_validator(mode="after")
    def _referrals_fit(self) -> Self:
        for kind, referral in self.referrals.items():
            terms = self.purposes.get(referral.purpose)
            if terms is None or terms.level is Level.POINTER:
                raise ValueError(f"the referral {kind} needs a purpose that shows a record")
            sent = {field for field in (*referral.must, *referral.may) if field in set(FieldGroup)}
            if not sent <= set(terms.groups):
                raise ValueError(f"the referral {kind} sends groups that its purpose doesn't list")
        return self

    @property
    def tenants(self) -> tuple[str, ...]:
        """The parties' tenants, each once, in the alphabet's order."""
        return tuple(sorted({party.tenant for party in self.parties}))


class Agreement(AgreementDocument):
    """A version with where it is in its life: its status, and who signed.

    It may be unsigned, expired or overdue: then the policy uses it for nothing.
    """

    status: AgreementStatus
    signatories: tuple[Signatory, ...]
    suspended_reason: Sentence | None = None

    @model_validator(mode="after")
    def _signatories_fit(self) -> Self:
        signed = [signatory.tenant for signatory in self.signatories]
        _distinct("signatories", signed)
        if not set(signed) <= set(self.tenants):
            raise ValueError("only parties sign an agreement")
        return self

    @model_validator(mode="after")
    def _suspension_states_why(self) -> Self:
        if (self.status is AgreementStatus.SUSPENDED) != bool(self.suspended_reason):
            raise ValueError("a suspended agreement states why, and no other does")
        return self

    @property
    def document(self) -> AgreementDocument:
        """What the parties sign of it."""
        return AgreementDocument.model_validate(self.model_dump(exclude=set(LIFE_FIELDS)))


LIFE_FIELDS = ("status", "signatories", "suspended_reason")
"""What an `Agreement` has beyond its document: it changes with its life, so nobody signs it."""


def _distinct(what: str, values: Iterable[Hashable]) -> None:
    repeated = [value for value, times in Counter(values).items() if times > 1]
    if repeated:
        raise ValueError(f"the {what} are each listed once")
