"""The SQL of calls: keys looked up, nonces noted, and for which partner a transaction runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.identity import Clearance, TenantId
from athena.platform.kernel.permits import sqlstate
from athena.sharing.ppss.problems import ReplayedError
from athena.sharing.ppss.signatures.models import Partner, PartnerKey

_DUPLICATE = "23505"


@dataclass(frozen=True, slots=True)
class Registered:
    """What the client body registered of a partner under one agreement."""

    hourly_cap: int
    daily_cap: int
    ended: bool
    under_review: str | None
    """Why calls are stopped for review, if they are."""


_PARTNER = (
    "p.partner_id, p.clearance, p.sandbox, p.opens, p.closes, t.slug, t.name, "
    "t.status = 'active' AS active"
)
_JOINED = "JOIN tenants.tenant AS t ON t.tenant_id = p.partner_id AND t.kind = 'partner'"


async def key(session: ReadSession, key_id: str) -> tuple[Partner, PartnerKey] | None:
    """Return a key and whose it is, whatever has become of it."""
    row = await session.one(
        "SELECT k.key_id, k.public_key, k.valid_from, k.valid_to, k.revoked_at, "
        f"{_PARTNER} FROM sharing.partner_key AS k JOIN sharing.partner AS p USING (partner_id) "
        f"{_JOINED} WHERE k.key_id = :key",
        {"key": key_id},
    )
    if row is None:
        return None
    found = PartnerKey(
        row.key_id, bytes(row.public_key), row.valid_from, row.valid_to, row.revoked_at
    )
    return _partner(row), found


async def partner(session: ReadSession, partner_id: TenantId) -> Partner | None:
    """Return a partner as it stands today, or None if there is no such one."""
    row = await session.one(
        f"SELECT {_PARTNER} FROM sharing.partner AS p {_JOINED} WHERE p.partner_id = :partner",
        {"partner": partner_id},
    )
    return _partner(row) if row is not None else None


def _partner(row: Any) -> Partner:
    return Partner(
        TenantId(row.partner_id),
        row.slug,
        row.name,
        row.active,
        Clearance(row.clearance),
        row.sandbox,
        row.opens,
        row.closes,
    )


async def note_nonce(session: WriteSession, key_id: str, nonce: str, expires_at: datetime) -> None:
    """Note a nonce until no message of its age is accepted; ReplayedError if it's there."""
    try:
        await session.execute(
            "INSERT INTO sharing.partner_nonce (key_id, nonce, expires_at) "
            "VALUES (:key, :nonce, :expires)",
            {"key": key_id, "nonce": nonce, "expires": expires_at},
        )
    except DBAPIError as error:
        if sqlstate(error) != _DUPLICATE:
            raise
        raise ReplayedError(
            "A message with this nonce came before; sign each message with a new one."
        ) from None


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
