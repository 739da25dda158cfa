"""Events that partners are told, and how their delivery stands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NewType
from uuid import UUID

from athena.platform.kernel.identity import TenantId
from athena.sharing.ppss.deliveries.machine import EventState, Standing

PartnerId = NewType("PartnerId", int)
"""The `TenantId` of a partner organisation."""

MOST_EVENTS = 200
"""How many events one answer of the feed holds at most."""


@dataclass(frozen=True, slots=True)
class PartnerEvent:
    """A numbered event as the partner gets it, however often; its id and number stay the same."""

    event_id: UUID
    sequence: int
    kind: str
    body: Mapping[str, Any]
    created_at: datetime

    def as_json(self) -> dict[str, Any]:
        """Return the event as partners get it, by webhook and in the feed alike."""
        return {
            "id": str(self.event_id),
            "sequence": self.sequence,
            "kind": self.kind,
            "at": self.created_at.isoformat(),
            "about": dict(self.body),
        }

    def document(self) -> bytes:
        """Return the body of a webhook's request: the same bytes for the same event."""
        return json.dumps(self.as_json(), sort_keys=True, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Due:
    """The first event that a partner hasn't taken yet, where to bring it, and how that stands."""

    partner: PartnerId
    owner: TenantId
    url: str
    event: PartnerEvent
    standing: Standing


@dataclass(frozen=True, slots=True)
class Refused:
    """A dead letter: an event that a partner's webhook refused too often."""

    event_id: UUID
    sequence: int
    kind: str
    created_at: datetime
    refused_at: datetime
    attempts: int
    last_error: str


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where a partner is told, and how that goes."""

    url: str
    set_at: datetime
    failing_since: datetime | None
    next_attempt_at: datetime | None
    stopped_at: datetime | None
    last_error: str | None


@dataclass(frozen=True, slots=True)
class Stream:
    """How far a partner's events go: the last number, the last one read, and what waits."""

    last_sequence: int
    acknowledged: int
    acknowledged_at: datetime | None
    waiting: int
    refused: int


@dataclass(frozen=True, slots=True)
class Feed:
    """A part of a partner's events, in their order."""

    events: tuple[PartnerEvent, ...]
    states: tuple[EventState, ...]
    last_sequence: int
    acknowledged: int
