"""The SQL of referrals; the store's own triggers attest them, log each step, and tell partners."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from asyncpg import PostgresError

from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.errors import ConflictError
from athena.platform.kernel.identity import Clearance, NominalId, TenantId
from athena.platform.kernel.permits import sqlstate
from athena.platform.kernel.rows import Row
from athena.policies.visibility.models import Alteration, Consultation
from athena.sharing.ppss.disclosures.sealing import Sealed
from athena.sharing.ppss.referrals.models import (
    DeclinedBecause,
    Late,
    New,
    Referral,
    ReferralState,
    Unanswered,
    WithdrawnBecause,
)
from athena.sharing.ppss.referrals.schemas import ReferralAnswer
from athena.sharing.ppss.signatures.models import Partner

_DUPLICATE, _NOT_FROM_HERE = "23505", "AT017"
_COLUMNS = (
    "r.referral_id, r.owner_force, f.slug AS force, p.slug AS partner, r.agreement_id, "
    "r.nominal_id, r.disclosure_id, r.kind, r.purpose, r.sent_by, r.sent_at, r.due_at, r.state, "
    "r.changed_at, r.answered_by, r.declined_because, r.asked_for, r.withdrawn_because, "
    "r.escalated_at, r.client_body_at, r.sent_fields"
)
_FROM = (
    " FROM sharing.referral AS r JOIN tenants.tenant AS f ON f.tenant_id = r.owner_force "
    "JOIN tenants.tenant AS p ON p.tenant_id = r.partner_id "
)
_OF_PARTNER = f"SELECT {_COLUMNS} {_FROM} WHERE r.partner_id = :partner "
_OF_FORCE = f"SELECT {_COLUMNS} {_FROM} WHERE r.owner_force = :force "


async def partner(session: ReadSession, slug: str) -> Partner | None:
    """Return a partner that isn't suspended by its short name, or None."""
    row = await session.one(
        "SELECT p.partner_id, p.clearance, p.sandbox, p.opens, p.closes, t.slug, t.name "
        "FROM sharing.partner AS p JOIN tenants.tenant AS t ON t.tenant_id = p.partner_id "
        "WHERE t.slug = :slug AND t.status = 'active'",
        {"slug": slug},
    )
    if row is None:
        return None
    return Partner(
        TenantId(row.partner_id),
        row.slug,
        row.name,
        Clearance(row.clearance),
        row.sandbox,
        row.opens,
        row.closes,
    )


async def add(session: ReadSession, new: New, fields: tuple[str, ...]) -> None:
    """Store a referral; ConflictError where the same waits for an answer already."""
    try:
        await session.value(
            "INSERT INTO sharing.referral (owner_force, referral_id, partner_id, agreement_id, "
            "nominal_id, disclosure_id, officer_event, kind, purpose, sent_by, clock, due_at, "
            "sent_fields) VALUES (:owner, :id, :partner, :agreement, :nominal, :disclosure, "
            ":event, :kind, :purpose, :by, :clock, :due, :fields) RETURNING referral_id",
            {
                "owner": new.owner,
                "id": new.referral_id,
                "partner": new.partner,
                "agreement": new.agreement_id,
                "nominal": new.nominal_id,
                "disclosure": new.disclosure_id,
                "event": new.officer_event,
                "kind": new.kind,
                "purpose": new.purpose,
                "by": new.sent_by,
                "clock": new.due.clock,
                "due": new.due.at,
                "fields": list(fields),
            },
        )
    except PostgresError as error:
        if sqlstate(error) != _DUPLICATE:
            raise
        raise ConflictError(
            "The same referral waits for the partner's answer; withdraw that one first."
        ) from None


async def of_partner(
    session: ReadSession, partner_id: TenantId, limit: int, *, open_only: bool
) -> list[Referral]:
    """Return a partner's referrals, the most urgent first, in a transaction that runs for it."""
    rows = await session.rows(
        f"{_OF_PARTNER} AND (NOT :open_only OR r.state IN ('sent', 'more_asked')) "
        "ORDER BY r.due_at, r.referral_id LIMIT :limit",
        {"partner": partner_id, "limit": limit, "open_only": open_only},
    )
    return [_referral(row) for row in rows]


async def find_own(
    session: ReadSession, partner_id: TenantId, referral_id: UUID
) -> Referral | None:
    """Return a referral to a partner, or None, in a transaction that runs for it."""
    row = await session.one(
        f"{_OF_PARTNER} AND r.referral_id = :id", {"partner": partner_id, "id": referral_id}
    )
    return _referral(row) if row else None


async def words(session: ReadSession, item: Referral) -> Sealed | None:
    """Return what was sent as it is kept, or None once it is erased."""
    row = await session.one(
        "SELECT sealed, wrapped_key FROM sharing.disclosure_payload "
        "WHERE owner_force = :owner AND disclosure_id = :id",
        {"owner": item.owner, "id": item.disclosure_id},
    )
    return Sealed(bytes(row.sealed), bytes(row.wrapped_key)) if row else None


