"""The SQL of registering partners, as the client body."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.identity import TenantId
from athena.sharing.ppss.onboarding.schemas import PartnerContact, Registration


async def tenant(session: ReadSession, slug: str) -> TenantId | None:
    """Return the number of a partner organisation that takes part, or None."""
    found = await session.value(
        "SELECT tenant_id FROM tenants.tenant WHERE slug = :slug AND kind = 'partner' "
        "AND status <> 'offboarded'",
        {"slug": slug},
    )
    return None if found is None else TenantId(found)


async def add(
    session: WriteSession, partner_id: TenantId, asked: Registration, username: str
) -> None:
    """Register a partner."""
    await session.execute(
        "INSERT INTO sharing.partner (partner_id, clearance, sandbox, opens, closes, username, "
        "reason) VALUES (:partner, :clearance, :sandbox, :opens, :closes, :who, :why)",
        {
            "partner": partner_id,
            "clearance": asked.clearance.value,
            "sandbox": asked.sandbox,
            "opens": asked.opens,
            "closes": asked.closes,
            "who": username,
            "why": asked.reason,
        },
    )
    for contact in asked.contacts:
        await set_contact(session, partner_id, contact)


async def set_contact(session: WriteSession, partner_id: TenantId, contact: PartnerContact) -> None:
    """Set a contact of a partner, instead of the one of that kind."""
    await session.execute(
        "INSERT INTO sharing.partner_contact (partner_id, kind, unit, email, telephone) "
        "VALUES (:partner, :kind, :unit, :email, :telephone) ON CONFLICT (partner_id, kind) "
        "DO UPDATE SET unit = excluded.unit, email = excluded.email, "
        "telephone = excluded.telephone",
        {"partner": partner_id, **contact.model_dump()},
    )


async def add_key(
    session: WriteSession,
    partner_id: TenantId,
    key: tuple[str, bytes],
    period: tuple[datetime | None, datetime | None],
    who: tuple[str, str],
) -> None:
    """Register a public key by its id, from a time (now) to a time (none)."""
    await session.execute(
        "INSERT INTO sharing.partner_key (key_id, partner_id, public_key, valid_from, valid_to, "
        "username, reason) VALUES (:id, :partner, :key, coalesce(CAST(:start AS timestamptz), "
        "now()), :end, :who, :why)",
        {
            "id": key[0],
            "key": key[1],
            "partner": partner_id,
            "start": period[0],
            "end": period[1],
            "who": who[0],
            "why": who[1],
        },
    )


async def end_key(
    session: WriteSession, partner_id: TenantId, key_id: str, valid_to: datetime
) -> int:
    """Let a key that wasn't revoked end at a time; return how many there were."""
    return await session.execute(
        "UPDATE sharing.partner_key SET valid_to = :end WHERE partner_id = :partner "
        "AND key_id = :key AND revoked_at IS NULL",
        {"partner": partner_id, "key": key_id, "end": valid_to},
    )


async def revoke_key(session: WriteSession, partner_id: TenantId, key_id: str, reason: str) -> int:
    """Revoke a key that wasn't yet; return how many there were."""
    return await session.execute(
        "UPDATE sharing.partner_key SET revoked_reason = :why WHERE partner_id = :partner "
        "AND key_id = :key AND revoked_at IS NULL",
        {"partner": partner_id, "key": key_id, "why": reason},
    )


async def agreement(session: ReadSession, reference: str) -> tuple[UUID, list[Any], int] | None:
    """Return the id, the parties and the hourly limit of an agreement's newest version."""
    row = await session.one(
        "SELECT agreement_id, document -> 'parties' AS parties, "
        "CAST(document ->> 'rate_limit_per_hour' AS integer) AS hourly FROM policies.agreement "
        "WHERE reference = :reference ORDER BY version DESC LIMIT 1",
        {"reference": reference},
    )
    if row is None:
        return None
    parties = json.loads(row.parties) if isinstance(row.parties, str) else row.parties
    return row.agreement_id, parties, row.hourly


