"""What the API takes and answers about bodies."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from athena.governance.bodies.constitution import Constitution
from athena.governance.bodies.models import Appointment, Body, BodyKind, ConstitutionVersion
from athena.governance.votes.outcome import Duty
from athena.platform.kernel.clock import today
from athena.platform.kernel.errors import InvalidInputError
from athena.platform.kernel.permits import Act, line_of_text

Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,40}$", examples=["change-board"])]
Name = Annotated[str, Field(min_length=3, max_length=200), line_of_text(200)]


class NewBody(Act):
    """A body with its first constitution."""

    slug: Slug
    name: Name
    kind: BodyKind
    module: Literal["case", "custody", "intelligence", "investigation"] | None = None
    forces: Annotated[tuple[Slug, ...], Field(min_length=1, max_length=100)] | None = None
    constitution: Constitution

    @model_validator(mode="after")
    def _kind_fits(self) -> Self:
        if (self.kind is BodyKind.USER_GROUP) != (self.module is not None):
            raise InvalidInputError("A user group is a module's, and no other body is.")
        if (self.kind is BodyKind.ALLIANCE_GROUP) != (self.forces is not None):
            raise InvalidInputError("An alliance's group names its forces, and no other body does.")
        return self


class Amendment(Act):
    """The next version of a constitution, whole."""

    constitution: Constitution


class NewAppointment(Act):
    """Who is to sit on a body, as what and for how long."""

    username: Annotated[str, Field(min_length=1, max_length=100)]
    duty: Duty = Duty.MEMBER
    valid_from: date = Field(default_factory=today)
    valid_to: date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.valid_to is not None and self.valid_to < max(self.valid_from, today()):
            raise InvalidInputError("The last day can't be before the first day or today.")
        return self


class Added(BaseModel):
    """The id of what was added."""

    id: UUID


class SeatView(BaseModel):
    """Somebody's place on a body."""

    id: UUID
    tenant: str
    username: str
    duty: Duty
    valid_from: date
    valid_to: date | None
    ended_at: datetime | None
    in_term: bool

    @classmethod
    def of(cls, item: Appointment) -> SeatView:
        """Return the view of an appointment as it stands today."""
        return cls(
            id=item.appointment_id,
            tenant=item.tenant,
            username=item.username,
            duty=item.duty,
            valid_from=item.valid_from,
            valid_to=item.valid_to,
            ended_at=item.ended_at,
            in_term=item.in_term(today()),
        )


class ConstitutionView(BaseModel):
    """A version of a constitution; a vote on it names its digest."""

    version: int
    digest: str
    stored_at: datetime
    stored_by: str
    reason: str
    constitution: Constitution

    @classmethod
    def of(cls, item: ConstitutionVersion) -> ConstitutionView:
        """Return the view of a version."""
        return cls(
            version=item.version,
            digest=item.digest.hex(),
            stored_at=item.stored_at,
            stored_by=item.username,
            reason=item.reason,
            constitution=item.constitution,
        )


class BodyOverview(BaseModel):
    """A body in a list."""

    slug: str
    name: str
    kind: BodyKind
    module: str | None
    forces: list[str] | None

    @classmethod
    def of(cls, body: Body) -> BodyOverview:
        """Return the overview of a body."""
        return cls(
            slug=body.slug,
            name=body.name,
            kind=body.kind,
            module=body.module,
            forces=None if body.forces is None else list(body.forces),
        )


class BodyView(BodyOverview):
    """A body with its constitutions, the newest last, and everyone appointed so far."""

    constitutions: list[ConstitutionView]
    appointments: list[SeatView]


def body_view(
    body: Body, versions: Sequence[ConstitutionVersion], appointed: Sequence[Appointment]
) -> BodyView:
    """Return the view of a body."""
    return BodyView(
        **BodyOverview.of(body).model_dump(),
        constitutions=[ConstitutionView.of(item) for item in versions],
        appointments=[SeatView.of(item) for item in appointed],
    )
