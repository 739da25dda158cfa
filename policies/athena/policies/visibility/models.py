"""What a decision lets a member see: values that only the visibility service makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.identity import (
    FieldGroup,
    LabelId,
    Level,
    Purpose,
    Subject,
    TenantId,
)

SUMMARY_SCOPE = "summary"
MATCH_SCOPE = "match"
POINTER_SCOPE = "pointer"
AUDIT_SCOPE = "audit"


@dataclass(frozen=True, slots=True)
class Label:
    """What a row's label says: who owns it and how it may be handled."""

    label_id: LabelId
    owner_force: TenantId
    owner: str
    record_class: str
    marking: str
    handling: str
    conditions: tuple[str, ...]
    categories: tuple[str, ...]
    sensitive: bool
    restricted: bool


@dataclass(frozen=True, slots=True)
class LabelView:
    """What one label shows: its level and groups, and under which agreement and obligations."""

    label: Label
    level: Level
    groups: frozenset[FieldGroup]
    agreement_id: str
    clause: str
    reasons: tuple[str, ...]
    obligations: tuple[str, ...]

    @property
    def withheld(self) -> tuple[FieldGroup, ...]:
        """The groups that aren't shown, in the alphabet's order."""
        return tuple(group for group in FieldGroup if group not in self.groups)


@dataclass(frozen=True, slots=True)
class Visibility:
    """A stored grant set and what it shows; made by `visibility.service` alone."""

    subject: Subject
    purpose: Purpose
    grant_set_id: UUID
    decision_id: UUID
    policy_revision: int
    label_epoch: int
    expires_at: datetime
    views: Mapping[LabelId, LabelView]

    def view(self, label_id: int) -> LabelView:
        """Return what a visible row's label shows."""
        return self.views[LabelId(label_id)]


@dataclass(frozen=True, slots=True)
class Consultation:
    """An open, logged transaction: what every function that reads records must be given."""

    session: ReadSession
    visibility: Visibility
    event_id: UUID
    reason: str

    @property
    def subject(self) -> Subject:
        """The member who consults."""
        return self.visibility.subject


@dataclass(frozen=True, slots=True)
class Alteration(Consultation):
    """A consultation that may also change records of the member's own force."""

    session: WriteSession
