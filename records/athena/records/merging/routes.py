"""Merging over HTTP. The purpose and the reason come in headers."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Depends

from athena.platform.kernel.audit import EventKind
from athena.platform.kernel.identity import NominalId, Subject
from athena.platform.kernel.web import Caller, problems
from athena.policies.roles.actions import Action
from athena.policies.visibility.service import Gate
from athena.policies.visibility.stated import Stated
from athena.records.merging import service
from athena.records.merging.schemas import Merged, NewMerge, Undo, Undoing, Undone
from athena.records.names.service import NameRegister


def make_router(gate: Gate, register: NameRegister, caller: Caller) -> APIRouter:
    """Return the routes of merges."""
    router = APIRouter(prefix="/api/v1", tags=["merging"])

    @router.post("/nominals/{nominal_id}/merges", status_code=201, responses=problems(404, 409))
    async def merge(
        nominal_id: UUID,
        new: NewMerge,
        stated: Stated,
        subject: Subject = Depends(caller),
    ) -> Merged:
        """Let a nominal of one's own force stand for a duplicate, which stays as it was."""
        purpose, reason = stated.purpose, stated.reason
        return await service.merge(
            gate, register, subject, purpose, reason, NominalId(nominal_id), new
        )

    @router.get("/merges/{merge_id}", responses=problems(404, 409))
    async def undoing(
        merge_id: UUID,
        stated: Stated,
        subject: Subject = Depends(caller),
    ) -> Undoing:
        """Return what was changed since a merge and must be placed before it is undone."""
        entry = stated.entry(EventKind.CONSULTATION, "nominals.undoing", {"merge": str(merge_id)})
        async with gate.consult(
            subject, Action.NOMINALS_MERGE, stated.purpose, entry
        ) as consultation:
            return await service.undoing(consultation, merge_id)

    @router.post("/merges/{merge_id}/undo", responses=problems(404, 409))
    async def undo(
        merge_id: UUID,
        told: Undo,
        stated: Stated,
        subject: Subject = Depends(caller),
    ) -> Undone:
        """Undo a merge; each change made since goes where the body says."""
        purpose, reason = stated.purpose, stated.reason
        return await service.undo(gate, register, subject, purpose, reason, merge_id, told)

    return router
