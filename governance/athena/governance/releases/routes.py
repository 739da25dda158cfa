"""Releases over HTTP. A release is named by its reference or its id, a ring by its number."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response

from athena.governance.releases import rolling, service
from athena.governance.releases.blackouts import service as blackouts
from athena.governance.releases.calendar import Calendar, calendar
from athena.governance.releases.desk import Desk
from athena.governance.releases.machine import RingStep
from athena.governance.releases.models import WholeRelease
from athena.governance.releases.schemas import (
    BlackOutView,
    Confirmation,
    Judgement,
    NewBlackOut,
    NewRelease,
    ReleaseOverview,
    ReleaseView,
    Rescheduling,
    Review,
    RingCheck,
    release_view,
    ring_view,
)
from athena.platform.kernel.identity import Subject
from athena.platform.kernel.permits import Act
from athena.platform.kernel.web import Caller, problems

Name = Annotated[str, Path(max_length=40, description="The release's reference or id")]
Number = Annotated[int, Path(ge=1, le=100, description="The ring, counted from 1")]
Day = Annotated[date | None, Query(description="A day in London")]

PLAIN_STEPS = {
    "plan": service.plan,
    "revise": service.revise,
    "ask": service.ask,
    "approve": service.approve,
    "cancel": service.cancel,
    "close": service.close,
    "objections": service.object_to,
    "objections/withdraw": service.withdraw_objection,
    "begin": rolling.begin,
    "hold": rolling.hold,
    "resume": rolling.resume,
    "back-out": rolling.back_out,
}
"""The steps of a release that ask nothing but a reason, by their addresses."""

RING_STEPS = {
    "hold": RingStep.HOLD,
    "resume": RingStep.RESUME,
    "back-out": RingStep.BACK_OUT,
}
"""The steps of a ring that ask nothing but a reason, by their addresses."""


def make_router(desk: Desk, caller: Caller) -> APIRouter:
    """Return the routes of releases, of black-outs and of the calendar."""
    router = APIRouter(prefix="/api/v1/governance/releases", tags=["governance"])
    _add_calendar(router, desk, caller)
    _add_reading(router, desk, caller)
    _add_steps(router, desk, caller)
    _add_rings(router, desk, caller)
    return router


def view_of(desk: Desk, subject: Subject, whole: WholeRelease) -> ReleaseView:
    """Return a release as a member sees it, with what the member can do next."""
    rings = [ring_view(whole, ring, desk.can_ring(subject, whole, ring)) for ring in whole.rings]
    return release_view(whole, rings, desk.can(subject, whole))


def _add_calendar(router: APIRouter, desk: Desk, caller: Caller) -> None:
    office = desk.office

    @router.get("/calendar", responses=problems())
    async def shown(
        first: Day = None, last: Day = None, subject: Subject = Depends(caller)
    ) -> Calendar:
        """Return rings, black-outs and deadlines of votes, from today for a quarter of a year."""
        return await calendar(office, subject, first, last)

    @router.get("/black-outs", responses=problems())
    async def every(subject: Subject = Depends(caller)) -> list[BlackOutView]:
        """Return every force's black-outs that stand."""
        return [BlackOutView.of(item) for item in await blackouts.every(office, subject)]

    @router.post("/black-outs", status_code=201, responses=problems())
    async def file(new: NewBlackOut, subject: Subject = Depends(caller)) -> BlackOutView:
        """File a time in which nothing may go live for one's own force."""
        return BlackOutView.of(await blackouts.file(office, subject, new))

    @router.post("/black-outs/{black_out}/withdraw", status_code=204, responses=problems(404))
    async def withdraw(black_out: UUID, act: Act, subject: Subject = Depends(caller)) -> Response:
        """Withdraw a black-out of one's own force."""
        await blackouts.withdraw(office, subject, black_out, act.reason)
        return Response(status_code=204)


