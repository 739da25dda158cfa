"""Partners over HTTP, for the client body and oversight."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path

from athena.platform.kernel.database import Database
from athena.platform.kernel.identity import Subject
from athena.platform.kernel.permits import Act, Permit
from athena.platform.kernel.web import Caller, ReasonHeader, problems, stated_reason
from athena.policies.agreements.document import REFERENCE
from athena.sharing.ppss.onboarding import service
from athena.sharing.ppss.onboarding.schemas import (
    KeyEnd,
    NewAgreement,
    NewKey,
    PartnerContact,
    PartnerView,
    Registration,
    ReviewView,
)

KeyId = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$")]
Slug = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{1,40}$")]
Reference = Annotated[str, Path(pattern=REFERENCE)]


class ContactAct(Act):
    """A contact to set."""

    contact: PartnerContact


def make_router(database: Database, caller: Caller, manage: Permit, read: Permit) -> APIRouter:
    """Return the routes of partners; ``manage`` and ``read`` say who may."""
    router = APIRouter(prefix="/api/v1/partners", tags=["partners"])

    @router.get("", responses=problems())
    async def list_partners(
        reason: ReasonHeader = None, subject: Subject = Depends(caller)
    ) -> list[PartnerView]:
        """Return every registered partner with its keys and agreements."""
        stated = stated_reason(reason)
        await read(subject, stated)
        async with database.read(subject.login) as session:
            return await service.list_partners(session, subject, stated)

    @router.post("", status_code=201, responses=problems(404, 409))
    async def register(asked: Registration, subject: Subject = Depends(caller)) -> dict[str, str]:
        """Let a partner organisation use the partner interface."""
        await manage(subject, asked.reason)
        async with database.write(subject.login) as session:
            await service.register(session, subject, asked)
        return {"partner": asked.partner}

    @router.get("/reviews", responses=problems())
    async def list_reviews(
        reason: ReasonHeader = None, subject: Subject = Depends(caller)
    ) -> list[ReviewView]:
        """Return which calls are stopped for review, and which were."""
        stated = stated_reason(reason)
        await read(subject, stated)
        async with database.read(subject.login) as session:
            return await service.list_reviews(session, subject, stated)

    @router.post("/reviews/{review_id}/lift", responses=problems(404))
    async def lift(review_id: UUID, act: Act, subject: Subject = Depends(caller)) -> dict[str, str]:
        """Let calls that were stopped be answered again."""
        await manage(subject, act.reason)
        async with database.write(subject.login) as session:
            await service.lift(session, subject, review_id, act.reason)
        return {"review_id": str(review_id), "status": "lifted"}

    @router.post("/{slug}/contacts", responses=problems(404))
    async def set_contact(
        slug: Slug, act: ContactAct, subject: Subject = Depends(caller)
    ) -> dict[str, str]:
        """Set a contact of a partner."""
        await manage(subject, act.reason)
        async with database.write(subject.login) as session:
            await service.set_contact(session, subject, slug, act.contact, act.reason)
        return {"partner": slug, "kind": act.contact.kind}

    _add_keys(router, database, caller, manage)
    _add_agreements(router, database, caller, manage)
    return router


def _add_keys(router: APIRouter, database: Database, caller: Caller, manage: Permit) -> None:
    @router.post("/{slug}/keys", status_code=201, responses=problems(404, 409))
    async def add_key(
        slug: Slug, asked: NewKey, subject: Subject = Depends(caller)
    ) -> dict[str, str]:
        """Register a public key; those that are there go on counting."""
        await manage(subject, asked.reason)
        async with database.write(subject.login) as session:
            key_id = await service.add_key(session, subject, slug, asked)
        return {"partner": slug, "key_id": key_id}

    @router.post("/{slug}/keys/{key_id}/end", responses=problems(404, 409))
    async def end_key(
        slug: Slug, key_id: KeyId, asked: KeyEnd, subject: Subject = Depends(caller)
    ) -> dict[str, str]:
        """Let a key that is replaced end at a time."""
        await manage(subject, asked.reason)
        async with database.write(subject.login) as session:
            await service.end_key(session, subject, slug, key_id, asked)
        return {"partner": slug, "key_id": key_id}

    @router.post("/{slug}/keys/{key_id}/revoke", responses=problems(404))
    async def revoke_key(
        slug: Slug, key_id: KeyId, act: Act, subject: Subject = Depends(caller)
    ) -> dict[str, str]:
        """Revoke a key at once."""
        await manage(subject, act.reason)
        async with database.write(subject.login) as session:
            await service.revoke_key(session, subject, slug, key_id, act.reason)
        return {"partner": slug, "key_id": key_id, "status": "revoked"}


def _add_agreements(router: APIRouter, database: Database, caller: Caller, manage: Permit) -> None:
    @router.post("/{slug}/agreements", status_code=201, responses=problems(404, 409))
    async def add_agreement(
        slug: Slug, asked: NewAgreement, subject: Subject = Depends(caller)
    ) -> dict[str, str]:
        """Let a partner ask under an agreement, up to caps."""
        await manage(subject, asked.reason)
        async with database.write(subject.login) as session:
            await service.add_agreement(session, subject, slug, asked)
        return {"partner": slug, "agreement": asked.agreement}

    @router.post("/{slug}/agreements/{reference}/end", responses=problems(404))
    async def end_agreement(
        slug: Slug, reference: Reference, act: Act, subject: Subject = Depends(caller)
    ) -> dict[str, str]:
        """End a partner's use of an agreement."""
        await manage(subject, act.reason)
        async with database.write(subject.login) as session:
            await service.end_agreement(session, subject, slug, reference, act.reason)
        return {"partner": slug, "agreement": reference, "status": "ended"}

    @router.post("/{slug}/agreements/{reference}/stop", responses=problems(404, 409))
    async def stop(
        slug: Slug, reference: Reference, act: Act, subject: Subject = Depends(caller)
    ) -> dict[str, str]:
        """Stop a partner's calls under an agreement until somebody has looked."""
        await manage(subject, act.reason)
        async with database.write(subject.login) as session:
            await service.stop(session, subject, slug, reference, act.reason)
        return {"partner": slug, "agreement": reference, "status": "stopped"}
