"""The SQL of limits: calls counted, patterns looked for, reviews opened and lifted."""

from __future__ import annotations

from uuid import UUID

from athena.platform.kernel.database import ReadSession, WriteSession
from athena.sharing.ppss.limits.models import Cause
from athena.sharing.ppss.signatures.models import Partner, Standing


async def count(session: WriteSession, partner: Partner, standing: Standing, period: str) -> int:
    """Count a call, and return how many there were in the period so far, this one too."""
    used: int = await session.value(
        "INSERT INTO sharing.partner_usage AS u (partner_id, agreement_id, period, starts, used) "
        "VALUES (:partner, :agreement, :period, date_trunc(:period, now(), 'Europe/London'), 1) "
        "ON CONFLICT (partner_id, agreement_id, period, starts) DO UPDATE SET used = u.used + 1 "
        "RETURNING u.used",
        {
            "partner": partner.partner_id,
            "agreement": standing.agreement_id,
            "period": period,
        },
    )
    return used


async def flag(session: ReadSession, partner_id: int, agreement_id: UUID, cause: Cause) -> bool:
    """Stop calls under an agreement for a cause; False where they are stopped already."""
    found = await session.value(
        "INSERT INTO sharing.partner_review (partner_id, agreement_id, cause) "
        "VALUES (:partner, :agreement, :cause) ON CONFLICT (partner_id, agreement_id) "
        "WHERE lifted_at IS NULL DO NOTHING RETURNING cause",
        {"partner": partner_id, "agreement": agreement_id, "cause": cause.value},
    )
    return found is not None


async def lift(session: WriteSession, review_id: UUID, username: str, reason: str) -> int:
    """End a review that is open; return how many that were: one or none."""
    return await session.execute(
        "UPDATE sharing.partner_review SET lifted_by = :who, lifted_reason = :why "
        "WHERE review_id = :review AND lifted_at IS NULL",
        {"review": review_id, "who": username, "why": reason},
    )
