"""What the API and the command line say of an item."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from athena.platform.kernel.worklist.models import KINDS, Item, ItemKind, RecordReference


class ShownRecord(BaseModel):
    """Which record an item is about; reading it is another, logged, call."""

    record_class: str
    owner_force: int
    record_id: UUID

    @classmethod
    def of(cls, record: RecordReference | None) -> ShownRecord | None:
        """Return what is shown of a reference."""
        if record is None:
            return None
        return cls(
            record_class=record.record_class, owner_force=record.owner, record_id=record.record_id
        )


class ShownItem(BaseModel):
    """An item of the worklist; times are UTC. What isn't claimable goes once it is done."""

    id: UUID
    kind: str
    asks: str
    about: str | None = None
    link: str
    is_claimable: bool = True
    outcomes: tuple[str, ...]
    record: ShownRecord | None
    assignee_role: str | None
    assignee_team: str | None
    assignee_member: UUID | None
    clock: str
    opened_at: datetime
    due_at: datetime | None
    is_overdue: bool
    opened_by: UUID | None
    state: str
    claimed_by: UUID | None
    closed_by: UUID | None
    closed_at: datetime | None
    outcome: str | None
    version: int

    @classmethod
    def of(cls, item: Item) -> ShownItem:
        """Return what is shown of an item."""
        kind = KINDS.get(ItemKind(item.kind)) if item.kind in set(ItemKind) else None
        return cls(
            id=item.item_id,
            kind=item.kind,
            asks=kind.sentence if kind else "This version of the platform doesn't know the kind.",
            link=f"/api/v1/worklist/{item.item_id}",
            outcomes=kind.outcomes if kind else (),
            record=ShownRecord.of(item.record),
            assignee_role=item.assignee.role,
            assignee_team=item.assignee.team,
            assignee_member=item.assignee.member,
            clock=item.clock,
            opened_at=item.opened_at,
            due_at=item.due_at,
            is_overdue=item.closed_at is None and item.due_at < datetime.now(UTC),
            opened_by=item.opened_by,
            state=item.state,
            claimed_by=item.claimed_by,
            closed_by=item.closed_by,
            closed_at=item.closed_at,
            outcome=item.outcome,
            version=item.version,
        )


class Step(BaseModel):
    """The version that an item was seen at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = Field(ge=1)


class Closing(Step):
    """How an item ended, and why, in words that go to the log."""

    outcome: str = Field(max_length=60)
    reason: str = Field(max_length=500)
