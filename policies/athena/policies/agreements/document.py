"""A sharing agreement as a document: everything it must hold to be enforceable."""

from __future__ import annotations

import enum
from datetime import date
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from athena.platform.kernel.identity import FieldGroup, Level, Purpose

Sentence = Annotated[str, Field(min_length=1, max_length=2000)]


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

    tenant: str
    role: Literal["owner", "recipient", "partner"]


class Terms(Part):
    """What one purpose may see: a level, and at the level full the groups that are listed."""

    level: Level
    groups: tuple[FieldGroup, ...] = ()

    @model_validator(mode="after")
    def _groups_need_full(self) -> Self:
        if self.groups and self.level is not Level.FULL:
            raise ValueError("only the level full lists groups")
        return self


class Signatory(Part):
    """Who signed for a party, by office, never by name."""

    tenant: str
    office: Sentence
    signed_on: date


class Agreement(Part):
    """One version of a sharing agreement.

    What it must hold follows the police data-sharing practice under Part 3 of the Data Protection
    Act 2018: parties as joint controllers (s.58), lawful basis (s.35), purposes (s.36), review.
    """

    id: UUID
    reference: Annotated[str, Field(pattern=r"^ATH-ISA-[0-9]{2,4}$")]
    version: int = Field(ge=1)
    title: Sentence
    status: AgreementStatus
    parties: tuple[Party, ...] = Field(min_length=2)
    purposes: dict[Purpose, Terms] = Field(min_length=1)
    lawful_basis: Sentence
    legal_power: Sentence
    record_classes: tuple[str, ...] = Field(min_length=1)
    subject_categories: tuple[str, ...] = Field(min_length=1)
    marking_ceiling: Literal["OFFICIAL", "OFFICIAL-SENSITIVE"]
    handling_ceiling: Literal["P", "C"]
    sensitive_processing: bool
    restricted_level: Literal["none", "pointer"]
    geography: Sentence
    rate_limit_per_hour: int = Field(ge=1)
    onward_sharing: bool
    retention_days: int = Field(ge=1)
    valid_from: date
    valid_to: date
    review_due: date
    dpia_reference: Sentence
    dpia_expires: date
    signatories: tuple[Signatory, ...]
    suspended_reason: str | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.valid_to < self.valid_from:
            raise ValueError("an agreement can't end before it begins")
        roles = {party.role for party in self.parties}
        if "owner" not in roles or not roles & {"recipient", "partner"}:
            raise ValueError("an agreement needs an owner and somebody who receives")
        if (self.status is AgreementStatus.SUSPENDED) != bool(self.suspended_reason):
            raise ValueError("a suspended agreement states why, and no other does")
        return self
