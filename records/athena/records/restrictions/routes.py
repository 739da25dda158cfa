"""Restrictions and locks over HTTP. The purpose and the reason come in headers."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Depends, Response

from athena.platform.kernel.audit import EventKind
from athena.platform.kernel.identity import NominalId, Subject
from athena.platform.kernel.web import Caller, problems
from athena.policies.roles.actions import Action
from athena.policies.visibility.service import Gate
from athena.policies.visibility.stated import Stated
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
        stated: Stated,
        subject: Subject = Depends(caller),
    ) -> list[RecordException]:
        """Return the restrictions and locks of a record of one's own force."""
        entry = stated.entry(
            EventKind.CONSULTATION, "records.exceptions", {"nominal": str(nominal_id)}
        )
        async with gate.consult(
            subject, Action.RECORDS_RESTRICT, stated.purpose, entry
        ) as consultation:
            return await service.listed(consultation, NominalId(nominal_id))

    @router.post("/restrictions", status_code=201, responses=problems(404, 409))
    async def restrict(
        nominal_id: UUID,
        new: NewRestriction,
        stated: Stated,
        subject: Subject = Depends(caller),
    ) -> Set:
        """Restrict a record of one's own force to one more member or team."""
        purpose, reason = stated.purpose, stated.reason
        added = await service.restrict(gate, subject, purpose, reason, NominalId(nominal_id), new)
        return Set(id=added)

    @router.post("/locks", status_code=201, responses=problems(404, 409))
    async def lock(
        nominal_id: UUID,
        new: NewLock,
        stated: Stated,
        subject: Subject = Depends(caller),
    ) -> Set:
        """Lock a record of one's own force against a member of any force."""
        purpose, reason = stated.purpose, stated.reason
        added = await service.lock(gate, subject, purpose, reason, NominalId(nominal_id), new)
        return Set(id=added)

    @router.delete("/{kind}s/{exception_id}", status_code=204, responses=problems(404))
    async def lift(
        nominal_id: UUID,
        kind: ExceptionKind,
        exception_id: UUID,
        stated: Stated,
        subject: Subject = Depends(caller),
    ) -> Response:
        """End a restriction or a lock at once."""
        purpose, reason = stated.purpose, stated.reason
        await service.lift(
            gate, subject, purpose, reason, kind, NominalId(nominal_id), exception_id
        )
        return Response(status_code=204)

    return router
