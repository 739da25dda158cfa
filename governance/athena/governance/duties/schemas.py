"""What the API and the command line say of a duty: by itself, and as an item of the worklist."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from pydantic import BaseModel

from athena.governance.duties.models import SENTENCES, Duty, DutyKind
from athena.platform.kernel.worklist.schemas import ShownItem

PREFIX = "governance_"
"""What the kinds of these items begin with."""


class DutyView(BaseModel):
    """Something to do, about what, and by when; times are UTC."""

    id: UUID
    kind: DutyKind
    asks: str
    reference: str
    title: str
    due_at: datetime | None
    link: str

    @classmethod
    def of(cls, duty: Duty) -> DutyView:
        """Return the view of a duty."""
        return cls(
            id=duty.duty_id,
            kind=duty.kind,
            asks=SENTENCES[duty.kind],
            reference=duty.reference,
            title=duty.title,
            due_at=duty.due_at,
            link=duty.link,
        )


def item_of(duty: Duty) -> ShownItem:
    """Return a duty as an item of the worklist; nobody claims or closes it, it goes once done."""
    return ShownItem(
        id=duty.duty_id,
        kind=f"{PREFIX}{duty.kind.value}",
        asks=SENTENCES[duty.kind],
        about=f"{duty.reference}: {duty.title}",
        link=duty.link,
        is_claimable=False,
        outcomes=(),
        record=None,
        assignee_role=None,
        assignee_team=None,
        assignee_member=None,
        clock="deadline" if duty.due_at else "none",
        opened_at=duty.since,
        due_at=duty.due_at,
        is_overdue=duty.due_at is not None and duty.due_at < datetime.now(UTC),
        opened_by=None,
        state="open",
        claimed_by=None,
        closed_by=None,
        closed_at=None,
        outcome=None,
        version=1,
    )
