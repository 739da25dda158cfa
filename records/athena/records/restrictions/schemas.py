"""Restrictions and locks as they are set and listed."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, model_validator

from athena.platform.kernel.errors import InvalidInputError
from athena.records.nominals.schemas import Draft

Name = Annotated[str, Field(min_length=1, max_length=100)]
Until = Annotated[
    AwareDatetime | None, Field(description="When it ends by itself; without it, when it is lifted")
]


class ExceptionKind(enum.StrEnum):
    """The two exceptions that an owner force sets for a single record."""

    LOCK = "lock"
    RESTRICTION = "restriction"


class NewRestriction(Draft):
    """A member of any force, or a team of the own force, that a record shall be restricted to."""

    member: Name | None = Field(default=None, description="A user name, for example officer.kent")
    team: Name | None = Field(default=None, description="A team of your force, by its short name")
    until: Until = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.member is None) == (self.team is None):
            raise InvalidInputError("Name either a member or a team.")
        return self


class NewLock(Draft):
    """A member of any force that a record shall be locked against."""

    member: Name = Field(description="A user name, for example officer.kent")
    until: Until = None


class RecordException(BaseModel):
    """A restriction or a lock of a record, in effect."""

    id: UUID
    kind: ExceptionKind
    named: str
    set_by: str
    reason: str
    since: datetime
    until: datetime | None


class Set(BaseModel):
    """The id of a restriction or lock just set."""

    id: UUID
