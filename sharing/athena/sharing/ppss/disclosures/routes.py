"""The ledger over HTTP: for partners in their interface, for forces and auditors in the API."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime

from athena.platform.kernel.identity import Subject
from athena.platform.kernel.web import Caller, ReasonHeader, problems, stated_reason
from athena.sharing.ppss.disclosures.schemas import MOST_LINES, Ledger
from athena.sharing.ppss.disclosures.service import Disclosures
from athena.sharing.ppss.interface import signed
from athena.sharing.ppss.reading import Admit, Call

Before = Annotated[AwareDatetime | None, Query(description="Lines before this moment")]
Most = Annotated[int, Query(ge=1, le=MOST_LINES)]


def make_partner_router(disclosures: Disclosures, admit: Admit) -> APIRouter:
    """Return the routes by which a partner reads its own lines."""
    router = APIRouter(tags=["disclosures"])

    @router.get("/disclosures", responses=problems(404, 413, 415), openapi_extra=signed())
    async def own(
        call: Call = Depends(admit), before: Before = None, limit: Most = MOST_LINES
    ) -> Ledger:
        """Return what was disclosed to the calling organisation, the newest first."""
        moment: datetime | None = before
        return await disclosures.of_partner(call.caller, moment, limit)

    return router


def make_router(disclosures: Disclosures, caller: Caller) -> APIRouter:
    """Return the routes by which forces and auditors read the ledger."""
    router = APIRouter(prefix="/api/v1/disclosures", tags=["disclosures"])

    @router.get("", responses=problems())
    async def read(
        reason: ReasonHeader = None,
        before: Before = None,
        limit: Most = MOST_LINES,
        subject: Subject = Depends(caller),
    ) -> Ledger:
        """Return what was disclosed to partners of the own force's records, or to auditors all."""
        stated = stated_reason(reason)
        return await disclosures.read(subject, stated, before, limit)

    return router
