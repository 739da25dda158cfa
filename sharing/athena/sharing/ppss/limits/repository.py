"""The SQL of limits: calls counted, patterns looked for, reviews opened and lifted."""

from __future__ import annotations

from uuid import UUID

from athena.platform.kernel.database import ReadSession, WriteSession
from athena.sharing.ppss.limits.models import Cause, Recent
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


async def recent(
    session: ReadSession, partner: Partner, agreement_id: UUID, person_digest: bytes
) -> Recent:
    """Return what a partner's checks of the last 24 hours add up to, since the last review."""
    row = await session.one(
        "SELECT count(*) AS checks, "
        "count(*) FILTER (WHERE c.outcome = 'no_match') AS without_match, "
        "count(DISTINCT c.initial) FILTER (WHERE c.outcome = 'no_match') AS initials, "
        "count(*) FILTER (WHERE c.person_digest = :person) AS same, "
        "count(*) FILTER (WHERE extract(isodow FROM w.local) > 5 "
        "OR CAST(w.local AS time) NOT BETWEEN CAST(:opens AS time) AND CAST(:closes AS time)) "
        "AS outside "
        "FROM sharing.partner_check AS c "
        "CROSS JOIN LATERAL (SELECT c.at AT TIME ZONE 'Europe/London' AS local) AS w "
        "WHERE c.partner_id = :partner AND c.agreement_id = :agreement AND c.at > greatest("
        "now() - interval '24 hours', (SELECT max(r.lifted_at) FROM sharing.partner_review AS r "
        "WHERE r.partner_id = c.partner_id AND r.agreement_id = c.agreement_id))",
        {
            "partner": partner.partner_id,
            "agreement": agreement_id,
            "person": person_digest,
            "opens": partner.opens,
            "closes": partner.closes,
        },
    )
    assert row is not None  # an aggregate returns one row
    return Recent(row.checks, row.without_match, row.initials, row.same, row.outside)


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
