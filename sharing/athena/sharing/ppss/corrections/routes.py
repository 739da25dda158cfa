"""Corrections over HTTP: for partners in their interface, for forces in the API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from athena.platform.kernel.identity import NominalId, Subject
from athena.platform.kernel.web import Caller, ReasonHeader, problems, stated_reason
from athena.sharing.ppss.corrections.schemas import (
    MOST_CORRECTIONS,
    Acknowledgement,
    CorrectionView,
    HoldingView,
)
from athena.sharing.ppss.corrections.service import Corrections
from athena.sharing.ppss.interface import signed
from athena.sharing.ppss.reading import Admit, Call

Most = Annotated[int, Query(ge=1, le=MOST_CORRECTIONS)]
OnlyOpen = Annotated[bool, Query(alias="open", description="Only what isn't acknowledged yet")]


def make_partner_router(corrections: Corrections, admit: Admit) -> APIRouter:
    """Return the routes by which a partner reads corrections and acknowledges them."""
    router = APIRouter(tags=["corrections"])

    @router.get("/corrections", responses=problems(404, 413, 415), openapi_extra=signed())
    async def own(
        call: Call = Depends(admit), only_open: OnlyOpen = True, limit: Most = MOST_CORRECTIONS
    ) -> list[CorrectionView]:
        """Return what your organisation was told to correct, the oldest first."""
        found = await corrections.of_partner(call.caller, limit, open_only=only_open)
        return [CorrectionView.of(item) for item in found]

    @router.post(
        "/corrections/{correction_id}/acknowledgement",
        responses=problems(404, 409, 413, 415),
        openapi_extra=signed(Acknowledgement),
    )
    async def acknowledge(correction_id: UUID, call: Call = Depends(admit)) -> CorrectionView:
        """Say what you did: corrected it, erased it, or that you don't hold it."""
        done = call.read(Acknowledgement).done
        return CorrectionView.of(await corrections.acknowledge(call.caller, correction_id, done))

    return router


def make_router(
    corrections: Corrections, titles: Callable[[], Mapping[UUID, str]], caller: Caller
) -> APIRouter:
    """Return the routes by which a force sees who must correct what; ``titles`` of agreements."""
    router = APIRouter(prefix="/api/v1", tags=["corrections"])

    @router.get("/corrections", responses=problems())
    async def of_force(
        reason: ReasonHeader = None,
        only_open: OnlyOpen = True,
        limit: Most = MOST_CORRECTIONS,
        subject: Subject = Depends(caller),
    ) -> list[CorrectionView]:
        """Return what partners were told to correct of the own force's records."""
        stated = stated_reason(reason)
        found = await corrections.of_force(subject, stated, limit, open_only=only_open)
        return [CorrectionView.of(item) for item in found]

    @router.get("/nominals/{nominal_id}/holdings", responses=problems())
    async def holdings(
        nominal_id: UUID, reason: ReasonHeader = None, subject: Subject = Depends(caller)
    ) -> list[HoldingView]:
        """Return which partners were given what of a record, and what they still hold."""
        stated = stated_reason(reason)
        found = await corrections.holdings(subject, NominalId(nominal_id), stated)
        return [HoldingView.of(item, titles()) for item in found]

    return router
