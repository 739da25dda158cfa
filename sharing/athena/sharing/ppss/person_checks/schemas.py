"""What a person check takes and what it answers."""

from __future__ import annotations

import enum
from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from athena.platform.kernel.identity import Level, Purpose
from athena.platform.kernel.permits import check_reason, line_of_text
from athena.records.nominals.schemas import (
    AddressDraft,
    AssessmentDraft,
    ContactDraft,
    DescriptionDraft,
    IdentifierDraft,
    InvolvementView,
    MarkerDraft,
    NameView,
)
from athena.records.nominals.values import HandlingCode, HandlingCondition, Marking, Sex

Name = Annotated[str, line_of_text(100)]


class Part(BaseModel):
    """A part of what a partner sends: refused whole when a field is unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PersonAsked(Part):
    """The person asked about, as far as the partner knows the person."""

    family_name: Name = Field(examples=["Smith"])
    given_names: Name = Field(examples=["Joanne Mary"])
    date_of_birth: date | None = Field(
        default=None, description="Without it there is no match, at most a possible one"
    )
    sex: Sex | None = None


class PersonCheck(Part):
    """A question about a person, for a purpose that the agreement names."""

    person: PersonAsked
    purpose: Purpose
    reason: Annotated[str, AfterValidator(check_reason)]
    case_reference: Annotated[str, line_of_text(64)] = Field(
        description="The partner's own reference of the case"
    )


class Result(enum.StrEnum):
    """What came of a check."""

    MATCH = "match"
    NO_MATCH = "no_match"
    POSSIBLE = "possible"


class Contact(BaseModel):
    """Whom to turn to about a record: a unit, never a person."""

    unit: str
    email: str
    telephone: str


class Obligation(BaseModel):
    """What the partner must do, or not do, with a record."""

    code: str
    text: str


class Retention(BaseModel):
    """How long the partner may keep a record."""

    days: int
    until: date


class Reliability(BaseModel):
    """What the partner needs to judge how far to rely on a record (DPA 2018, s.38)."""

    recorded_as: Literal["fact"] = Field(
        default="fact",
        description="What stands under assessments is an opinion, and says on what it is based",
    )
    last_changed_on: date
    subject_categories: list[str] = Field(description="What the person is to the police")
    marking: Marking
    handling: HandlingCode
    conditions: list[HandlingCondition]


class PersonDisclosed(BaseModel):
    """What the agreement allows to be told of a person; what isn't allowed isn't there."""

    names: list[NameView]
    sex: Sex | None = None
    gender: str | None = None
    date_of_birth: str | None = None
    date_of_death: date | None = None
    place_of_birth: str | None = None
    identifiers: list[IdentifierDraft] | None = None
    contacts: list[ContactDraft] | None = None
    addresses: list[AddressDraft] | None = None
    descriptions: list[DescriptionDraft] | None = None
    markers: list[MarkerDraft] | None = None
    assessments: list[AssessmentDraft] | None = None
    involvements: list[InvolvementView] | None = None


class RecordDisclosed(BaseModel):
    """A record of one force, or the pointer that it holds one: then ``person`` isn't there."""

    disclosure_id: UUID = Field(description="Quote it in every question about this record")
    source_force: str
    level: Level
    person: PersonDisclosed | None = None
    reliability: Reliability | None = None
    obligations: list[Obligation]
    retention: Retention
    contact: Contact

    def document(self) -> dict[str, Any]:
        """Return it as it is sent: what isn't told is absent, never null."""
        return self.model_dump(mode="json", exclude_none=True)


class CheckAnswer(BaseModel):
    """The answer to a person check.

    *No match* says that nothing is known of this person that the agreement lets the partner know:
    not that the police know nothing.
    """

    check_id: UUID
    result: Result
    agreement: str
    purpose: Purpose
    ask_for: list[str] = Field(
        description="For a possible match: which details would settle it, if they were sent too"
    )
    records: list[RecordDisclosed]
    sandbox: bool = Field(default=False, description="True where all of it is made up")

    def document(self) -> dict[str, Any]:
        """Return it as it is sent."""
        return {
            **self.model_dump(mode="json", exclude={"records"}),
            "records": [record.document() for record in self.records],
        }
