"""Bodies over HTTP: reading, founding, amending, appointing."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Response

from athena.governance.acting import Office
from athena.governance.bodies import service
from athena.governance.bodies.schemas import (
    Added,
    Amendment,
    BodyOverview,
    BodyView,
    NewAppointment,
    NewBody,
    body_view,
)
from athena.platform.kernel.identity import Subject
from athena.platform.kernel.permits import Act
from athena.platform.kernel.web import Caller, problems

Slug = Annotated[str, Path(max_length=41, description="The body's short name")]


def make_router(office: Office, caller: Caller) -> APIRouter:
    """Return the routes of bodies."""
    router = APIRouter(prefix="/api/v1/governance/bodies", tags=["governance"])

    @router.get("", responses=problems())
    async def every(subject: Subject = Depends(caller)) -> list[BodyOverview]:
        """Return every body."""
        return [BodyOverview.of(body) for body in await service.every(office, subject)]

    @router.post("", status_code=201, responses=problems(409))
    async def found(new: NewBody, subject: Subject = Depends(caller)) -> BodyView:
        """Found a body with its first constitution."""
        return body_view(*await service.found(office, subject, new))

    @router.get("/{slug}", responses=problems(404))
    async def one(slug: Slug, subject: Subject = Depends(caller)) -> BodyView:
        """Return a body with its constitutions and everyone appointed so far."""
        return body_view(*await service.one(office, subject, slug))

    @router.post("/{slug}/constitutions", status_code=201, responses=problems(404, 409))
    async def amend(
        slug: Slug, amendment: Amendment, subject: Subject = Depends(caller)
    ) -> BodyView:
        """Store the next version of a constitution; votes that are open keep theirs."""
        return body_view(*await service.amend(office, subject, slug, amendment))

    @router.post("/{slug}/appointments", status_code=201, responses=problems(404, 409))
    async def appoint(slug: Slug, new: NewAppointment, subject: Subject = Depends(caller)) -> Added:
        """Appoint a member or a substitute of one's own force, or, as the client body, a chair."""
        return Added(id=await service.appoint(office, subject, slug, new))

    @router.post(
        "/{slug}/appointments/{appointment}/end",
        status_code=204,
        responses=problems(404, 409),
    )
    async def end(
        slug: Slug, appointment: UUID, act: Act, subject: Subject = Depends(caller)
    ) -> Response:
        """End a term; ballots cast in it stay."""
        await service.end(office, subject, slug, appointment, act.reason)
        return Response(status_code=204)

    return router
