"""Telling somebody something, and reading what one was told."""

from __future__ import annotations

from uuid import UUID

from athena.platform.kernel.desk import OpenChange, OpenWork
from athena.platform.kernel.errors import NotFoundError
from athena.platform.kernel.notifications import repository
from athena.platform.kernel.notifications.models import Notification
from athena.platform.kernel.worklist.models import Assignee, RecordReference

PLATFORM = "platform"
"""The channel that puts a message on each recipient's own list."""

MOST_NOTIFICATIONS = 200


async def notify(
    work: OpenWork,
    kind: str,
    recipient: Assignee,
    record: RecordReference | None = None,
    item_id: UUID | None = None,
    channel: str = PLATFORM,
) -> None:
    """Tell a role, a team or a member of the member's own force, once this transaction commits.

    ``kind`` is a code in small letters and underscores; what it tells stands in
    `notifications.models.sentence_of`. Opening an item of the worklist tells its assignee already.
    """
    await repository.send(work, kind, recipient, record, item_id, channel)


async def list_notifications(
    work: OpenWork, limit: int = 50, offset: int = 0, *, unread_only: bool = False
) -> list[Notification]:
    """Return what the member was told, the newest first."""
    return await repository.own_list(
        work, min(limit, MOST_NOTIFICATIONS), offset, unread_only=unread_only
    )


async def mark_read(work: OpenChange, notification_id: UUID) -> None:
    """Note that the member has read a notification, or NotFoundError."""
    if not await repository.mark_read(work, notification_id):
        raise NotFoundError("You have no such notification; list them to see what there is.")
