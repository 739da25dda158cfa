"""Restrictions and locks over HTTP. The purpose and the reason come in headers."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Depends, Response

from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.identity import NominalId, Subject
from athena.platform.kernel.web import Caller, header_text, problems
from athena.policies.roles.actions import Action
from athena.policies.visibility.service import Gate, parse_purpose, parse_reason
from athena.records.nominals.routes import PurposeHeader, ReasonHeader
from athena.records.restrictions import service
from athena.records.restrictions.schemas import (
    ExceptionKind,
    NewLock,
    NewRestriction,
    RecordException,
    Set,
)


def make_router(gate: Gate, caller: Caller) -> APIRouter:
    """Return the routes of the exceptions that an owner force sets."""
    router = APIRouter(prefix="/api/v1/nominals/{nominal_id}", tags=["exceptions"])

    @router.get("/exceptions", responses=problems())
    async def exceptions(
        nominal_id: UUID,
        purpose: PurposeHeader = None,
        reason: ReasonHeader = None,
        subject: Subject = Depends(caller),
    ) -> list[RecordException]:
        """Return the restrictions and locks of a record of one's own force."""
        entry = Entry(
            EventKind.CONSULTATION,
            "records.exceptions",
            parse_reason(header_text(reason)),
            {"nominal": str(nominal_id)},
        )
        async with gate.consult(
            subject, Action.RECORDS_RESTRICT, parse_purpose(purpose), entry
        ) as consultation:
            return await service.listed(consultation, NominalId(nominal_id))

    @router.post("/restrictions", status_code=201, responses=problems(404, 409))
    async def restrict(
        nominal_id: UUID,
        new: NewRestriction,
        purpose: PurposeHeader = None,
        reason: ReasonHeader = None,
        subject: Subject = Depends(caller),
    ) -> Set:
        """Restrict a record of one's own force to one more member or team."""
        stated, why = parse_purpose(purpose), parse_reason(header_text(reason))
        added = await service.restrict(gate, subject, stated, why, NominalId(nominal_id), new)
        return Set(id=added)

    @router.post("/locks", status_code=201, responses=problems(404, 409))
    async def lock(
        nominal_id: UUID,
        new: NewLock,
        purpose: PurposeHeader = None,
        reason: ReasonHeader = None,
        subject: Subject = Depends(caller),
    ) -> Set:
        """Lock a record of one's own force against a member of any force."""
        stated, why = parse_purpose(purpose), parse_reason(header_text(reason))
        added = await service.lock(gate, subject, stated, why, NominalId(nominal_id), new)
        return Set(id=added)

    @router.delete("/{kind}s/{exception_id}", status_code=204, responses=problems(404))
    async def lift(
        nominal_id: UUID,
        kind: ExceptionKind,
        exception_id: UUID,
        purpose: PurposeHeader = None,
        reason: ReasonHeader = None,
        subject: Subject = Depends(caller),
    ) -> Response:
        """End a restriction or a lock at once."""
        stated, why = parse_purpose(purpose), parse_reason(header_text(reason))
        await service.lift(gate, subject, stated, why, kind, NominalId(nominal_id), exception_id)
        return Response(status_code=204)

    return router
