"""Break-glass over HTTP. The purpose and the reason come in headers."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Depends, Response

from athena.platform.kernel.audit import EventKind
from athena.platform.kernel.features import Features
from athena.platform.kernel.identity import Subject
from athena.platform.kernel.web import Caller, problems
from athena.policies.roles.actions import Action
from athena.policies.visibility.service import Gate
from athena.policies.visibility.stated import Stated
from athena.records.emergency import service
from athena.records.emergency.schemas import (
    EmergencyAccess,
    EmergencyRequest,
    NewReview,
    Opened,
)
from athena.tenants.directory.service import Directory


def make_router(
    gate: Gate, directory: Directory, features: Features, seconds: int, caller: Caller
) -> APIRouter:
    """Return the routes; a record stays open for so many seconds."""
    router = APIRouter(prefix="/api/v1", tags=["emergencies"])

    @router.post("/nominals/break-glass", status_code=201, responses=problems(404))
    async def open_record(
        request: EmergencyRequest,
        stated: Stated,
        subject: Subject = Depends(caller),
    ) -> Opened:
        """Open one record that is shown as a pointer or a summary, in an emergency."""
        purpose, reason = stated.purpose, stated.reason
        return await service.open_record(
            gate, directory, features, subject, purpose, reason, request, seconds
        )

    @router.get("/emergencies", responses=problems())
    async def listed(
        stated: Stated,
        reviewed: bool = False,
        subject: Subject = Depends(caller),
    ) -> list[EmergencyAccess]:
        """Return the accesses that concern one's own force and wait for its review."""
        entry = stated.entry(EventKind.CONSULTATION, "emergencies.list")
        async with gate.consult(
            subject, Action.EMERGENCIES_REVIEW, stated.purpose, entry
        ) as consultation:
            return await service.listed(consultation, reviewed=reviewed)

    @router.post("/emergencies/{access_id}/review", status_code=204, responses=problems(404, 409))
    async def review(
        access_id: UUID,
        new: NewReview,
        stated: Stated,
        subject: Subject = Depends(caller),
    ) -> Response:
        """Say what one's own force concludes of an access; it leaves the force's list."""
        entry = stated.entry(
            EventKind.ALTERATION,
            "emergencies.review",
            {"access": str(access_id), "outcome": new.outcome.value},
        )
        async with gate.alter(
            subject, Action.EMERGENCIES_REVIEW, stated.purpose, entry
        ) as alteration:
            await service.review(alteration, access_id, new)
        return Response(status_code=204)

    return router
