"""What opening a record in an emergency takes and answers, and its review."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field, model_validator

from athena.platform.kernel.errors import InvalidInputError
from athena.records.nominals.schemas import Draft
from athena.records.nominals.values import clean_text

Words = Annotated[str, AfterValidator(lambda text: clean_text(text, "", 500))]


class EmergencyRequest(Draft):
    """The record to open: the one that your own search pointed to, or one shown as a summary."""

    emergency: Words = Field(description="What the emergency is; it is logged")
    search_id: UUID | None = Field(default=None, description="Your search that showed the pointer")
    owner_force: str | None = Field(
        default=None, max_length=40, description="The force that the search pointed to"
    )
    nominal_id: UUID | None = Field(default=None, description="A nominal shown as a summary")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.emergency) < 3:
            raise InvalidInputError("Say what the emergency is, in at least 3 characters.")
        by_pointer = self.search_id is not None and self.owner_force is not None
        if by_pointer == (self.nominal_id is not None):
            raise InvalidInputError(
                "Name either your search and the force it pointed to, or the nominal."
            )
        return self


class Opened(BaseModel):
    """A record opened in an emergency: read it under its id until the time is over."""

    access_id: UUID
    nominal_id: UUID
    owner_force: str
    expires_at: datetime
    told: list[str] = Field(description="The forces on whose list it stands until it is reviewed")


class Outcome(enum.StrEnum):
    """What a review concludes."""

    ESCALATED = "escalated"
    JUSTIFIED = "justified"
    NOT_JUSTIFIED = "not_justified"


class NewReview(Draft):
    """What a force concludes of an access that concerns it."""

    outcome: Outcome
    note: Words = ""


class Review(BaseModel):
    """A force's conclusion."""

    force: str
    reviewed_by: str
    outcome: Outcome
    note: str
    reviewed_at: datetime


class EmergencyAccess(BaseModel):
    """Who opened which record in an emergency, and why."""

    access_id: UUID
    owner_force: str
    nominal_id: UUID
    force: str
    username: str
    purpose: str
    reason: str
    emergency: str
    opened_at: datetime
    expires_at: datetime
    reviews: list[Review]
