"""Break-glass over HTTP. The purpose and the reason come in headers."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Depends, Response

from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.identity import Subject
from athena.platform.kernel.web import Caller, header_text, problems
from athena.policies.roles.actions import Action
from athena.policies.visibility.service import Gate, parse_purpose, parse_reason
from athena.records.emergency import service
from athena.records.emergency.schemas import (
    EmergencyAccess,
    EmergencyRequest,
    NewReview,
    Opened,
)
from athena.records.nominals.routes import PurposeHeader, ReasonHeader
from athena.tenants.directory.service import Directory


def make_router(gate: Gate, directory: Directory, seconds: int, caller: Caller) -> APIRouter:
    """Return the routes; a record stays open for so many seconds."""
    router = APIRouter(prefix="/api/v1", tags=["emergencies"])

    @router.post("/nominals/break-glass", status_code=201, responses=problems(404))
    async def open_record(
        request: EmergencyRequest,
        purpose: PurposeHeader = None,
        reason: ReasonHeader = None,
        subject: Subject = Depends(caller),
    ) -> Opened:
        """Open one record that is shown as a pointer or a summary, in an emergency."""
        stated, why = parse_purpose(purpose), parse_reason(header_text(reason))
        return await service.open_record(gate, directory, subject, stated, why, request, seconds)

    @router.get("/emergencies", responses=problems())
    async def listed(
        reviewed: bool = False,
        purpose: PurposeHeader = None,
        reason: ReasonHeader = None,
        subject: Subject = Depends(caller),
    ) -> list[EmergencyAccess]:
        """Return the accesses that concern one's own force and wait for its review."""
        entry = Entry(EventKind.CONSULTATION, "emergencies.list", parse_reason(header_text(reason)))
        async with gate.consult(
            subject, Action.EMERGENCIES_REVIEW, parse_purpose(purpose), entry
        ) as consultation:
            return await service.listed(consultation, reviewed=reviewed)

    @router.post("/emergencies/{access_id}/review", status_code=204, responses=problems(404, 409))
    async def review(
        access_id: UUID,
        new: NewReview,
        purpose: PurposeHeader = None,
        reason: ReasonHeader = None,
        subject: Subject = Depends(caller),
    ) -> Response:
        """Say what one's own force concludes of an access; it leaves the force's list."""
        entry = Entry(
            EventKind.ALTERATION,
            "emergencies.review",
            parse_reason(header_text(reason)),
            {"access": str(access_id), "outcome": new.outcome.value},
        )
        async with gate.alter(
            subject, Action.EMERGENCIES_REVIEW, parse_purpose(purpose), entry
        ) as alteration:
            await service.review(alteration, access_id, new)
        return Response(status_code=204)

    return router
