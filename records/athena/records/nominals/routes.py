"""One nominal over HTTP: read, amend, erase. The purpose and the reason come in headers."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field

from athena.platform.kernel.audit import EventKind
from athena.platform.kernel.identity import NominalId, Subject
from athena.platform.kernel.web import Caller, problems
from athena.policies.roles.actions import Action
from athena.policies.visibility.service import Gate
from athena.policies.visibility.stated import Stated
from athena.records.merging import service as merging
from athena.records.names.service import NameRegister
from athena.records.nominals import service
from athena.records.nominals.schemas import Changes, Disclosed, Draft, NominalDraft, ReplacedRow


class Amendment(Draft):
    """A nominal as it shall be, and the version it was read at."""

    version: int = Field(ge=1)
    nominal: NominalDraft


class Amended(BaseModel):
    """The version after an amendment."""

    id: UUID
    version: int


def make_router(gate: Gate, register: NameRegister, caller: Caller) -> APIRouter:
    """Return the routes of one nominal."""
    router = APIRouter(prefix="/api/v1/nominals", tags=["nominals"])

    @router.get("/changes", responses=problems())
    async def changes(
        stated: Stated,
        after: str = Query(
            default="0", pattern=r"^[0-9]{1,18}$", description="The `next` of the answer before"
        ),
        subject: Subject = Depends(caller),
    ) -> Changes:
        """Return which of one's own force's nominals changed, oldest first and without gaps."""
        entry = stated.entry(EventKind.CONSULTATION, "nominals.follow", {"after": after})
        async with gate.consult(
            subject, Action.NOMINALS_FOLLOW, stated.purpose, entry
        ) as consultation:
            return await service.follow(consultation, after)

    @router.get("/{nominal_id}", responses=problems(404))
    async def read(
        nominal_id: UUID,
        stated: Stated,
        subject: Subject = Depends(caller),
    ) -> Disclosed:
        """Return a nominal with every group of fields that policy shows for the purpose."""
        entry = stated.entry(EventKind.CONSULTATION, "nominals.read", {"nominal": str(nominal_id)})
        async with gate.consult(
            subject, Action.NOMINALS_READ, stated.purpose, entry
        ) as consultation:
            return await merging.read_marked(consultation, NominalId(nominal_id))

    @router.get("/{nominal_id}/history", responses=problems(404))
    async def history(
        nominal_id: UUID,
        stated: Stated,
        subject: Subject = Depends(caller),
    ) -> list[ReplacedRow]:
        """Return what a nominal was before its changes, as far as policy shows it today."""
        entry = stated.entry(
            EventKind.CONSULTATION, "nominals.history", {"nominal": str(nominal_id)}
        )
        async with gate.consult(
            subject, Action.NOMINALS_READ, stated.purpose, entry
        ) as consultation:
            return await service.read_history(consultation, NominalId(nominal_id))

    @router.put("/{nominal_id}", responses=problems(404, 409))
    async def amend(
        nominal_id: UUID,
        amendment: Amendment,
        stated: Stated,
        subject: Subject = Depends(caller),
    ) -> Amended:
        """Make a nominal of one's own force what the body says; replaced values are kept."""
        entry = stated.entry(EventKind.ALTERATION, "nominals.amend", {"nominal": str(nominal_id)})
        purpose = stated.purpose
        await gate.permit(subject, Action.NOMINALS_AMEND, purpose, entry)
        await service.prepare(gate.database, register, subject, amendment.nominal)
        async with gate.alter(subject, Action.NOMINALS_AMEND, purpose, entry) as alteration:
            version = await service.amend(
                alteration, register, NominalId(nominal_id), amendment.version, amendment.nominal
            )
        return Amended(id=nominal_id, version=version)

    @router.delete("/{nominal_id}", status_code=204, responses=problems(404, 409))
    async def erase(
        nominal_id: UUID,
        version: int,
        stated: Stated,
        subject: Subject = Depends(caller),
    ) -> Response:
        """Erase a nominal of one's own force with its history; the log keeps that it was."""
        entry = stated.entry(EventKind.ERASURE, "nominals.erase", {"nominal": str(nominal_id)})
        async with gate.alter(subject, Action.NOMINALS_ERASE, stated.purpose, entry) as alteration:
            await service.erase(alteration, NominalId(nominal_id), version)
        return Response(status_code=204)

    return router
