"""The SQL of calls: keys looked up, calls let in, and for which partner a transaction runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.identity import Clearance, TenantId
from athena.sharing.ppss.signatures.models import Claimed, Partner

_DUPLICATE = "23505"


@dataclass(frozen=True, slots=True)
class Registered:
    """What the client body registered of a partner under one agreement."""

    hourly_cap: int
    daily_cap: int
    ended: bool
    under_review: str | None
    """Why calls are stopped for review, if they are."""


@dataclass(frozen=True, slots=True)
class Used:
    """How many calls there were in this hour and on this day, this one too."""

    hour: int
    day: int


@dataclass(frozen=True, slots=True)
class LetIn:
    """What the store says of a call whose signature has verified."""

    state: str
    """``let_in``, or why not: ``revoked``, ``not_yet_valid``, ``rotated``, ``suspended``,
    ``replayed``."""
    partner: Partner
    registered: Registered | None
    """Nothing where no agreement was asked for, or the partner isn't registered under it."""
    used: Used | None
    """Nothing where the call wasn't to be counted, or nothing may be asked under the agreement."""


async def public_key(session: ReadSession, key_id: str) -> bytes | None:
    """Return the public key of an id, whatever has become of it; an id has one for ever."""
    found = await session.value(
        "SELECT k.public_key FROM sharing.partner_key AS k WHERE k.key_id = :key", {"key": key_id}
    )
    return None if found is None else bytes(found)


async def let_in(
    session: WriteSession,
    claimed: Claimed,
    expires_at: datetime,
    agreement_id: UUID | None,
    *,
    count: bool,
) -> LetIn | None:
    """Note a nonce until no message of its age is accepted, and count the call; None: no such key.

    A call that isn't let in leaves nothing behind, and one without an agreement isn't counted.
    """
    row = await session.one(
        "SELECT l.* FROM sharing.let_in(:key, :nonce, CAST(:expires AS timestamptz), "
        "CAST(:agreement AS uuid), :count) AS l",
        {
            "key": claimed.key_id,
            "nonce": claimed.nonce,
            "expires": expires_at,
            "agreement": agreement_id,
            "count": count,
        },
    )
    if row is None or row.state is None:
        return None
    partner = Partner(
        TenantId(row.partner),
        row.slug,
        row.name,
        Clearance(row.clearance),
        row.sandbox,
        row.opens,
        row.closes,
    )
    registered = (
        None
        if row.ended is None
        else Registered(row.hourly_cap, row.daily_cap, row.ended, row.under_review)
    )
    used = None if row.hour is None else Used(row.hour, row.day)
    return LetIn(row.state, partner, registered, used)


async def partner(session: ReadSession, partner_id: TenantId) -> tuple[Partner, bool] | None:
    """Return a partner and whether it may call today, or None if there is no such one."""
    row = await session.one(
        "SELECT t.slug, t.name, p.clearance, p.sandbox, p.opens, p.closes, "
        "t.status = 'active' AS active FROM sharing.partner AS p "
        "JOIN tenants.tenant AS t ON t.tenant_id = p.partner_id AND t.kind = 'partner' "
        "WHERE p.partner_id = :partner",
        {"partner": partner_id},
    )
    if row is None:
        return None
    found = Partner(
        partner_id,
        row.slug,
        row.name,
        Clearance(row.clearance),
        row.sandbox,
        row.opens,
        row.closes,
    )
    return found, row.active


async def run_for(session: ReadSession, partner_id: TenantId) -> None:
    """Note for which partner this transaction runs; it sees no other partner's rows."""
    await session.value(
        "INSERT INTO sharing.partner_call (partner_id) VALUES (:partner) RETURNING partner_id",
        {"partner": partner_id},
    )


async def registered(
    session: ReadSession, partner_id: TenantId, agreement_id: UUID
) -> Registered | None:
    """Return how a partner is registered under an agreement, or None if it isn't."""
    row = await session.one(
        "SELECT a.hourly_cap, a.daily_cap, a.ended_at IS NOT NULL AS ended, (SELECT r.cause "
        "FROM sharing.partner_review AS r WHERE r.partner_id = a.partner_id "
        "AND r.agreement_id = a.agreement_id AND r.lifted_at IS NULL) AS under_review "
        "FROM sharing.partner_agreement AS a "
        "WHERE a.partner_id = :partner AND a.agreement_id = :agreement",
        {"partner": partner_id, "agreement": agreement_id},
    )
    if row is None:
        return None
    return Registered(row.hourly_cap, row.daily_cap, row.ended, row.under_review)
