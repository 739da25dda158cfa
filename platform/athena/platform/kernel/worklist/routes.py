"""The worklist over HTTP: list, show, claim, release, close."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import StringConstraints

from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.desk import Desk, OpenChange
from athena.platform.kernel.identity import Subject, TenantKind
from athena.platform.kernel.permits import check_reason
from athena.platform.kernel.web import Caller, problems
from athena.platform.kernel.worklist import service
from athena.platform.kernel.worklist.listing import Waiting, chosen, listed, nothing
from athena.platform.kernel.worklist.models import STILL_TO_DO, ItemState
from athena.platform.kernel.worklist.schemas import Closing, ShownItem, Step

ACTION = "worklist.work"
"""What a member's role must allow."""


@asynccontextmanager
async def at_the_desk(
    desk: Desk, subject: Subject, step: str, reason: str, item_id: UUID | None = None
) -> AsyncIterator[OpenChange]:
    """Open a member's logged work on the list or on one item of it."""
    content = {"item": str(item_id)} if item_id else {}
    entry = Entry(EventKind.CONSULTATION, f"worklist.{step}", reason, content)
    async with desk(subject, ACTION, entry) as work:
        yield work


def parse_reason(text: str) -> str:
    """Return why an item is closed as it is, or InvalidInputError; it is logged as it was given."""
    return check_reason(text, what="the outcome")


def make_router(desk: Desk, caller: Caller, waiting: Waiting = nothing) -> APIRouter:
    """Return the routes of the worklist."""
    router = APIRouter(prefix="/api/v1/worklist", tags=["worklist"])

    @router.get("", responses=problems())
    async def items(
        state: Annotated[
            list[ItemState] | None, Query(description="By default what is still to do")
        ] = None,
        kind: Annotated[
            list[Annotated[str, StringConstraints(pattern="^[a-z_]{1,60}$")]] | None,
            Query(description="By default all"),
        ] = None,
        limit: Annotated[int, Query(ge=1, le=service.MOST_ITEMS)] = 50,
        offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
        subject: Subject = Depends(caller),
    ) -> list[ShownItem]:
        """Return the items you can act on or have opened, the most urgent first."""
        waits, states = await waiting(subject), state or STILL_TO_DO
        if subject.tenant_kind is TenantKind.CLIENT_BODY:  # which has no items of its own
            return chosen(waits, states, kind)[offset : offset + limit]
        async with at_the_desk(desk, subject, "list", "Reads the own worklist") as work:
            return await listed(work, waits, states, kind, limit, offset)

    @router.get("/{item_id}", responses=problems(404))
    async def show(item_id: UUID, subject: Subject = Depends(caller)) -> ShownItem:
        """Return one item."""
        async with at_the_desk(desk, subject, "show", "Reads an item", item_id) as work:
            return ShownItem.of(await service.show(work, item_id))

    @router.post("/{item_id}/claim", responses=problems(404, 409))
    async def claim(item_id: UUID, step: Step, subject: Subject = Depends(caller)) -> ShownItem:
        """Take an open item on."""
        async with at_the_desk(desk, subject, "claim", "Takes the item on", item_id) as work:
            return ShownItem.of(await service.claim(work, item_id, step.version))

    @router.post("/{item_id}/release", responses=problems(404, 409))
    async def release(item_id: UUID, step: Step, subject: Subject = Depends(caller)) -> ShownItem:
        """Give a claimed item back."""
        async with at_the_desk(desk, subject, "release", "Gives the item back", item_id) as work:
            return ShownItem.of(await service.release(work, item_id, step.version))

    @router.post("/{item_id}/close", responses=problems(404, 409))
    async def close(
        item_id: UUID, closing: Closing, subject: Subject = Depends(caller)
    ) -> ShownItem:
        """Say how an item ended, and why."""
        reason = parse_reason(closing.reason)
        async with at_the_desk(desk, subject, "close", reason, item_id) as work:
            return ShownItem.of(
                await service.close(work, item_id, closing.outcome, closing.version)
            )

    return router
