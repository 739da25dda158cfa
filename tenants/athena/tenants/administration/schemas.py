"""What the acts on members take, and a member as an administrator sees one."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from athena.platform.kernel.clock import today
from athena.platform.kernel.errors import InvalidInputError
from athena.platform.kernel.identity import Clearance, Role
from athena.platform.kernel.permits import Act, line_of_text

Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,40}$", examples=["public-protection"])]
Roles = Annotated[list[Role], Field(min_length=1, max_length=len(Role))]


def check_username(username: str, tenant: str) -> str:
    """Return a user name that ends in its tenant's short name, or raise InvalidInputError.

    So no two tenants can want the same name, and none learns which names another has.
    """
    if not re.fullmatch(rf"[a-z][a-z0-9._-]{{0,50}}\.{re.escape(tenant)}", username):
        raise InvalidInputError(
            f"A user name is small letters, digits, '.', '-' and '_', and ends in '.{tenant}'.",
            field="/username",
        )
    return username


class Period(Act):
    """From when to when something holds: whole days in London, both included."""

    valid_from: date = Field(default_factory=today)
    valid_to: date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.valid_to is not None and self.valid_to < max(self.valid_from, today()):
            raise InvalidInputError("The last day can't be before the first day or today.")
        return self


class NewMember(Period):
    """A member who joins."""

    username: Annotated[str, Field(max_length=100)]
    display_name: Annotated[str, line_of_text(200)]
    roles: Roles
    clearance: Clearance = Clearance.OFFICIAL


class Move(Act):
    """What a member who moves does from today: the former roles and teams end, as history."""

    roles: Roles
    teams: list[Slug] = Field(default_factory=list, max_length=50)
    clearance: Clearance | None = None


class RoleGrant(Period):
    """A role to hold."""

    role: Role


class RoleEnd(Act):
    """A role to take away."""

    role: Role


class NewTeam(Act):
    """A team to make."""

    slug: Slug
    name: Annotated[str, line_of_text(200)]


class TeamPlace(Period):
    """A place in a team."""

    team: Slug


class TeamEnd(Act):
    """A place in a team to take away."""

    team: Slug


class Held(BaseModel):
    """A role or a place in a team, now or formerly: ``ended_at`` is when it was taken away."""

    name: str
    valid_from: date
    valid_to: date | None
    ended_at: datetime | None


class MemberView(BaseModel):
    """A member with every role and team, held now or before."""

    id: UUID
    username: str
    display_name: str
    clearance: Clearance
    active: bool
    joined_at: datetime
    left_at: datetime | None
    roles: list[Held]
    teams: list[Held]


class TeamView(BaseModel):
    """A team."""

    slug: str
    name: str
