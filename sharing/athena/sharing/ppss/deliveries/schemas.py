"""Events and webhooks as they are read and set."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from athena.platform.kernel.permits import Act
from athena.sharing.ppss.deliveries.models import Feed, PartnerEvent, Refused, Stream, Webhook
from athena.sharing.ppss.deliveries.reach import LONGEST_URL
from athena.sharing.ppss.deliveries.signing import COVERED, TAG, EventSigner

_LARGEST = 2**63 - 1


class EventView(BaseModel):
    """Something that the partner is told; the same in the feed and by webhook."""

    id: UUID = Field(description="The same however often it is sent: drop what you have")
    sequence: int = Field(description="Events are told in this order; numbers may be left out")
    kind: str
    at: datetime
    about: dict[str, Any] = Field(description="What it is about, by ids and names of fields")

    @classmethod
    def of(cls, event: PartnerEvent) -> EventView:
        """Return the view of an event."""
        return cls.model_validate(event.as_json())


class FeedView(BaseModel):
    """A part of the events, in their order; ask again with ``next`` as ``after``."""

    events: list[EventView]
    next: int
    last: int = Field(description="The number of the newest event there is")
    acknowledged: int = Field(description="Up to where you said that you have read")

    @classmethod
    def of(cls, feed: Feed, after: int) -> FeedView:
        """Return the view of a part of a feed that was asked for after a number."""
        return cls(
            events=[EventView.of(event) for event in feed.events],
            next=feed.events[-1].sequence if feed.events else after,
            last=feed.last_sequence,
            acknowledged=feed.acknowledged,
        )


class ReadUpTo(BaseModel):
    """The number of the last event that the partner has dealt with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sequence: int = Field(ge=0, le=_LARGEST)


class Acknowledged(BaseModel):
    """Up to where the partner has read."""

    acknowledged: int


class PlatformKey(BaseModel):
    """The key by which the platform signs what it sends, and what each signature covers."""

    key_id: str
    algorithm: str
    public_key: str = Field(description="32 bytes in base64")
    tag: str
    covered: list[str]

    @classmethod
    def of(cls, signer: EventSigner) -> PlatformKey:
        """Return what is published of a signer."""
        return cls(
            key_id=signer.key_id,
            algorithm="ed25519",
            public_key=signer.public_key,
            tag=TAG,
            covered=list(COVERED),
        )


class WebhookAct(Act):
    """Where a partner shall be told."""

    url: str = Field(max_length=LONGEST_URL, examples=["https://partner.example/athena/events"])


class ReplayAct(Act):
    """Which dead letter shall be sent again; all of the partner's where none is named."""

    event_id: UUID | None = None


class WebhookView(BaseModel):
    """Where a partner is told, and how that goes."""

    url: str
    set_at: datetime
    failing_since: datetime | None
    next_attempt_at: datetime | None
    stopped_at: datetime | None = Field(
        description="Since when it isn't tried any more; it must be started again"
    )
    last_error: str | None


class DeadLetter(BaseModel):
    """An event that a partner's webhook refused too often; the feed has it nevertheless."""

    event_id: UUID
    sequence: int
    kind: str
    created_at: datetime
    refused_at: datetime
    attempts: int
    last_error: str


class DeliveriesView(BaseModel):
    """How a partner's events go out."""

    partner: str
    webhook: WebhookView | None
    last_sequence: int
    acknowledged: int
    acknowledged_at: datetime | None
    waiting: int
    refused: int
    dead_letters: list[DeadLetter]

    @classmethod
    def of(
        cls, slug: str, webhook: Webhook | None, stream: Stream, dead: list[Refused]
    ) -> DeliveriesView:
        """Return the view of a partner's deliveries."""
        view = None
        if webhook is not None:
            view = WebhookView(
                url=webhook.url,
                set_at=webhook.set_at,
                failing_since=webhook.failing_since,
                next_attempt_at=webhook.next_attempt_at,
                stopped_at=webhook.stopped_at,
                last_error=webhook.last_error,
            )
        return cls(
            partner=slug,
            webhook=view,
            last_sequence=stream.last_sequence,
            acknowledged=stream.acknowledged,
            acknowledged_at=stream.acknowledged_at,
            waiting=stream.waiting,
            refused=stream.refused,
            dead_letters=[
                DeadLetter(
                    event_id=item.event_id,
                    sequence=item.sequence,
                    kind=item.kind,
                    created_at=item.created_at,
                    refused_at=item.refused_at,
                    attempts=item.attempts,
                    last_error=item.last_error,
                )
                for item in dead
            ],
        )
