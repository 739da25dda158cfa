"""Change requests and the catalogue over HTTP. A change is named by its reference or its id."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from athena.governance.changes import cataloguing, service, settling
from athena.governance.changes.catalogue import CatalogueEntry, NewEntry
from athena.governance.changes.desk import Desk
from athena.governance.changes.machine import Step
from athena.governance.changes.models import WholeChange
from athena.governance.changes.schemas import (
    ChangeOverview,
    ChangeView,
    Closing,
    Finish,
    NewAssessment,
    NewAttachment,
    NewChange,
    NewComment,
    NewPreview,
    NewQuote,
    NewVersion,
    Scheduling,
    Submission,
    change_view,
)
from athena.governance.ledger.schemas import DoneView
from athena.platform.kernel.identity import Subject
from athena.platform.kernel.permits import Act
from athena.platform.kernel.web import Caller, problems

Name = Annotated[str, Path(max_length=40, description="The change's reference or id")]

PLAIN_STEPS = {
    "send-back": Step.SEND_BACK,
    "unschedule": Step.UNSCHEDULE,
    "begin": Step.BEGIN,
    "return": Step.RETURN,
    "withdraw": Step.WITHDRAW,
}
"""The steps that ask nothing but a reason, by their addresses."""


def make_router(desk: Desk, caller: Caller) -> APIRouter:
    """Return the routes of change requests and of the catalogue."""
    router = APIRouter(prefix="/api/v1/governance", tags=["governance"])
    _add_reading(router, desk, caller)
    _add_steps(router, desk, caller)
    _add_additions(router, desk, caller)
    _add_catalogue(router, desk, caller)
    return router


def _add_reading(router: APIRouter, desk: Desk, caller: Caller) -> None:
    @router.get("/changes", responses=problems())
    async def every(subject: Subject = Depends(caller)) -> list[ChangeOverview]:
        """Return every change that one may see, the newest first; drafts are their raiser's."""
        return [ChangeOverview.of(item) for item in await service.every(desk.office, subject)]

    @router.post("/changes", status_code=201, responses=problems(404, 409))
    async def raise_change(new: NewChange, subject: Subject = Depends(caller)) -> ChangeView:
        """Raise a request: a draft until it is submitted."""
        return _view(desk, subject, await service.raise_change(desk, subject, new))

    @router.get("/changes/{name}", responses=problems(404))
    async def one(name: Name, subject: Subject = Depends(caller)) -> ChangeView:
        """Return a change with everything about it, and what the reader can do next."""
        return _view(desk, subject, await desk.whole(subject, name))

    @router.post("/changes/{name}/versions", status_code=201, responses=problems(404, 409))
    async def amend(name: Name, new: NewVersion, subject: Subject = Depends(caller)) -> ChangeView:
        """Store the next version of a new request."""
        return _view(desk, subject, await service.amend(desk, subject, name, new))


def _add_steps(router: APIRouter, desk: Desk, caller: Caller) -> None:
    @router.post("/changes/{name}/submit", responses=problems(404, 409))
    async def submit(name: Name, new: Submission, subject: Subject = Depends(caller)) -> ChangeView:
        """Hand a request in."""
        return _view(desk, subject, await service.submit(desk, subject, name, new))

    @router.post("/changes/{name}/end-assessing", responses=problems(404, 409))
    async def end_assessing(name: Name, act: Act, subject: Subject = Depends(caller)) -> ChangeView:
        """End assessing at its deadline; who stayed silent is recorded."""
        return _view(desk, subject, await service.end_assessing(desk, subject, name, act.reason))

    @router.post("/changes/{name}/schedule", responses=problems(404, 409))
    async def schedule(
        name: Name, new: Scheduling, subject: Subject = Depends(caller)
    ) -> ChangeView:
        """Give an authorised change its date."""
        return _view(desk, subject, await service.schedule(desk, subject, name, new))

    @router.post("/changes/{name}/finish", responses=problems(404, 409))
    async def finish(name: Name, new: Finish, subject: Subject = Depends(caller)) -> ChangeView:
        """End the work, implemented or backed out."""
        return _view(desk, subject, await service.finish(desk, subject, name, new))

    @router.post("/changes/{name}/close", responses=problems(404, 409))
    async def close(name: Name, new: Closing, subject: Subject = Depends(caller)) -> ChangeView:
        """Close a reviewed change, with what the review found."""
        return _view(desk, subject, await service.close(desk, subject, name, new))

    def add(path: str, step: Step) -> None:
        @router.post(
            f"/changes/{{name}}/{path}",
            responses=problems(404, 409),
            name=path,
            description=f"Take the step '{step.value.replace('_', ' ')}'.",
        )
        async def take(name: Name, act: Act, subject: Subject = Depends(caller)) -> ChangeView:
            return _view(desk, subject, await service.step(desk, subject, name, step, act.reason))

    for path, step in PLAIN_STEPS.items():
        add(path, step)


