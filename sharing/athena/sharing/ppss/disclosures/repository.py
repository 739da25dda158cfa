"""The SQL of the ledger."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from athena.platform.kernel.audit import Writes
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


_ENTER = """
    given AS (
        SELECT * FROM jsonb_to_recordset(CAST(:lines AS jsonb)) AS l (
            owner_force smallint, disclosure_id uuid, nominal_id uuid, level text, fields text[],
            digest text, sealed text, wrapped_key text
        )
    ), line AS (
        INSERT INTO sharing.disclosure (owner_force, disclosure_id, partner_id, check_id,
            nominal_id, agreement_id, decision_id, event_id, purpose, asked_by, asked_role, level,
            fields, digest)
        SELECT g.owner_force, g.disclosure_id, :partner, :check, g.nominal_id, :agreement,
            :decision, a.event_id, :purpose, :user, :role, g.level, g.fields,
            decode(g.digest, 'hex')
        FROM appended AS a CROSS JOIN given AS g
        RETURNING owner_force, disclosure_id, partner_id
    ), payload AS (
        INSERT INTO sharing.disclosure_payload (owner_force, disclosure_id, partner_id, sealed,
            wrapped_key)
        SELECT l.owner_force, l.disclosure_id, l.partner_id, decode(g.sealed, 'hex'),
            decode(g.wrapped_key, 'hex')
        FROM line AS l JOIN given AS g USING (owner_force, disclosure_id)
    )
"""


def entering(
    consultation: Consultation,
    caller: Caller,
    check_id: UUID | None,
    disclosures: Sequence[Disclosure],
    sealer: Sealer,
) -> Writes:
    """Return what enters what a check discloses, or a referral, which has none.

    It is written with its event: the store refuses a line whose event this transaction hasn't
    appended. Each line has its sealed payload.
    """
    subject, visibility = consultation.subject, consultation.visibility
    return Writes(
        _ENTER,
        {
            "partner": caller.partner.partner_id,
            "check": check_id,
            "agreement": subject.agreement,
            "decision": visibility.decision_id,
            "purpose": visibility.purpose.value,
            "user": caller.user,
            "role": caller.role,
            "lines": json.dumps([_line(item, sealer) for item in disclosures]),
        },
    )


def _line(item: Disclosure, sealer: Sealer) -> dict[str, Any]:
    sealed = sealer.seal(item.payload, item.context)
    return {
        "owner_force": item.owner_force,
        "disclosure_id": str(item.disclosure_id),
        "nominal_id": None if item.nominal_id is None else str(item.nominal_id),
        "level": item.level.value,
        "fields": list(item.fields),
        "digest": hashlib.sha256(item.payload).hexdigest(),
        "sealed": sealed.payload.hex(),
        "wrapped_key": sealed.wrapped_key.hex(),
    }


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
    return Entered(**{**row._asdict(), "fields": tuple(row.fields), "digest": bytes(row.digest)})
