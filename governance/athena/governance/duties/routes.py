"""What a member has to do in governance, over HTTP."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from athena.governance.changes.desk import Desk
from athena.governance.duties.schemas import DutyView
from athena.governance.duties.service import duties
from athena.platform.kernel.identity import Subject
from athena.platform.kernel.web import Caller, problems


def make_router(desk: Desk, caller: Caller) -> APIRouter:
    """Return the route."""
    router = APIRouter(prefix="/api/v1/governance", tags=["governance"])

    @router.get("/duties", responses=problems())
    async def every(subject: Subject = Depends(caller)) -> list[DutyView]:
        """Return what you have to do in governance, the most urgent first."""
        return [DutyView.of(duty) for duty in await duties(desk, subject)]

    return router
