"""What a decision lets a member see: values that only the visibility service makes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from uuid import UUID

from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.identity import (
    FieldGroup,
    LabelId,
    Level,
    NominalId,
    Purpose,
    Subject,
    TenantId,
)

SUMMARY_SCOPE = "summary"
MATCH_SCOPE = "match"
POINTER_SCOPE = "pointer"
AUDIT_SCOPE = "audit"
IMPORTS_SCOPE = "imports"
"""The own force's imports and their rows; like `AUDIT_SCOPE` it holds the force, not labels."""
EXISTENCE_SCOPE = "existence"
"""That a record is there at all; only single records have this scope."""

RecordKey = tuple[TenantId, NominalId]
"""A record's owner and id, which name it among all forces'."""


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
    sealed: bool


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

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes of the store in which the label is shown."""
        if self.level is Level.NONE:
            return ()
        if self.level is Level.POINTER:
            return (POINTER_SCOPE,)
        return (MATCH_SCOPE, SUMMARY_SCOPE, *sorted(group.value for group in self.groups))


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
    singles: Mapping[RecordKey, LabelView] = field(default_factory=dict)
    """Records that are decided by themselves, beside their labels."""
    numbers: Mapping[RecordKey, LabelId] = field(default_factory=dict)
    """Of each of those, the number by which the decision's input asks about it."""

    def view(self, label_id: int, record: RecordKey | None = None) -> LabelView:
        """Return what a visible row's record shows: by itself, or as its label does."""
        single = self.singles.get(record) if record is not None else None
        return single or self.views[LabelId(label_id)]

    @property
    def has_pointers(self) -> bool:
        """Whether anything is shown as a pointer; else there is none to look for."""
        return any(view.level is Level.POINTER for view in self._all())

    @property
    def groups(self) -> frozenset[FieldGroup]:
        """The groups that are shown of some record; of each one, its view says which."""
        return frozenset(group for view in self._all() for group in view.groups)

    def _all(self) -> Iterator[LabelView]:
        return chain(self.views.values(), self.singles.values())

    def pointer(self, label_id: LabelId) -> LabelView | None:
        """Return why some record of a label is a pointer, or None where none of them is."""
        single = (view for view in self.singles.values() if view.label.label_id == label_id)
        candidates = (view for view in (self.views.get(label_id), *single) if view is not None)
        return next((view for view in candidates if view.level is Level.POINTER), None)


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
