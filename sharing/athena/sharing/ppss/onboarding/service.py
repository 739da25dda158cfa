"""What the client body does with partners: register, keys, agreements, reviews; all logged."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

from asyncpg import PostgresError

from athena.platform.kernel import audit
from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.errors import ConflictError, InvalidInputError, NotFoundError
from athena.platform.kernel.identity import Subject, TenantId
from athena.platform.kernel.permits import sqlstate
from athena.policies.agreements.signing import key_id, load_public_key
from athena.sharing.ppss.limits import repository as limits
from athena.sharing.ppss.limits.models import Cause
from athena.sharing.ppss.onboarding import repository
from athena.sharing.ppss.onboarding.schemas import (
    KeyEnd,
    NewAgreement,
    NewKey,
    PartnerContact,
    PartnerView,
    Registration,
    ReviewView,
)

_TAKEN, _UNKNOWN, _KEPT = "23505", "23503", "AT014"


async def register(session: WriteSession, subject: Subject, asked: Registration) -> None:
    """Let a partner tenant use the interface; nothing is told to it before it has an agreement."""
    partner_id = await _tenant(session, asked.partner)
    content = {"partner": asked.partner, "sandbox": asked.sandbox, "clearance": asked.clearance}
    await audit.administer(session, subject, "partners.register", asked.reason, content)
    async with _stated("This partner is registered already."):
        await repository.add(session, partner_id, asked, subject.username)


async def set_contact(
    session: WriteSession, subject: Subject, slug: str, contact: PartnerContact, reason: str
) -> None:
    """Set whom at a partner to turn to."""
    partner_id = await _tenant(session, slug)
    content = {"partner": slug, "kind": contact.kind}
    await audit.administer(session, subject, "partners.contact", reason, content)
    async with _stated("There is a contact of this kind."):
        await repository.set_contact(session, partner_id, contact)


async def add_key(session: WriteSession, subject: Subject, slug: str, asked: NewKey) -> str:
    """Register a public key beside those that hold, and return its id.

    Both count until the older one ends or is revoked: that is how keys are replaced without a gap.
    """
    partner_id = await _tenant(session, slug)
    public = load_public_key(asked.public_key.encode())
    start, end = asked.valid_from, asked.valid_to
    if end is not None and end <= (start or datetime.now(UTC)):
        raise InvalidInputError("A key ends after it begins.", field="/valid_to")
    named = key_id(public)
    content = {"partner": slug, "key_id": named}
    await audit.administer(session, subject, "partners.add_key", asked.reason, content)
    async with _stated("This key is registered already: each partner makes keys of its own."):
        await repository.add_key(
            session, partner_id, (named, public), (start, end), (subject.username, asked.reason)
        )
    return named


async def end_key(
    session: WriteSession, subject: Subject, slug: str, named: str, asked: KeyEnd
) -> None:
    """Let a key end at a time, not later than it does already."""
    partner_id = await _tenant(session, slug)
    content = {"partner": slug, "key_id": named, "valid_to": str(asked.valid_to)}
    await audit.administer(session, subject, "partners.end_key", asked.reason, content)
    async with _stated("A key's time is only ever shortened."):
        ended = await repository.end_key(session, partner_id, named, asked.valid_to)
    if not ended:
        raise NotFoundError("The partner has no such key that still counts.")


async def revoke_key(
    session: WriteSession, subject: Subject, slug: str, named: str, reason: str
) -> None:
    """Revoke a key at once: nothing that it signs counts from this commit on."""
    partner_id = await _tenant(session, slug)
    content = {"partner": slug, "key_id": named}
    await audit.administer(session, subject, "partners.revoke_key", reason, content)
    if not await repository.revoke_key(session, partner_id, named, reason):
        raise NotFoundError("The partner has no such key that isn't revoked.")


async def add_agreement(
    session: WriteSession, subject: Subject, slug: str, asked: NewAgreement
) -> None:
    """Let a partner ask under an agreement that it is a partner of, up to caps."""
    partner_id = await _tenant(session, slug)
    agreement_id, hourly = await _agreement(session, slug, asked.agreement)
    cap = min(asked.hourly_cap or hourly, hourly)
    content = {
        "partner": slug,
        "agreement": asked.agreement,
        "hourly_cap": cap,
        "daily_cap": asked.daily_cap,
    }
    await audit.administer(session, subject, "partners.add_agreement", asked.reason, content)
    async with _stated("The partner has this agreement already."):
        await repository.add_agreement(
            session,
            partner_id,
            agreement_id,
            (cap, asked.daily_cap),
            (subject.username, asked.reason),
        )


async def end_agreement(
    session: WriteSession, subject: Subject, slug: str, reference: str, reason: str
) -> None:
    """End a partner's use of an agreement from this commit on."""
    partner_id = await _tenant(session, slug)
    agreement_id, _ = await _agreement(session, slug, reference)
    content = {"partner": slug, "agreement": reference}
    await audit.administer(session, subject, "partners.end_agreement", reason, content)
    who = (subject.username, reason)
    if not await repository.end_agreement(session, partner_id, agreement_id, who):
        raise NotFoundError("The partner doesn't use this agreement.")


