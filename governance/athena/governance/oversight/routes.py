"""Everything that goes on in governance, over HTTP."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from athena.governance.acting import Office
from athena.governance.ledger.reading import Reader
from athena.governance.oversight.schemas import OverviewView
from athena.governance.oversight.service import overview
from athena.platform.kernel.identity import Subject
from athena.platform.kernel.web import Caller, problems


def make_router(office: Office, reader: Reader, caller: Caller) -> APIRouter:
    """Return the route."""
    router = APIRouter(prefix="/api/v1/governance", tags=["governance"])

    @router.get("/oversight", responses=problems())
    async def show(subject: Subject = Depends(caller)) -> OverviewView:
        """Return everything that goes on: for oversight and for the client body."""
        return OverviewView.of(await overview(office, reader, subject))

    return router
