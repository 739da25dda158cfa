"""Messages of the outbox, what delivering one may come to, and what a member is told."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from athena.platform.kernel.database import WriteSession
from athena.platform.kernel.identity import TenantId
from athena.platform.kernel.worklist.models import KINDS, ItemKind, RecordReference

MOST_ATTEMPTS = 10
"""After so many failures a message is parked; with the delays below that is about eight hours."""

_FIRST_DELAY = timedelta(seconds=15)
_LONGEST_DELAY = timedelta(hours=2)


class MessageState(enum.StrEnum):
    """A message is pending until it is delivered, or parked because it can't be."""

    PENDING = "pending"
    DELIVERED = "delivered"
    PARKED = "parked"


@dataclass(frozen=True, slots=True)
class Message:
    """A message that is being delivered: whom it is for and what it is about, in codes only."""

    owner_force: TenantId
    message_id: UUID
    channel: str
    kind: str
    record: RecordReference | None
    item_id: UUID | None
    recipient_role: str | None
    recipient_team: str | None
    recipient_member: UUID | None
    created_at: datetime
    attempts: int


@dataclass(frozen=True, slots=True)
class Notification:
    """What a member is told."""

    notification_id: UUID
    kind: str
    record: RecordReference | None
    item_id: UUID | None
    created_at: datetime
    read_at: datetime | None


class DeliveryError(Exception):
    """A channel couldn't deliver; ``for_good`` when trying again can't help.

    ``code`` is kept beside the message: a short code, never what the message or a person says.
    """

    def __init__(self, code: str, *, for_good: bool = False) -> None:
        super().__init__(code)
        self.code = code
        self.for_good = for_good


class Channel(Protocol):
    """A way to deliver messages.

    ``deliver`` may run twice for one message: a process can die after delivering and before
    noting it. So a channel to the outside sends the message's id along, for the receiver to drop
    the second.
    """

    async def deliver(self, session: WriteSession, message: Message) -> None:
        """Deliver, or raise DeliveryError; anything else that is raised is tried again."""


def delay_after(attempts: int) -> timedelta:
    """Return how long a message waits after so many failed attempts: twice as long each time."""
    return min(_FIRST_DELAY * (1 << min(attempts - 1, 20)), _LONGEST_DELAY)


def sentence_of(kind: str) -> str:
    """Return what a kind of notification tells a person."""
    if kind in set(ItemKind):
        return KINDS[ItemKind(kind)].sentence
    return kind.replace("_", " ").capitalize() + "."