async def stop(
    session: WriteSession, subject: Subject, slug: str, reference: str, reason: str
) -> None:
    """Stop a partner's calls under an agreement until the review is lifted."""
    partner_id = await _tenant(session, slug)
    agreement_id, _ = await _agreement(session, slug, reference)
    content = {"partner": slug, "agreement": reference}
    await audit.administer(session, subject, "partners.stop", reason, content)
    async with _stated("The calls are stopped already."):
        cause = Cause.STOPPED_BY_CLIENT_BODY
        if not await limits.flag(session, partner_id, agreement_id, cause):
            raise ConflictError("The calls are stopped already.")


async def lift(session: WriteSession, subject: Subject, review_id: UUID, reason: str) -> None:
    """Lift a review, for a reason: calls are answered again, and patterns counted from now."""
    content = {"review": str(review_id)}
    await audit.administer(session, subject, "partners.lift_review", reason, content)
    if not await limits.lift(session, review_id, subject.username, reason):
        raise NotFoundError("There is no such review that is open.")


async def list_partners(session: ReadSession, subject: Subject, reason: str) -> list[PartnerView]:
    """Return every registered partner, by its short name."""
    await audit.administer(session, subject, "partners.read", reason, {})
    return [PartnerView.model_validate(row._asdict()) for row in await repository.partners(session)]


async def list_reviews(session: ReadSession, subject: Subject, reason: str) -> list[ReviewView]:
    """Return every review, those that are open first."""
    await audit.administer(session, subject, "partners.reviews", reason, {})
    rows = await repository.reviews(session)
    return [ReviewView.model_validate(row._asdict()) for row in rows]


async def _tenant(session: ReadSession, slug: str) -> TenantId:
    found = await repository.tenant(session, slug)
    if found is None:
        raise NotFoundError(
            "There is no such partner organisation; `athena tenants create-partner` makes one."
        )
    return found


async def _agreement(session: ReadSession, slug: str, reference: str) -> tuple[UUID, int]:
    """Return the id and the hourly limit of an agreement that a partner is a partner of."""
    found = await repository.agreement(session, reference)
    if found is None or {"tenant": slug, "role": "partner"} not in found[1]:
        raise NotFoundError("There is no agreement of this reference with it as a partner.")
    return found[0], found[2]


@asynccontextmanager
async def _stated(taken: str) -> AsyncIterator[None]:
    """Say in a sentence why the store doesn't do what it was asked."""
    try:
        yield
    except PostgresError as error:
        if sqlstate(error) == _UNKNOWN:
            raise NotFoundError("The partner isn't registered; register it first.") from None
        if sqlstate(error) in (_TAKEN, _KEPT):
            raise ConflictError(taken) from None
        raise
