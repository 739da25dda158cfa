"""Sending one event by webhook: to where it may go, signed, within a few seconds, once."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Protocol

import httpx

from athena.sharing.ppss.deliveries.machine import Attempt, retry_after
from athena.sharing.ppss.deliveries.models import PartnerEvent
from athena.sharing.ppss.deliveries.reach import Reach, UnreachableError
from athena.sharing.ppss.deliveries.signing import EVENT_ID, SEQUENCE, EventSigner

ANSWER_SECONDS = 10.0
"""A partner that hasn't answered by then counts as away; its answer may be a duplicate's."""

CONTENT_TYPE = "application/json"


class Sender(Protocol):
    """A way to send an event to a partner's address."""

    async def send(self, url: str, event: PartnerEvent, now: datetime) -> Attempt:
        """Send it and return what came of it; nothing is raised for what a partner does."""


class WebhookSender:
    """Posts events with `httpx`: no redirect is followed, no proxy asked, no answer's body read."""

    def __init__(
        self, signer: EventSigner, reach: Reach, answer_seconds: float = ANSWER_SECONDS
    ) -> None:
        self._signer = signer
        self._reach = reach
        self._seconds = answer_seconds
        self._client = httpx.AsyncClient(
            follow_redirects=False,
            trust_env=False,
            timeout=httpx.Timeout(answer_seconds),
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    async def close(self) -> None:
        """Close what is open."""
        await self._client.aclose()

    async def send(self, url: str, event: PartnerEvent, now: datetime) -> Attempt:
        """Send an event and return what came of it."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self._post(url, event, now)
        except UnreachableError as error:
            return Attempt(failure=error.code)
        except TimeoutError:
            return Attempt(failure="timed_out")
        except httpx.TimeoutException:
            return Attempt(failure="timed_out")
        except (httpx.HTTPError, httpx.InvalidURL, OSError):
            return Attempt(failure="not_reached")

    async def _post(self, url: str, event: PartnerEvent, now: datetime) -> Attempt:
        destination = await self._reach.resolve(url)
        body = event.document()
        headers = self._signer.sign(
            destination.url,
            body,
            {
                "content-type": CONTENT_TYPE,
                EVENT_ID: str(event.event_id),
                SEQUENCE: str(event.sequence),
            },
            now,
        )
        request = self._client.build_request(
            "POST",
            destination.connect_url,
            content=body,
            headers={**headers, "host": destination.authority, "user-agent": "athena"},
            # The certificate is checked against the name, though the address is connected to.
            extensions={"sni_hostname": destination.host},
        )
        answer = await self._client.send(request, stream=True)
        try:
            return Attempt(answer.status_code, retry_after=retry_after(answer.headers, now))
        finally:
            await answer.aclose()
