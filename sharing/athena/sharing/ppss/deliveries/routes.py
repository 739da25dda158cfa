"""Events over HTTP: the feed in the partner interface, webhooks and dead letters in the API."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from athena.platform.kernel.database import Database
from athena.platform.kernel.identity import Subject
from athena.platform.kernel.permits import Act, Permit
from athena.platform.kernel.web import Caller, ReasonHeader, problems, stated_reason
from athena.sharing.ppss.deliveries import service
from athena.sharing.ppss.deliveries.models import MOST_EVENTS
from athena.sharing.ppss.deliveries.reach import Reach
from athena.sharing.ppss.deliveries.schemas import (
    Acknowledged,
    DeliveriesView,
    FeedView,
    PlatformKey,
    ReadUpTo,
    ReplayAct,
    WebhookAct,
)
from athena.sharing.ppss.deliveries.service import PartnerFeed
from athena.sharing.ppss.deliveries.signing import EventSigner
from athena.sharing.ppss.interface import signed
from athena.sharing.ppss.reading import Admit, Call

Slug = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{1,40}$")]
After = Annotated[int, Query(ge=0, le=2**63 - 1, description="The number of the last one you have")]
Most = Annotated[int, Query(ge=1, le=MOST_EVENTS)]


def make_partner_router(feed: PartnerFeed, signer: EventSigner, admit: Admit) -> APIRouter:
    """Return the routes by which a partner reads what it is told."""
    router = APIRouter(tags=["events"])

    @router.get("/events", responses=problems(404, 413, 415), openapi_extra=signed())
    async def events(
        call: Call = Depends(admit), after: After = 0, limit: Most = MOST_EVENTS
    ) -> FeedView:
        """Return what your organisation is told, in its order, after a number."""
        return FeedView.of(await feed.read(call.caller, after, limit), after)

    @router.post(
        "/events/acknowledgement", responses=problems(404, 413, 415), openapi_extra=signed(ReadUpTo)
    )
    async def acknowledge(call: Call = Depends(admit)) -> Acknowledged:
        """Say up to which event you have read and dealt with."""
        read = await feed.acknowledge(call.caller, call.read(ReadUpTo).sequence)
        return Acknowledged(acknowledged=read)

    @router.get("/platform-key", responses=problems(404, 413, 415), openapi_extra=signed())
    async def platform_key(_: Call = Depends(admit)) -> PlatformKey:
        """Return the key by which the platform signs what it sends to webhooks."""
        return PlatformKey.of(signer)

    return router


def make_router(
    database: Database, reach: Reach, caller: Caller, manage: Permit, read: Permit
) -> APIRouter:
    """Return the routes by which the client body keeps webhooks and replays dead letters."""
    router = APIRouter(prefix="/api/v1/partners/{slug}", tags=["partners"])

    @router.get("/deliveries", responses=problems(404))
    async def deliveries(
        slug: Slug, reason: ReasonHeader = None, subject: Subject = Depends(caller)
    ) -> DeliveriesView:
        """Return how a partner's events go out, with its dead letters."""
        stated = stated_reason(reason)
        await read(subject, stated)
        async with database.read(subject.login) as session:
            return await service.show(session, subject, slug, stated)

    @router.post("/deliveries/replay", responses=problems(404))
    async def replay(
        slug: Slug, act: ReplayAct, subject: Subject = Depends(caller)
    ) -> dict[str, int]:
        """Send one dead letter again, or all, under their ids and numbers."""
        await manage(subject, act.reason)
        async with database.write(subject.login) as session:
            count = await service.replay(session, subject, slug, act.event_id, act.reason)
        return {"replayed": count}

    @router.post("/webhook", responses=problems(404))
    async def set_webhook(
        slug: Slug, act: WebhookAct, subject: Subject = Depends(caller)
    ) -> dict[str, str]:
        """Set where a partner is told."""
        await manage(subject, act.reason)
        async with database.write(subject.login) as session:
            await service.set_webhook(session, subject, slug, act.url, reach, act.reason)
        return {"partner": slug, "url": act.url}

    @router.post("/webhook/remove", responses=problems(404))
    async def remove_webhook(
        slug: Slug, act: Act, subject: Subject = Depends(caller)
    ) -> dict[str, str]:
        """Take a partner's webhook away; its feed stays."""
        await manage(subject, act.reason)
        async with database.write(subject.login) as session:
            await service.remove_webhook(session, subject, slug, act.reason)
        return {"partner": slug, "status": "removed"}

    @router.post("/webhook/restart", responses=problems(404))
    async def restart_webhook(
        slug: Slug, act: Act, subject: Subject = Depends(caller)
    ) -> dict[str, str]:
        """Let a webhook that stopped be tried again at once."""
        await manage(subject, act.reason)
        async with database.write(subject.login) as session:
            await service.restart_webhook(session, subject, slug, act.reason)
        return {"partner": slug, "status": "started"}

    return router
