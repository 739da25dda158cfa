"""A body, its constitutions, and who sits on it."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from athena.governance.bodies.constitution import Constitution
from athena.governance.votes.outcome import Duty


class BodyKind(enum.StrEnum):
    """What sort of body it is."""

    ALLIANCE_GROUP = "alliance_group"
    CHANGE_ADVISORY_BOARD = "change_advisory_board"
    STRATEGIC_BOARD = "strategic_board"
    USER_GROUP = "user_group"


@dataclass(frozen=True, slots=True)
class Body:
    """A body that decides; only an alliance's own group lists the forces that may sit on it."""

    body_id: UUID
    slug: str
    name: str
    kind: BodyKind
    module: str | None
    forces: tuple[str, ...] | None

    def admits(self, tenant: str) -> bool:
        """Whether a force may have a seat."""
        return self.forces is None or tenant in self.forces


@dataclass(frozen=True, slots=True)
class ConstitutionVersion:
    """A version of a constitution, with who stored it, when and why."""

    version: int
    constitution: Constitution
    digest: bytes
    stored_at: datetime
    username: str
    reason: str


@dataclass(frozen=True, slots=True)
class Appointment:
    """A member's place on a body for a tenant, over whole days in London, both included."""

    appointment_id: UUID
    tenant: str
    tenant_is_active: bool
    member_id: UUID
    username: str
    duty: Duty
    valid_from: date
    valid_to: date | None
    ended_at: datetime | None

    def in_term(self, day: date) -> bool:
        """Whether the term runs on a day."""
        return (
            self.ended_at is None
            and self.valid_from <= day
            and (self.valid_to is None or day <= self.valid_to)
        )


def seats_on(appointments: Iterable[Appointment], day: date) -> Sequence[str]:
    """Return the forces that have a seat on a day: those with a member in term.

    A substitute stands in for a member and makes no seat; a tenant that is suspended or has left
    has none.
    """
    return sorted(
        {
            item.tenant
            for item in appointments
            if item.duty is Duty.MEMBER and item.tenant_is_active and item.in_term(day)
        }
    )
