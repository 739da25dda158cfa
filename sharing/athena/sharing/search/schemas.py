"""What a search takes and answers over HTTP and on the command line."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from athena.platform.kernel.identity import FieldGroup, Level
from athena.records.nominals.schemas import NominalView
from athena.records.nominals.values import Sex, WarningMarker
from athena.sharing.search.query import LONGEST_NAME

GOOD = 0.5
"""The score from which a hit fits well; below it something that was typed doesn't match."""

Typed = Annotated[str, Field(max_length=LONGEST_NAME)]


class SearchRequest(BaseModel):
    """A question about a person: at least a name, an identifier, a postcode or a telephone."""

    model_config = ConfigDict(extra="forbid")

    name: Typed | None = Field(
        default=None, description="One line, as typed: names, then a year or a date if known"
    )
    given_name: Typed | None = None
    surname: Typed | None = None
    date_of_birth: Typed | None = Field(default=None, examples=["1980-03-12", "1980-03", "1980"])
    year_of_birth: int | None = Field(default=None, ge=1, le=9999)
    age_from: int | None = Field(default=None, ge=0, le=120)
    age_to: int | None = Field(default=None, ge=0, le=120)
    sex: Sex | None = None
    identifier: Typed | None = Field(default=None, description="Any identifier, any short form")
    postcode: Typed | None = None
    address: Typed | None = Field(
        default=None, examples=["12 High Street, Norwich"], description="Street, as recorded"
    )
    telephone: Typed | None = None
    markers: tuple[WarningMarker, ...] = Field(
        default=(), max_length=13, description="Only those who carry one of these warnings today"
    )
    purpose: str = Field(max_length=40, description="Why you look, from the list of purposes")
    reason: str = Field(max_length=500, description="In your own words; it is logged")
    limit: int = Field(default=20, ge=1, le=50)


class Explanation(BaseModel):
    """Why one field counts as it does: what was typed, what is recorded, how they meet."""

    field: str
    typed: str
    matched: str
    how: str
    weight: float


class Contact(BaseModel):
    """Whom to ask about a record that may not be shown."""

    unit: str
    email: str
    telephone: str


class Hit(BaseModel):
    """One result; a pointer tells only that the force holds a likely record, and whom to ask."""

    id: UUID | None
    owner_force: str
    disclosure: Level
    nominal: NominalView | None
    score: float | None = Field(
        description="How well the record fits what was typed, 0 to 1: not the chance that it is "
        "the same person, since with a name alone many people fit"
    )
    explanation: list[Explanation]
    agreement_id: UUID | None
    agreement: str | None
    reasons: list[str]
    obligations: list[str]
    withheld: list[FieldGroup]
    contact: Contact | None = None
    merged_into: UUID | None = Field(
        default=None, description="The nominal that stands for this duplicate of your own force"
    )
    duplicates: list[Hit] = Field(
        default=[], description="Hits that this nominal stands for since they were merged into it"
    )

    @property
    def is_good(self) -> bool:
        """Whether it, or a duplicate under it, fits well enough to be among the best matches."""
        own = self.score is not None and self.score >= GOOD
        return own or any(hit.is_good for hit in self.duplicates)


class SearchAnswer(BaseModel):
    """A page of results, and where the next one is."""

    search_id: UUID
    decision_id: UUID
    purpose: str
    searched_at: datetime
    results: list[Hit]
    next: str | None
