"""Submissions over HTTP: for partners in their interface, for officers in the API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from athena.platform.kernel.identity import Subject
from athena.platform.kernel.permits import Act
from athena.platform.kernel.web import Caller, ReasonHeader, problems, stated_reason
from athena.sharing.ppss.interface import signed
from athena.sharing.ppss.reading import Admit, Call
from athena.sharing.ppss.submissions.models import SubmissionState
from athena.sharing.ppss.submissions.schemas import (
    MOST_SUBMISSIONS,
    Decline,
    OpenedSubmission,
    StatusView,
    SubmissionDraft,
    SubmissionView,
)
from athena.sharing.ppss.submissions.service import Question, Submissions

Most = Annotated[int, Query(ge=1, le=MOST_SUBMISSIONS)]
OnlyOpen = Annotated[bool, Query(alias="open", description="Only what isn't decided yet")]
Titles = Callable[[], Mapping[UUID, str]]


def make_partner_router(submissions: Submissions, admit: Admit) -> APIRouter:
    """Return the routes by which a partner submits and follows what becomes of it."""
    router = APIRouter(tags=["submissions"])

    @router.post(
        "/submissions",
        responses=problems(404, 409, 413, 415, 429),
        openapi_extra=signed(SubmissionDraft, idempotent=True),
    )
    async def submit(call: Call = Depends(admit)) -> StatusView:
        """Tell a force something: it is received as unassessed information."""
        question = Question(call.read(SubmissionDraft), call.idempotency_key, call.message.body)
        return StatusView.of(await submissions.submit(call.caller, question))

    @router.get(
        "/submissions/{submission_id}",
        responses=problems(404, 413, 415),
        openapi_extra=signed(),
    )
    async def status(submission_id: UUID, call: Call = Depends(admit)) -> StatusView:
        """Return what became of a submission of your organisation's so far."""
        return StatusView.of(await submissions.status(call.caller, submission_id))

    return router


def make_router(submissions: Submissions, titles: Titles, caller: Caller) -> APIRouter:
    """Return the routes by which a force assesses submissions; ``titles`` of agreements."""
    router = APIRouter(prefix="/api/v1/submissions", tags=["submissions"])

    @router.get("", responses=problems())
    async def queue(
        reason: ReasonHeader = None,
        only_open: OnlyOpen = True,
        limit: Most = MOST_SUBMISSIONS,
        subject: Subject = Depends(caller),
    ) -> list[SubmissionView]:
        """Return what partners submitted to the own force, the most urgent first."""
        stated = stated_reason(reason)
        found = await submissions.queue(subject, stated, limit, open_only=only_open)
        return [SubmissionView.in_queue(item, titles()) for item in found]

    @router.get("/{submission_id}", responses=problems(404))
    async def show(
        submission_id: UUID, reason: ReasonHeader = None, subject: Subject = Depends(caller)
    ) -> OpenedSubmission:
        """Return a submission with its words: unassessed information."""
        stated = stated_reason(reason)
        found, content = await submissions.show(subject, submission_id, stated)
        return OpenedSubmission(
            submission=SubmissionView.in_queue(found, titles()), content=content
        )

    @router.post("/{submission_id}/begin", responses=problems(404, 409))
    async def begin(
        submission_id: UUID, act: Act, subject: Subject = Depends(caller)
    ) -> SubmissionView:
        """Take a submission on: the partner is told that it is being assessed."""
        state = SubmissionState.BEING_ASSESSED
        moved = await submissions.move(subject, submission_id, state, act.reason)
        return SubmissionView.in_queue(moved, titles())

    @router.post("/{submission_id}/accept", responses=problems(404, 409))
    async def accept(
        submission_id: UUID, act: Act, subject: Subject = Depends(caller)
    ) -> SubmissionView:
        """Accept a submission; no record changes by that."""
        state = SubmissionState.ACCEPTED
        moved = await submissions.move(subject, submission_id, state, act.reason)
        return SubmissionView.in_queue(moved, titles())

    @router.post("/{submission_id}/decline", responses=problems(404, 409))
    async def decline(
        submission_id: UUID, act: Decline, subject: Subject = Depends(caller)
    ) -> SubmissionView:
        """Decline a submission; the partner is told because of what."""
        state = SubmissionState.DECLINED
        moved = await submissions.move(subject, submission_id, state, act.reason, act.because)
        return SubmissionView.in_queue(moved, titles())

    return router
