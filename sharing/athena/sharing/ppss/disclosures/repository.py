"""The SQL of the ledger."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from athena.platform.kernel.database import ReadSession
from athena.platform.kernel.identity import TenantId
from athena.policies.visibility.models import Consultation
from athena.sharing.ppss.disclosures.models import Disclosure, Entered
from athena.sharing.ppss.disclosures.sealing import Sealer
from athena.sharing.ppss.signatures.models import Caller

_LINE = (
    "SELECT d.disclosure_id, d.at, p.slug AS partner, f.slug AS source_force, d.agreement_id, "
    "d.decision_id, d.purpose, d.asked_by, d.asked_role, d.level, d.fields, d.digest{kept} "
    "FROM sharing.disclosure AS d JOIN tenants.tenant AS p ON p.tenant_id = d.partner_id "
    "JOIN tenants.tenant AS f ON f.tenant_id = d.owner_force "
    "WHERE d.at < coalesce(CAST(:before AS timestamptz), 'infinity'){narrowed} "
    "ORDER BY d.at DESC, d.disclosure_id LIMIT :most"
)
_KEPT = (
    ", EXISTS (SELECT FROM sharing.disclosure_payload AS w WHERE w.owner_force = d.owner_force "
    "AND w.disclosure_id = d.disclosure_id) AS payload_kept"
)


async def enter(
    consultation: Consultation,
    caller: Caller,
    check_id: UUID | None,
    event_id: UUID,
    disclosures: Sequence[Disclosure],
    sealer: Sealer,
) -> None:
    """Enter what a check discloses, or a referral, which has none, each with its sealed payload.

    The store refuses a line whose event this transaction hasn't appended.
    """
    subject = consultation.subject
    for item in disclosures:
        sealed = sealer.seal(item.payload, item.context)
        await consultation.session.value(
            "WITH line AS (INSERT INTO sharing.disclosure (owner_force, disclosure_id, "
            "partner_id, check_id, nominal_id, agreement_id, decision_id, event_id, purpose, "
            "asked_by, asked_role, level, fields, digest) VALUES (:owner, :id, :partner, :check, "
            ":nominal, :agreement, :decision, :event, :purpose, :user, :role, :level, :fields, "
            ":digest) RETURNING owner_force, disclosure_id, partner_id) "
            "INSERT INTO sharing.disclosure_payload (owner_force, disclosure_id, partner_id, "
            "sealed, wrapped_key) SELECT l.owner_force, l.disclosure_id, l.partner_id, :sealed, "
            ":key FROM line AS l RETURNING disclosure_id",
            {
                "owner": item.owner_force,
                "id": item.disclosure_id,
                "partner": caller.partner.partner_id,
                "check": check_id,
                "nominal": item.nominal_id,
                "agreement": subject.agreement,
                "decision": consultation.visibility.decision_id,
                "event": event_id,
                "purpose": consultation.visibility.purpose.value,
                "user": caller.user,
                "role": caller.role,
                "level": item.level.value,
                "fields": list(item.fields),
                "digest": hashlib.sha256(item.payload).digest(),
                "sealed": sealed.payload,
                "key": sealed.wrapped_key,
            },
        )


async def of_partner(
    session: ReadSession, partner_id: TenantId, before: datetime | None, most: int
) -> list[Entered]:
    """Return a partner's own lines, the newest first, in a transaction that runs for it."""
    rows = await session.rows(
        _LINE.format(kept=_KEPT, narrowed=" AND d.partner_id = :partner"),
        {"before": before, "most": most, "partner": partner_id},
    )
    return [_entered(row) for row in rows]


async def of_force(consultation: Consultation, before: datetime | None, most: int) -> list[Entered]:
    """Return the lines of the consulting force's records, the newest first."""
    rows = await consultation.session.rows(
        _LINE.format(kept=_KEPT, narrowed=" AND d.owner_force = :force"),
        {"before": before, "most": most, "force": consultation.subject.tenant_id},
    )
    return [_entered(row) for row in rows]


async def of_everyone(session: ReadSession, before: datetime | None, most: int) -> list[Entered]:
    """Return every line, the newest first, for an auditor who has logged why."""
    rows = await session.rows(
        _LINE.format(kept=", NULL AS payload_kept", narrowed=""),
        {"before": before, "most": most},
    )
    return [_entered(row) for row in rows]


def _entered(row: Any) -> Entered:
    return Entered(**{**row._mapping, "fields": tuple(row.fields), "digest": bytes(row.digest)})