def _add_reading(router: APIRouter, desk: Desk, caller: Caller) -> None:
    @router.get("", responses=problems())
    async def every(subject: Subject = Depends(caller)) -> list[ReleaseOverview]:
        """Return every release, the newest first."""
        return [ReleaseOverview.of(item) for item in await service.every(desk, subject)]

    @router.post("", status_code=201, responses=problems(404, 409))
    async def draft(new: NewRelease, subject: Subject = Depends(caller)) -> ReleaseView:
        """Store a new release as a draft."""
        return view_of(desk, subject, await service.draft(desk, subject, new))

    @router.get("/{name}", responses=problems(404))
    async def one(name: Name, subject: Subject = Depends(caller)) -> ReleaseView:
        """Return a release with everything about it, and what the reader can do next."""
        return view_of(desk, subject, await desk.whole(subject, name))

    @router.post("/{name}/versions", status_code=201, responses=problems(404, 409))
    async def amend(name: Name, new: NewRelease, subject: Subject = Depends(caller)) -> ReleaseView:
        """Store the next version of a draft's plan."""
        return view_of(desk, subject, await service.amend(desk, subject, name, new))


def _add_steps(router: APIRouter, desk: Desk, caller: Caller) -> None:
    @router.post("/{name}/confirmations", status_code=201, responses=problems(404, 409))
    async def confirm(
        name: Name, new: Confirmation, subject: Subject = Depends(caller)
    ) -> ReleaseView:
        """Say go or no-go of an item of the checklist, with evidence for a go."""
        return view_of(desk, subject, await service.confirm(desk, subject, name, new))

    @router.post("/{name}/review", responses=problems(404, 409))
    async def review(name: Name, new: Review, subject: Subject = Depends(caller)) -> ReleaseView:
        """Look back on a release; what was found goes into each of its changes."""
        return view_of(desk, subject, await service.review(desk, subject, name, new))

    def add(path: str) -> None:
        @router.post(
            f"/{{name}}/{path}",
            responses=problems(404, 409),
            name=path,
            description=PLAIN_STEPS[path].__doc__,
        )
        async def take(name: Name, act: Act, subject: Subject = Depends(caller)) -> ReleaseView:
            return view_of(desk, subject, await PLAIN_STEPS[path](desk, subject, name, act.reason))

    for path in PLAIN_STEPS:
        add(path)


def _add_rings(router: APIRouter, desk: Desk, caller: Caller) -> None:
    @router.get("/{name}/rings/{number}", responses=problems(404))
    async def look(name: Name, number: Number, subject: Subject = Depends(caller)) -> RingCheck:
        """Return what keeps a ring from going live now."""
        found = await rolling.look(desk, subject, name, number)
        return RingCheck(ring=number, hindrances=found)

    @router.post("/{name}/rings/{number}/notify", responses=problems(404, 409))
    async def notify(
        name: Name, number: Number, act: Act, subject: Subject = Depends(caller)
    ) -> ReleaseView:
        """Tell a ring's forces that the release comes to them."""
        told = await rolling.notify(desk, subject, name, number, act.reason)
        return view_of(desk, subject, told)

    @router.post("/{name}/rings/{number}/go-live", responses=problems(404, 409))
    async def go_live(
        name: Name, number: Number, act: Act, subject: Subject = Depends(caller)
    ) -> ReleaseView:
        """Switch the release's features on for a ring's forces."""
        live = await rolling.go_live(desk, subject, name, number, act.reason)
        return view_of(desk, subject, live)

    @router.post("/{name}/rings/{number}/reschedule", responses=problems(404, 409))
    async def reschedule(
        name: Name, number: Number, new: Rescheduling, subject: Subject = Depends(caller)
    ) -> ReleaseView:
        """Give a ring another window; its forces must be told again."""
        moved = await rolling.reschedule(desk, subject, name, number, new)
        return view_of(desk, subject, moved)

    @router.post("/{name}/rings/{number}/judge", responses=problems(404, 409))
    async def judge(
        name: Name, number: Number, act: Act, subject: Subject = Depends(caller)
    ) -> Judgement:
        """Let the health gate judge a live ring; a spent budget holds the release."""
        return await rolling.judge_ring(desk, subject, name, number, act.reason)

    def add(path: str, step: RingStep) -> None:
        @router.post(
            f"/{{name}}/rings/{{number}}/{path}",
            responses=problems(404, 409),
            name=f"ring-{path}",
            description=f"Take the ring's step '{step.value.replace('_', ' ')}'.",
        )
        async def take(
            name: Name, number: Number, act: Act, subject: Subject = Depends(caller)
        ) -> ReleaseView:
            moved = await rolling.move_ring(desk, subject, name, number, step, act.reason)
            return view_of(desk, subject, moved)

    for path, step in RING_STEPS.items():
        add(path, step)
