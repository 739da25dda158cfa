"""Votes over HTTP: opening, casting, closing, cancelling, and the minute of each."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Depends

from athena.governance.changes.desk import Desk
from athena.governance.votes import service
from athena.governance.votes.schemas import (
    MinuteView,
    NewBallot,
    NewVote,
    VoteOverview,
    VoteView,
    vote_view,
)
from athena.platform.kernel.identity import Subject
from athena.platform.kernel.permits import Act
from athena.platform.kernel.web import Caller, problems


def make_router(desk: Desk, caller: Caller) -> APIRouter:
    """Return the routes of votes."""
    router = APIRouter(prefix="/api/v1/governance/votes", tags=["governance"])
    office = desk.office

    @router.get("", responses=problems())
    async def every(subject: Subject = Depends(caller)) -> list[VoteOverview]:
        """Return every vote, the newest first."""
        return [VoteOverview.of(vote) for vote in await service.every(office, subject)]

    @router.post("", status_code=201, responses=problems(404, 409))
    async def open_vote(new: NewVote, subject: Subject = Depends(caller)) -> VoteView:
        """Ask a body a question, under its constitution as it is now."""
        return vote_view(*await service.open_vote(desk, subject, new))

    @router.get("/{vote}", responses=problems(404))
    async def one(vote: UUID, subject: Subject = Depends(caller)) -> VoteView:
        """Return a vote; until it has closed a force sees its own ballots alone."""
        return vote_view(*await service.one(office, subject, vote))

    @router.post("/{vote}/ballots", status_code=201, responses=problems(404, 409))
    async def cast(vote: UUID, new: NewBallot, subject: Subject = Depends(caller)) -> VoteView:
        """Cast a ballot; it can be changed until the vote closes, by casting another."""
        return vote_view(*await service.cast(office, subject, vote, new))

    @router.post("/{vote}/close", responses=problems(404, 409))
    async def close(vote: UUID, act: Act, subject: Subject = Depends(caller)) -> VoteView:
        """Close a vote, with its outcome, its minute and what follows."""
        return vote_view(*await service.close(office, subject, vote, act.reason))

    @router.post("/{vote}/cancel", responses=problems(404, 409))
    async def cancel(vote: UUID, act: Act, subject: Subject = Depends(caller)) -> VoteView:
        """Cancel an open vote; its ballots count for nothing."""
        return vote_view(*await service.cancel(office, subject, vote, act.reason))

    @router.get("/{vote}/minute", responses=problems(404, 409))
    async def minute(vote: UUID, subject: Subject = Depends(caller)) -> MinuteView:
        """Return the minute of a closed vote: everything that its outcome follows from."""
        document, digest = await service.minute(office, subject, vote)
        return MinuteView(digest=digest, minute=document)

    return router
