"""What the API and the command line say of a notification."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from athena.platform.kernel.notifications.models import Notification, sentence_of
from athena.platform.kernel.worklist.schemas import ShownRecord


class ShownNotification(BaseModel):
    """What a member was told; times are UTC."""

    id: UUID
    kind: str
    tells: str
    item_id: UUID | None
    record: ShownRecord | None
    created_at: datetime
    read_at: datetime | None

    @classmethod
    def of(cls, told: Notification) -> ShownNotification:
        """Return what is shown of a notification."""
        return cls(
            id=told.notification_id,
            kind=told.kind,
            tells=sentence_of(told.kind),
            item_id=told.item_id,
            record=ShownRecord.of(told.record),
            created_at=told.created_at,
            read_at=told.read_at,
        )
