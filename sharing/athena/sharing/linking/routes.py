"""Links over HTTP. The purpose and the reason come in headers."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Depends, Query

from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.identity import NominalId, Subject
from athena.platform.kernel.permits import Permit
from athena.platform.kernel.web import Caller, header_text, problems
from athena.policies.roles.actions import Action
from athena.policies.visibility.service import Gate, parse_purpose, parse_reason
from athena.records.nominals.routes import PurposeHeader, ReasonHeader
from athena.sharing.linking import service
from athena.sharing.linking.schemas import (
    Decided,
    Decision,
    Links,
    NewThresholds,
    SetThresholds,
    Waiting,
)
from athena.sharing.search.service import Searcher


def make_router(gate: Gate, searcher: Searcher, caller: Caller, may_set: Permit) -> APIRouter:
    """Return the routes of links; the searcher holds the directory of the moment."""
    router = APIRouter(prefix="/api/v1", tags=["links"])

    @router.get("/nominals/{nominal_id}/links", responses=problems(404))
    async def links(
        nominal_id: UUID,
        purpose: PurposeHeader = None,
        reason: ReasonHeader = None,
        subject: Subject = Depends(caller),
    ) -> Links:
        """Return the nominals that may be the same person, as far as policy shows them."""
        entry = Entry(
            EventKind.CONSULTATION,
            "links.read",
            parse_reason(header_text(reason)),
            {"nominal": str(nominal_id)},
        )
        async with gate.consult(
            subject, Action.LINKS_READ, parse_purpose(purpose), entry
        ) as consultation:
            return await service.links_of(consultation, searcher.directory, NominalId(nominal_id))

    @router.get("/links", responses=problems())
    async def waiting(
        limit: int = Query(default=50, ge=1, le=service.MOST_WAITING),
        purpose: PurposeHeader = None,
        reason: ReasonHeader = None,
        subject: Subject = Depends(caller),
    ) -> list[Waiting]:
        """Return the own force's suggestions that nobody has decided, the oldest first."""
        entry = Entry(EventKind.CONSULTATION, "links.waiting", parse_reason(header_text(reason)))
        async with gate.consult(
            subject, Action.LINKS_READ, parse_purpose(purpose), entry
        ) as consultation:
            return await service.waiting(consultation, searcher.directory, limit)

    @router.post("/links/decisions", responses=problems(404))
    async def decide(
        decision: Decision,
        purpose: PurposeHeader = None,
        reason: ReasonHeader = None,
        subject: Subject = Depends(caller),
    ) -> Decided:
        """Decide that two nominals are, or aren't, one person."""
        entry = Entry(
            EventKind.ALTERATION,
            "links.decide",
            parse_reason(header_text(reason)),
            {"nominal": str(decision.nominal_id), "other": str(decision.other_id)},
        )
        async with gate.alter(
            subject, Action.LINKS_DECIDE, parse_purpose(purpose), entry
        ) as alteration:
            return await service.decide(
                alteration,
                NominalId(decision.nominal_id),
                NominalId(decision.other_id),
                decision.verdict,
            )

    @router.post("/links/worklist", responses=problems())
    async def fill_worklist(
        purpose: PurposeHeader = None,
        reason: ReasonHeader = None,
        subject: Subject = Depends(caller),
    ) -> int:
        """Put what waits for a decision on the worklist, as far as you see it; return how many."""
        entry = Entry(
            EventKind.ALTERATION, "links.fill_worklist", parse_reason(header_text(reason))
        )
        async with gate.alter(
            subject, Action.LINKS_DECIDE, parse_purpose(purpose), entry
        ) as alteration:
            return await service.fill_worklist(alteration)

    @router.put("/links/thresholds", responses=problems())
    async def set_thresholds(
        new: NewThresholds, subject: Subject = Depends(caller)
    ) -> SetThresholds:
        """Set from which probability pairs are suggested and linked; the AMO's to do."""
        await may_set(subject, new.reason)
        async with gate.database.write(subject.login) as session:
            await service.set_thresholds(session, subject, new)
            return await service.thresholds(session)

    return router
