"""The SQL of corrections; the store's own triggers write them, with the change that they tell."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from athena.platform.kernel.clocks.models import Due
from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.identity import NominalId, TenantId
from athena.platform.kernel.rows import Row
from athena.policies.visibility.models import Consultation
from athena.sharing.ppss.corrections.models import (
    Change,
    Correction,
    Done,
    Holding,
    Unacknowledged,
)

_CORRECTIONS = """
    SELECT c.correction_id, c.disclosure_id, p.slug AS partner, f.slug AS source_force, c.change,
           c.fields, c.changed_at, c.acknowledged_at, c.acknowledged_by, c.acknowledged_how
    FROM sharing.correction AS c
    JOIN tenants.tenant AS p ON p.tenant_id = c.partner_id
    JOIN tenants.tenant AS f ON f.tenant_id = c.owner_force
"""


async def of_partner(
    session: ReadSession, partner: TenantId, limit: int, *, open_only: bool
) -> list[Correction]:
    """Return a partner's corrections, the oldest first, in a transaction that runs for it."""
    rows = await session.rows(
        f"{_CORRECTIONS} WHERE c.partner_id = :partner "
        "AND (NOT :open_only OR c.acknowledged_at IS NULL) "
        "ORDER BY c.changed_at, c.correction_id LIMIT :limit",
        {"partner": partner, "limit": limit, "open_only": open_only},
    )
    return [_correction(row) for row in rows]


async def find_own(
    session: ReadSession, partner: TenantId, correction_id: UUID
) -> Correction | None:
    """Return a correction of a partner's, or None, in a transaction that runs for it."""
    row = await session.one(
        f"{_CORRECTIONS} WHERE c.partner_id = :partner AND c.correction_id = :correction",
        {"partner": partner, "correction": correction_id},
    )
    return _correction(row) if row else None


async def acknowledge(
    session: WriteSession, partner: TenantId, correction_id: UUID, user: str, done: Done
) -> bool:
    """Note what a partner did about a correction; return whether that was still open."""
    return bool(
        await session.execute(
            "UPDATE sharing.correction SET acknowledged_by = :user, acknowledged_how = :done "
            "WHERE partner_id = :partner AND correction_id = :correction "
            "AND acknowledged_at IS NULL",
            {"user": user, "done": done.value, "partner": partner, "correction": correction_id},
        )
    )


async def of_force(consultation: Consultation, limit: int, *, open_only: bool) -> list[Correction]:
    """Return the corrections of the consulting force's records, the oldest first."""
    rows = await consultation.session.rows(
        f"{_CORRECTIONS} WHERE c.owner_force = :force "
        "AND (NOT :open_only OR c.acknowledged_at IS NULL) "
        "ORDER BY c.changed_at, c.correction_id LIMIT :limit",
        {
            "force": consultation.subject.tenant_id,
            "limit": limit,
            "open_only": open_only,
        },
    )
    return [_correction(row) for row in rows]


async def holdings(consultation: Consultation, nominal_id: NominalId) -> list[Holding]:
    """Return what was disclosed of a record of the consulting force, and what became of it."""
    rows = await consultation.session.rows(
        "SELECT d.disclosure_id, p.slug AS partner, d.at, d.agreement_id, d.fields, "
        "ARRAY(SELECT DISTINCT f FROM sharing.correction AS c, unnest(c.fields) AS f "
        "WHERE c.owner_force = d.owner_force AND c.disclosure_id = d.disclosure_id "
        "AND c.acknowledged_at IS NULL ORDER BY f) AS wrong, "
        "EXISTS (SELECT FROM sharing.correction AS c WHERE c.owner_force = d.owner_force "
        "AND c.disclosure_id = d.disclosure_id "
        "AND c.acknowledged_how IN ('erased', 'not_held')) AS gone "
        "FROM sharing.disclosure AS d JOIN tenants.tenant AS p ON p.tenant_id = d.partner_id "
        "WHERE d.owner_force = :force AND d.nominal_id = :nominal "
        "ORDER BY d.at, d.disclosure_id",
        {"force": consultation.subject.tenant_id, "nominal": nominal_id},
    )
    return [
        Holding(
            row.disclosure_id,
            row.partner,
            row.at,
            row.agreement_id,
            tuple(row.fields),
            tuple(row.wrong),
            row.gone,
        )
        for row in rows
    ]


async def unacknowledged(
    session: ReadSession, changed_before: datetime, limit: int
) -> list[Unacknowledged]:
    """Return old corrections that are open and on no worklist, the oldest first."""
    rows = await session.rows(
        "SELECT owner_force, correction_id, changed_at FROM sharing.correction "
        "WHERE acknowledged_at IS NULL AND escalated_at IS NULL AND changed_at <= :before "
        "ORDER BY changed_at, correction_id LIMIT :limit",
        {"before": changed_before, "limit": limit},
    )
    return [
        Unacknowledged(TenantId(row.owner_force), row.correction_id, row.changed_at) for row in rows
    ]


async def escalate(session: WriteSession, late: Unacknowledged, due: Due) -> bool:
    """Put a correction on its force's worklist; return whether it still was open."""
    done: bool = await session.value(
        "SELECT sharing.escalate_correction(CAST(:owner AS smallint), :correction, :clock, :due)",
        {
            "owner": late.owner,
            "correction": late.correction_id,
            "clock": due.clock,
            "due": due.at,
        },
    )
    return done


def _correction(row: Row) -> Correction:
    fields: Sequence[str] = row.fields
    return Correction(
        row.correction_id,
        row.disclosure_id,
        row.partner,
        row.source_force,
        Change(row.change),
        tuple(fields),
        row.changed_at,
        row.acknowledged_at,
        row.acknowledged_by,
        Done(row.acknowledged_how) if row.acknowledged_how else None,
    )