def _add_additions(router: APIRouter, desk: Desk, caller: Caller) -> None:
    @router.post("/changes/{name}/assessments", status_code=201, responses=problems(404, 409))
    async def assess(
        name: Name, new: NewAssessment, subject: Subject = Depends(caller)
    ) -> ChangeView:
        """File one's own force's impact assessment."""
        return _view(desk, subject, await service.assess(desk, subject, name, new))

    @router.post("/changes/{name}/quotes", status_code=201, responses=problems(404, 409))
    async def quote(name: Name, new: NewQuote, subject: Subject = Depends(caller)) -> ChangeView:
        """File the supplier's next quote; beyond the tolerance of a vote it reopens that."""
        return _view(desk, subject, await service.quote(desk, subject, name, new))

    @router.post("/changes/{name}/previews", status_code=201, responses=problems(404, 409))
    async def preview(
        name: Name, new: NewPreview, subject: Subject = Depends(caller)
    ) -> ChangeView:
        """Store what each force would pay, by which formula."""
        return _view(desk, subject, await service.preview(desk, subject, name, new))

    @router.post("/changes/{name}/settle", responses=problems(404, 409))
    async def settle(name: Name, act: Act, subject: Subject = Depends(caller)) -> DoneView:
        """Bring the accounts to who takes part now, or release a withdrawn change's cost."""
        return DoneView.of(await settling.settle(desk, subject, name, act.reason))

    @router.post("/changes/{name}/comments", status_code=201, responses=problems(404, 409))
    async def comment(
        name: Name, new: NewComment, subject: Subject = Depends(caller)
    ) -> ChangeView:
        """Contribute to the discussion."""
        return _view(desk, subject, await service.comment(desk, subject, name, new))

    @router.post("/changes/{name}/attachments", status_code=201, responses=problems(404, 409))
    async def attach(
        name: Name, new: NewAttachment, subject: Subject = Depends(caller)
    ) -> ChangeView:
        """Name a file that belongs to the request, by its checksum."""
        return _view(desk, subject, await service.attach(desk, subject, name, new))

    @router.post("/changes/{name}/opt-in", responses=problems(404, 409))
    async def opt_in(name: Name, act: Act, subject: Subject = Depends(caller)) -> ChangeView:
        """Let one's own force take part in an optional enhancement."""
        taken = await service.opt(desk, subject, name, Step.OPT_IN, act.reason)
        return _view(desk, subject, taken)

    @router.post("/changes/{name}/opt-out", responses=problems(404, 409))
    async def opt_out(name: Name, act: Act, subject: Subject = Depends(caller)) -> ChangeView:
        """Take one's own force out of an optional enhancement, before it is authorised."""
        taken = await service.opt(desk, subject, name, Step.OPT_OUT, act.reason)
        return _view(desk, subject, taken)


def _add_catalogue(router: APIRouter, desk: Desk, caller: Caller) -> None:
    @router.get("/catalogue", responses=problems())
    async def entries(subject: Subject = Depends(caller)) -> list[CatalogueEntry]:
        """Return the standard changes, with where each is in its life."""
        return await cataloguing.every(desk.office, subject)

    @router.post("/catalogue", status_code=201, responses=problems(409))
    async def propose(new: NewEntry, subject: Subject = Depends(caller)) -> CatalogueEntry:
        """Propose a standard change; a body approves it by a vote."""
        return await cataloguing.propose(desk.office, subject, new)

    @router.post("/catalogue/{slug}/retire", status_code=204, responses=problems(404))
    async def retire(
        slug: Annotated[str, Path(max_length=41)], act: Act, subject: Subject = Depends(caller)
    ) -> Response:
        """Retire an approved entry."""
        await cataloguing.retire(desk.office, subject, slug, act.reason)
        return Response(status_code=204)


def _view(desk: Desk, subject: Subject, whole: WholeChange) -> ChangeView:
    return change_view(whole, desk.can(subject, whole))
