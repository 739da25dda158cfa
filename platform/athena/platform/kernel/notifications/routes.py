"""A member's own notifications over HTTP: list, mark as read."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.desk import Desk
from athena.platform.kernel.identity import Subject
from athena.platform.kernel.notifications import service
from athena.platform.kernel.notifications.schemas import ShownNotification
from athena.platform.kernel.web import Caller, problems

ACTION = "notifications.read"
"""What a member's role must allow."""

LISTING = Entry(EventKind.CONSULTATION, "notifications.list", "Reads the own notifications")


def make_router(desk: Desk, caller: Caller) -> APIRouter:
    """Return the routes of notifications."""
    router = APIRouter(prefix="/api/v1/notifications", tags=["notifications"])

    @router.get("", responses=problems())
    async def notifications(
        unread: Annotated[bool, Query(description="Only what you haven't read yet")] = False,
        limit: Annotated[int, Query(ge=1, le=service.MOST_NOTIFICATIONS)] = 50,
        offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
        subject: Subject = Depends(caller),
    ) -> list[ShownNotification]:
        """Return what you were told, the newest first."""
        async with desk(subject, ACTION, LISTING) as work:
            told = await service.list_notifications(work, limit, offset, unread_only=unread)
        return [ShownNotification.of(each) for each in told]

    @router.post("/{notification_id}/read", status_code=204, responses=problems(404))
    async def mark_read(notification_id: UUID, subject: Subject = Depends(caller)) -> Response:
        """Note that you have read a notification."""
        entry = Entry(
            EventKind.CONSULTATION,
            "notifications.read",
            "Marks an own notification as read",
            {"notification": str(notification_id)},
        )
        async with desk(subject, ACTION, entry) as work:
            await service.mark_read(work, notification_id)
        return Response(status_code=204)

    return router
