"""The SQL of emergency accesses and their reviews."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from asyncpg import PostgresError

from athena.platform.kernel.errors import RefusedError
from athena.platform.kernel.identity import LabelId, NominalId, TenantId
from athena.platform.kernel.permits import sqlstate
from athena.policies.visibility.models import Alteration, Consultation
from athena.records.emergency.models import Access

MOST = 200
"""The most accesses that one list shows."""

_SEALED = "AT002"
_ACCESS = """
    SELECT a.access_id, o.slug AS owner_force, a.owner_force AS owner_id, a.nominal_id,
           t.slug AS force, a.username, a.purpose, a.reason, a.emergency, a.opened_at,
           a.expires_at,
           (SELECT coalesce(jsonb_agg(jsonb_build_object('force', f.slug,
                        'reviewed_by', r.reviewed_by_name, 'outcome', r.outcome, 'note', r.note,
                        'reviewed_at', r.reviewed_at) ORDER BY r.reviewed_at), '[]')
            FROM records.emergency_review AS r JOIN tenants.tenant AS f USING (tenant_id)
            WHERE r.access_id = a.access_id) AS reviews
    FROM records.emergency_access AS a
    JOIN tenants.tenant AS o ON o.tenant_id = a.owner_force
    JOIN tenants.tenant AS t ON t.tenant_id = a.tenant_id
    WHERE {condition} ORDER BY a.opened_at DESC LIMIT :most
"""


async def break_glass(
    consultation: Consultation,
    search_id: UUID | None,
    owner: TenantId,
    nominal_id: NominalId | None,
    emergency: str,
    seconds: int,
) -> Access | None:
    """Open a record, in this transaction; None where the member sees no such record at all.

    RefusedError where its owner has sealed it.
    """
    try:
        row = await consultation.session.one(
            "SELECT access_id, label_id FROM records.break_glass(:search, "
            "CAST(:owner AS smallint), :nominal, :reason, :emergency, :seconds)",
            {
                "search": search_id,
                "owner": owner,
                "nominal": nominal_id,
                "reason": consultation.reason,
                "emergency": emergency,
                "seconds": seconds,
            },
        )
    except PostgresError as error:
        if sqlstate(error) == _SEALED:
            raise RefusedError(
                "The owner has sealed this record: it is never opened in an emergency. "
                "Contact the owner's unit."
            ) from None
        raise
    assert row is not None  # a function with OUT parameters returns one row
    return None if row.access_id is None else Access(row.access_id, owner, LabelId(row.label_id))


async def find(consultation: Consultation, access_id: UUID) -> Any | None:
    """Return an access that concerns the member's force, or None."""
    condition = "a.access_id = :access"
    return await consultation.session.one(
        _ACCESS.format(condition=condition), {"access": access_id, "most": 1}
    )


async def listed(consultation: Consultation, *, reviewed: bool) -> Sequence[Any]:
    """Return the accesses that concern the member's force, the newest first.

    Without ``reviewed`` only those that the force hasn't reviewed yet.
    """
    return await consultation.session.rows(
        _ACCESS.format(
            condition=":reviewed OR NOT EXISTS (SELECT FROM records.emergency_review AS d "
            "WHERE d.access_id = a.access_id AND d.tenant_id = :tenant)"
        ),
        {"reviewed": reviewed, "tenant": consultation.subject.tenant_id, "most": MOST},
    )


async def review(alteration: Alteration, access_id: UUID, outcome: str, note: str) -> bool:
    """Keep what the member's force concludes; False where it has reviewed the access before."""
    touched = await alteration.session.execute(
        "INSERT INTO records.emergency_review (access_id, tenant_id, reviewed_by, "
        "reviewed_by_name, outcome, note) VALUES (:access, :tenant, :member, :name, :outcome, "
        ":note) ON CONFLICT (access_id, tenant_id) DO NOTHING",
        {
            "access": access_id,
            "tenant": alteration.subject.tenant_id,
            "member": alteration.subject.member_id,
            "name": alteration.subject.username,
            "outcome": outcome,
            "note": note,
        },
    )
    return touched == 1
