"""Links over HTTP. The purpose and the reason come in headers."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Depends, Query

from athena.platform.kernel.audit import EventKind
from athena.platform.kernel.features import Features
from athena.platform.kernel.identity import NominalId, Subject
from athena.platform.kernel.permits import Permit
from athena.platform.kernel.web import Caller, problems
from athena.policies.roles.actions import Action
from athena.policies.visibility.service import Gate
from athena.policies.visibility.stated import Stated
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


def make_router(
    gate: Gate, searcher: Searcher, features: Features, caller: Caller, may_set: Permit
) -> APIRouter:
    """Return the routes of links; the searcher holds the directory of the moment."""
    router = APIRouter(prefix="/api/v1", tags=["links"])

    @router.get("/nominals/{nominal_id}/links", responses=problems(404))
    async def links(
        nominal_id: UUID,
        stated: Stated,
        subject: Subject = Depends(caller),
    ) -> Links:
        """Return the nominals that may be the same person, as far as policy shows them."""
        entry = stated.entry(EventKind.CONSULTATION, "links.read", {"nominal": str(nominal_id)})
        async with gate.consult(subject, Action.LINKS_READ, stated.purpose, entry) as consultation:
            return await service.links_of(
                consultation, searcher.directory, features, NominalId(nominal_id)
            )

    @router.get("/links", responses=problems())
    async def waiting(
        stated: Stated,
        limit: int = Query(default=50, ge=1, le=service.MOST_WAITING),
        subject: Subject = Depends(caller),
    ) -> list[Waiting]:
        """Return the own force's suggestions that nobody has decided, the oldest first."""
        entry = stated.entry(EventKind.CONSULTATION, "links.waiting")
        async with gate.consult(subject, Action.LINKS_READ, stated.purpose, entry) as consultation:
            return await service.waiting(consultation, searcher.directory, features, limit)

    @router.post("/links/decisions", responses=problems(404))
    async def decide(
        decision: Decision,
        stated: Stated,
        subject: Subject = Depends(caller),
    ) -> Decided:
        """Decide that two nominals are, or aren't, one person."""
        entry = stated.entry(
            EventKind.ALTERATION,
            "links.decide",
            {"nominal": str(decision.nominal_id), "other": str(decision.other_id)},
        )
        async with gate.alter(subject, Action.LINKS_DECIDE, stated.purpose, entry) as alteration:
            return await service.decide(
                alteration,
                NominalId(decision.nominal_id),
                NominalId(decision.other_id),
                decision.verdict,
            )

    @router.post("/links/worklist", responses=problems())
    async def fill_worklist(
        stated: Stated,
        subject: Subject = Depends(caller),
    ) -> int:
        """Put what waits for a decision on the worklist, as far as you see it; return how many."""
        entry = stated.entry(EventKind.ALTERATION, "links.fill_worklist")
        async with gate.alter(subject, Action.LINKS_DECIDE, stated.purpose, entry) as alteration:
            return await service.fill_worklist(alteration, features)

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