async def add_agreement(
    session: WriteSession,
    partner_id: TenantId,
    agreement_id: UUID,
    caps: tuple[int, int],
    who: tuple[str, str],
) -> None:
    """Let a partner ask under an agreement, or again, with caps for an hour and a day."""
    await session.execute(
        "INSERT INTO sharing.partner_agreement (partner_id, agreement_id, hourly_cap, daily_cap, "
        "username, reason) VALUES (:partner, :agreement, :hourly, :daily, :who, :why) "
        "ON CONFLICT (partner_id, agreement_id) DO UPDATE SET hourly_cap = excluded.hourly_cap, "
        "daily_cap = excluded.daily_cap, ended_at = NULL, username = excluded.username, "
        "reason = excluded.reason",
        {
            "partner": partner_id,
            "agreement": agreement_id,
            "hourly": caps[0],
            "daily": caps[1],
            "who": who[0],
            "why": who[1],
        },
    )


async def end_agreement(
    session: WriteSession, partner_id: TenantId, agreement_id: UUID, who: tuple[str, str]
) -> int:
    """End a partner's use of an agreement; return how many there were."""
    return await session.execute(
        "UPDATE sharing.partner_agreement SET ended_at = now(), username = :who, reason = :why "
        "WHERE partner_id = :partner AND agreement_id = :agreement AND ended_at IS NULL",
        {"partner": partner_id, "agreement": agreement_id, "who": who[0], "why": who[1]},
    )


async def partners(session: ReadSession) -> Sequence[Any]:
    """Return a row for each registered partner, with its contacts, keys and agreements as JSON."""
    return await session.rows(
        "SELECT t.slug AS partner, t.name, t.status, p.clearance, p.sandbox, p.opens, p.closes, "
        "(SELECT coalesce(jsonb_agg(to_jsonb(c) - 'partner_id' ORDER BY c.kind), '[]') "
        "FROM sharing.partner_contact AS c WHERE c.partner_id = p.partner_id) AS contacts, "
        "(SELECT coalesce(jsonb_agg(jsonb_build_object('key_id', k.key_id, 'valid_from', "
        "k.valid_from, 'valid_to', k.valid_to, 'revoked_at', k.revoked_at, 'revoked_reason', "
        "k.revoked_reason) ORDER BY k.valid_from, k.key_id), '[]') "
        "FROM sharing.partner_key AS k WHERE k.partner_id = p.partner_id) AS keys, "
        "(SELECT coalesce(jsonb_agg(jsonb_build_object('agreement', (SELECT min(g.reference) "
        "FROM policies.agreement AS g WHERE g.agreement_id = a.agreement_id), 'hourly_cap', "
        "a.hourly_cap, 'daily_cap', a.daily_cap, 'ended', a.ended_at IS NOT NULL, 'stopped_for', "
        "(SELECT r.cause FROM sharing.partner_review AS r WHERE r.partner_id = a.partner_id "
        "AND r.agreement_id = a.agreement_id AND r.lifted_at IS NULL)) ORDER BY a.registered_at), "
        "'[]') FROM sharing.partner_agreement AS a WHERE a.partner_id = p.partner_id) "
        "AS agreements FROM sharing.partner AS p "
        "JOIN tenants.tenant AS t ON t.tenant_id = p.partner_id ORDER BY t.slug"
    )


async def reviews(session: ReadSession) -> Sequence[Any]:
    """Return every review, those that are open first, then the newest."""
    return await session.rows(
        "SELECT r.review_id, t.slug AS partner, (SELECT min(g.reference) "
        "FROM policies.agreement AS g WHERE g.agreement_id = r.agreement_id) AS agreement, "
        "r.cause, r.flagged_at, r.lifted_at, r.lifted_by, r.lifted_reason "
        "FROM sharing.partner_review AS r JOIN tenants.tenant AS t ON t.tenant_id = r.partner_id "
        "ORDER BY r.lifted_at IS NOT NULL, r.flagged_at DESC LIMIT 200"
    )
