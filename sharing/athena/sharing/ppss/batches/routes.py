"""Batches of person checks over HTTP."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from athena.platform.kernel.web import problems
from athena.sharing.ppss.batches.schemas import Batch, Batches, Progress
from athena.sharing.ppss.batches.service import MOST_LINES, PersonCheckBatches
from athena.sharing.ppss.interface import signed
from athena.sharing.ppss.reading import Admit, Call

_LINES = "application/x-ndjson"
_READING = "The results of a batch that the partner sent"


def make_router(batches: PersonCheckBatches, admit: Admit, admit_batch: Admit) -> APIRouter:
    """Return the routes of batches; ``admit_batch`` lets in a body as long as a batch may be."""
    router = APIRouter(prefix="/person-check-batches", tags=["batches of person checks"])

    @router.post(
        "",
        status_code=202,
        responses=problems(404, 409, 413, 415, 429),
        openapi_extra=signed(Batch, idempotent=True),
    )
    async def submit(call: Call = Depends(admit_batch)) -> Progress:
        """Ask of up to 10,000 persons at once, to be answered one after the other."""
        question = (call.idempotency_key, call.message.body)
        return await batches.submit(call.caller, call.read(Batch), question)

    @router.get("", responses=problems(404, 413, 415), openapi_extra=signed())
    async def own(call: Call = Depends(admit)) -> Batches:
        """Return the calling organisation's hundred latest batches, the newest first."""
        return Batches(batches=await batches.own(call.caller))

    @router.get("/{batch_id}", responses=problems(404, 413, 415), openapi_extra=signed())
    async def progress(batch_id: UUID, call: Call = Depends(admit)) -> Progress:
        """Return how far a batch is."""
        return await batches.progress(call.caller, batch_id)

    @router.get(
        "/{batch_id}/results",
        response_class=Response,
        responses={
            **problems(404, 413, 415),
            200: {"content": {_LINES: {}}, "description": "Up to 500 results, one a line"},
        },
        openapi_extra=signed(),
        description=f"At most {MOST_LINES} lines; ask again after the number of the last one.",
    )
    async def results(
        batch_id: UUID,
        call: Call = Depends(admit),
        after: Annotated[int, Query(ge=0, le=10_000)] = 0,
    ) -> Response:
        """Return what was answered or refused so far, in the order of the batch."""
        lines = await batches.results(call.caller, batch_id, after, _READING)
        text = "".join(f"{line.model_dump_json(exclude_none=True)}\n" for line in lines)
        return Response(text, media_type=_LINES)

    @router.post("/{batch_id}/cancel", responses=problems(404, 413, 415), openapi_extra=signed())
    async def cancel(batch_id: UUID, call: Call = Depends(admit)) -> Progress:
        """Forget the questions that aren't answered yet."""
        return await batches.cancel(call.caller, batch_id)

    return router