async def answer(
    session: WriteSession, partner_id: TenantId, referral_id: UUID, user: str, said: ReferralAnswer
) -> None:
    """Note a partner's answer; ConflictError where the referral isn't open to it any more."""
    await _move(
        session,
        "UPDATE sharing.referral SET state = :state, answered_by = :user, "
        "declined_because = :because, asked_for = CAST(:asked AS text[]) "
        "WHERE partner_id = :partner AND referral_id = :id",
        {
            "state": said.status.value,
            "user": user,
            "because": said.because.value if said.because else None,
            "asked": list(said.ask_for) or None,
            "partner": partner_id,
            "id": referral_id,
        },
    )


async def of_force(consultation: Consultation, limit: int, *, open_only: bool) -> list[Referral]:
    """Return the consulting force's referrals, the most urgent first."""
    rows = await consultation.session.rows(
        f"{_OF_FORCE} AND (NOT :open_only OR r.state IN ('sent', 'more_asked')) "
        "ORDER BY r.due_at, r.referral_id LIMIT :limit",
        {"force": consultation.subject.tenant_id, "limit": limit, "open_only": open_only},
    )
    return [_referral(row) for row in rows]


async def find(consultation: Consultation, referral_id: UUID) -> Referral | None:
    """Return a referral of the consulting force, or None."""
    row = await consultation.session.one(
        f"{_OF_FORCE} AND r.referral_id = :id",
        {"force": consultation.subject.tenant_id, "id": referral_id},
    )
    return _referral(row) if row else None


async def withdraw(alteration: Alteration, referral_id: UUID, because: WithdrawnBecause) -> None:
    """Withdraw a referral; ConflictError where it was declined or withdrawn before."""
    await _move(
        alteration.session,
        "UPDATE sharing.referral SET state = 'withdrawn', withdrawn_because = :because "
        "WHERE owner_force = :force AND referral_id = :id",
        {"because": because.value, "force": alteration.subject.tenant_id, "id": referral_id},
    )


async def late(session: ReadSession, now: datetime, limit: int) -> list[Late]:
    """Return what is overdue at a moment and of which the client body isn't told, oldest first."""
    rows = await session.rows(
        "SELECT owner_force, referral_id, due_at, escalated_at IS NOT NULL AS escalated "
        "FROM sharing.referral WHERE state = 'sent' AND client_body_at IS NULL "
        "AND due_at <= :now ORDER BY due_at, referral_id LIMIT :limit",
        {"now": now, "limit": limit},
    )
    return [
        Late(TenantId(row.owner_force), row.referral_id, row.due_at, row.escalated) for row in rows
    ]


async def escalate(session: WriteSession, item: Late) -> bool:
    """Put a late referral before its force's supervisors; return whether it still was open."""
    done: bool = await session.value(
        "SELECT sharing.escalate_referral(CAST(:owner AS smallint), :id)",
        {"owner": item.owner, "id": item.referral_id},
    )
    return done


async def put_to_client_body(session: WriteSession, item: Late) -> bool:
    """Tell the client body that a referral stays late; return whether it still was open."""
    done: bool = await session.value(
        "SELECT sharing.put_referral_to_client_body(CAST(:owner AS smallint), :id)",
        {"owner": item.owner, "id": item.referral_id},
    )
    return done


async def unanswered(session: ReadSession, limit: int) -> list[Unanswered]:
    """Return what the client body was told of, what still waits first."""
    rows = await session.rows(
        "SELECT r.referral_id, f.slug AS force, p.slug AS partner, (SELECT min(g.reference) "
        "FROM policies.agreement AS g WHERE g.agreement_id = r.agreement_id) AS agreement, "
        "r.kind, r.sent_at, r.due_at, r.client_body_at, r.state, c.unit, c.email, c.telephone "
        f"{_FROM} LEFT JOIN LATERAL (SELECT k.unit, k.email, k.telephone "
        "FROM sharing.partner_contact AS k WHERE k.partner_id = r.partner_id "
        "ORDER BY k.kind = 'operations' DESC, k.kind LIMIT 1) AS c ON true "
        "WHERE r.client_body_at IS NOT NULL "
        "ORDER BY r.state = 'sent' DESC, r.due_at, r.referral_id LIMIT :limit",
        {"limit": limit},
    )
    return [
        Unanswered(
            row.referral_id,
            row.force,
            row.partner,
            row.agreement,
            row.kind,
            row.sent_at,
            row.due_at,
            row.client_body_at,
            ReferralState(row.state),
            row.unit,
            row.email,
            row.telephone,
        )
        for row in rows
    ]


async def _move(session: WriteSession, statement: str, values: dict[str, Any]) -> None:
    try:
        await session.execute(statement, values)
    except PostgresError as error:
        if sqlstate(error) != _NOT_FROM_HERE:
            raise
        raise ConflictError(
            "The referral was answered or withdrawn before; show it to see how it stands."
        ) from None


def _referral(row: Row) -> Referral:
    return Referral(
        row.referral_id,
        TenantId(row.owner_force),
        row.force,
        row.partner,
        row.agreement_id,
        NominalId(row.nominal_id),
        row.disclosure_id,
        row.kind,
        row.purpose,
        row.sent_by,
        row.sent_at,
        row.due_at,
        ReferralState(row.state),
        row.changed_at,
        row.answered_by,
        DeclinedBecause(row.declined_because) if row.declined_because else None,
        tuple(row.asked_for or ()),
        WithdrawnBecause(row.withdrawn_because) if row.withdrawn_because else None,
        row.escalated_at,
        row.client_body_at,
        tuple(row.sent_fields),
    )
