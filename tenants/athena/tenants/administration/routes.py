"""Members of the administrator's own tenant over HTTP; names stand in bodies, not in addresses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel

from athena.platform.kernel.database import Database, WriteSession
from athena.platform.kernel.identity import Subject
from athena.platform.kernel.permits import Act, Permit
from athena.platform.kernel.web import Caller, ReasonHeader, problems, stated_reason
from athena.tenants.administration import service
from athena.tenants.administration.schemas import (
    MemberView,
    Move,
    NewMember,
    NewTeam,
    RoleEnd,
    RoleGrant,
    TeamEnd,
    TeamPlace,
    TeamView,
)


class Added(BaseModel):
    """The id of a new member."""

    id: UUID


@dataclass(frozen=True, slots=True)
class _Office:
    """Opens the transactions in which administrators act, for those who may."""

    database: Database
    manage: Permit

    @asynccontextmanager
    async def open(self, subject: Subject, reason: str) -> AsyncIterator[WriteSession]:
        await self.manage(subject, reason)
        async with self.database.write(subject.login) as session:
            yield session


def make_router(database: Database, caller: Caller, manage: Permit) -> APIRouter:
    """Return the routes of members; ``manage`` says who may."""
    router = APIRouter(prefix="/api/v1/members", tags=["members"])
    office = _Office(database, manage)
    _add_teams(router, office, caller)  # first, because "teams" is no member's id
    _add_members(router, office, caller)
    _add_duties(router, office, caller)
    return router


def _add_members(router: APIRouter, office: _Office, caller: Caller) -> None:
    @router.get("", responses=problems())
    async def list_members(
        reason: ReasonHeader = None, subject: Subject = Depends(caller)
    ) -> list[MemberView]:
        """Return every member of one's own tenant, those who left too."""
        stated = stated_reason(reason)
        async with office.open(subject, stated) as session:
            return await service.list_members(session, subject, stated)

    @router.post("", status_code=201, responses=problems(409))
    async def add(new: NewMember, subject: Subject = Depends(caller)) -> Added:
        """Let a member join."""
        async with office.open(subject, new.reason) as session:
            member_id = await service.add(session, subject, new)
        return Added(id=member_id)

    @router.get("/{member_id}", responses=problems(404))
    async def show(
        member_id: UUID, reason: ReasonHeader = None, subject: Subject = Depends(caller)
    ) -> MemberView:
        """Return a member with every role and team held so far."""
        stated = stated_reason(reason)
        async with office.open(subject, stated) as session:
            return await service.show(session, subject, member_id, stated)

    @router.post("/{member_id}/leave", status_code=204, responses=problems(404, 409))
    async def leave(member_id: UUID, act: Act, subject: Subject = Depends(caller)) -> Response:
        """Let a member leave; access ends at once."""
        async with office.open(subject, act.reason) as session:
            await service.leave(session, subject, member_id, act.reason)
        return Response(status_code=204)

    @router.post("/{member_id}/move", status_code=204, responses=problems(404, 409))
    async def move(member_id: UUID, to: Move, subject: Subject = Depends(caller)) -> Response:
        """Give a member other duties from today on."""
        async with office.open(subject, to.reason) as session:
            await service.move(session, subject, member_id, to)
        return Response(status_code=204)


def _add_duties(router: APIRouter, office: _Office, caller: Caller) -> None:
    @router.post("/{member_id}/roles/grant", status_code=204, responses=problems(404, 409))
    async def grant(
        member_id: UUID, given: RoleGrant, subject: Subject = Depends(caller)
    ) -> Response:
        """Give a member a role."""
        async with office.open(subject, given.reason) as session:
            await service.grant(session, subject, member_id, given)
        return Response(status_code=204)

    @router.post("/{member_id}/roles/revoke", status_code=204, responses=problems(404, 409))
    async def revoke(member_id: UUID, end: RoleEnd, subject: Subject = Depends(caller)) -> Response:
        """Take a role away."""
        async with office.open(subject, end.reason) as session:
            await service.revoke(session, subject, member_id, end)
        return Response(status_code=204)


def _add_teams(router: APIRouter, office: _Office, caller: Caller) -> None:
    @router.get("/teams", responses=problems())
    async def list_teams(
        reason: ReasonHeader = None, subject: Subject = Depends(caller)
    ) -> list[TeamView]:
        """Return the teams of one's own tenant."""
        stated = stated_reason(reason)
        async with office.open(subject, stated) as session:
            return await service.list_teams(session, subject, stated)

    @router.post("/teams", status_code=204, responses=problems(409))
    async def add_team(new: NewTeam, subject: Subject = Depends(caller)) -> Response:
        """Make a team."""
        async with office.open(subject, new.reason) as session:
            await service.add_team(session, subject, new)
        return Response(status_code=204)

    @router.post("/{member_id}/teams/join", status_code=204, responses=problems(404, 409))
    async def join_team(
        member_id: UUID, place: TeamPlace, subject: Subject = Depends(caller)
    ) -> Response:
        """Give a member a place in a team."""
        async with office.open(subject, place.reason) as session:
            await service.join_team(session, subject, member_id, place)
        return Response(status_code=204)

    @router.post("/{member_id}/teams/leave", status_code=204, responses=problems(404, 409))
    async def leave_team(
        member_id: UUID, end: TeamEnd, subject: Subject = Depends(caller)
    ) -> Response:
        """Take a member's place in a team away."""
        async with office.open(subject, end.reason) as session:
            await service.leave_team(session, subject, member_id, end)
        return Response(status_code=204)
