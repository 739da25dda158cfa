"""What a member has to do in governance, over HTTP."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from athena.governance.changes.desk import Desk
from athena.governance.duties.models import SENTENCES, Duty, DutyKind
from athena.governance.duties.service import duties
from athena.platform.kernel.identity import Subject
from athena.platform.kernel.web import Caller, problems


class DutyView(BaseModel):
    """Something to do, about what, and by when; times are UTC."""

    kind: DutyKind
    asks: str
    reference: str
    title: str
    due_at: datetime | None

    @classmethod
    def of(cls, duty: Duty) -> DutyView:
        """Return the view of a duty."""
        return cls(
            kind=duty.kind,
            asks=SENTENCES[duty.kind],
            reference=duty.reference,
            title=duty.title,
            due_at=duty.due_at,
        )


def make_router(desk: Desk, caller: Caller) -> APIRouter:
    """Return the route."""
    router = APIRouter(prefix="/api/v1/governance", tags=["governance"])

    @router.get("/duties", responses=problems())
    async def every(subject: Subject = Depends(caller)) -> list[DutyView]:
        """Return what you have to do in governance, the most urgent first."""
        return [DutyView.of(duty) for duty in await duties(desk, subject)]

    return router
