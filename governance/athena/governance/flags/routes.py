"""Features over HTTP: reading which force has what. Releases switch them."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from athena.governance.acting import Office
from athena.governance.flags import service
from athena.governance.flags.schemas import FeatureView
from athena.platform.kernel.identity import Subject
from athena.platform.kernel.web import Caller, problems


def make_router(office: Office, caller: Caller) -> APIRouter:
    """Return the route of features."""
    router = APIRouter(prefix="/api/v1/governance", tags=["governance"])

    @router.get("/features", responses=problems())
    async def every(subject: Subject = Depends(caller)) -> list[FeatureView]:
        """Return every feature, and which force has it since when, by which release."""
        return await service.every(office, subject)

    return router
