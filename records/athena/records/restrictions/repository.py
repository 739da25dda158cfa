"""The SQL of restrictions and locks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.identity import LabelId, NominalId, TenantId
from athena.policies.visibility.models import Alteration, Consultation, Label
from athena.records.restrictions.models import Named
from athena.records.restrictions.schemas import ExceptionKind


async def team_id(session: ReadSession, tenant: TenantId, slug: str) -> UUID | None:
    """Return the id of a tenant's team."""
    found: UUID | None = await session.value(
        "SELECT team_id FROM tenants.team WHERE tenant_id = :tenant AND slug = :slug",
        {"tenant": tenant, "slug": slug},
    )
    return found


async def label_id(consultation: Consultation, nominal_id: NominalId) -> LabelId | None:
    """Return the label of a visible nominal of the own force."""
    found = await consultation.session.value(
        "SELECT label_id FROM records.nominal WHERE owner_force = :owner AND nominal_id = :id",
        {"owner": consultation.subject.tenant_id, "id": nominal_id},
    )
    return None if found is None else LabelId(found)


async def intern_restricted(session: WriteSession, label: Label) -> LabelId:
    """Return the number of a label like this one, but restricted."""
    number = await session.value(
        "SELECT ctx.intern_label(:record_class, :marking, :handling, :conditions, :categories, "
        ":sensitive, true, :sealed)",
        {
            "record_class": label.record_class,
            "marking": label.marking,
            "handling": label.handling,
            "conditions": list(label.conditions),
            "categories": list(label.categories),
            "sensitive": label.sensitive,
            "sealed": label.sealed,
        },
    )
    return LabelId(number)


async def relabel(alteration: Alteration, nominal_id: NominalId, label: LabelId) -> None:
    """Give a nominal of the own force another label; what hangs on it follows."""
    await alteration.session.execute(
        "UPDATE records.nominal SET label_id = :label, changed_at = now(), "
        "changed_xid = pg_current_xact_id() WHERE owner_force = :owner AND nominal_id = :id",
        {"owner": alteration.subject.tenant_id, "id": nominal_id, "label": label},
    )


async def in_effect(consultation: Consultation, nominal_id: NominalId) -> Sequence[Any]:
    """Return the restrictions and locks of a record of the own force, the oldest first."""
    return await consultation.session.rows(
        "SELECT 'restriction' AS kind, restriction_id AS id, named, set_by_name, reason, since, "
        "until FROM records.restriction WHERE owner_force = :owner AND nominal_id = :nominal "
        "AND (until IS NULL OR until > now()) "
        "UNION ALL SELECT 'lock', lock_id, named, set_by_name, reason, since, until "
        "FROM records.lock WHERE owner_force = :owner AND nominal_id = :nominal "
        "AND (until IS NULL OR until > now()) ORDER BY since, id",
        {"owner": consultation.subject.tenant_id, "nominal": nominal_id},
    )


async def add(
    alteration: Alteration,
    kind: ExceptionKind,
    nominal_id: NominalId,
    named: Named,
    until: datetime | None,
) -> UUID:
    """Set a restriction or a lock and return its id."""
    added = uuid4()
    team = ", team_id" if kind is ExceptionKind.RESTRICTION else ""
    await alteration.session.execute(
        f"INSERT INTO records.{kind} (owner_force, {kind}_id, nominal_id, member_id{team}, named, "
        "set_by, set_by_name, reason, until) VALUES (:owner, :id, :nominal, :member"
        f"{', :team' if team else ''}, :named, :set_by, :set_by_name, :reason, :until)",
        {
            "owner": alteration.subject.tenant_id,
            "id": added,
            "nominal": nominal_id,
            "member": named.member_id,
            **({"team": named.team_id} if team else {}),
            "named": named.name,
            "set_by": alteration.subject.member_id,
            "set_by_name": alteration.subject.username,
            "reason": alteration.reason,
            "until": until,
        },
    )
    return added


async def end(
    alteration: Alteration, kind: ExceptionKind, nominal_id: NominalId, exception_id: UUID
) -> bool:
    """End a restriction or a lock now; False where there is none that the member may end."""
    touched = await alteration.session.execute(
        f"UPDATE records.{kind} SET until = now() WHERE owner_force = :owner "
        f"AND {kind}_id = :id AND nominal_id = :nominal AND (until IS NULL OR until > now())",
        {
            "owner": alteration.subject.tenant_id,
            "id": exception_id,
            "nominal": nominal_id,
        },
    )
    return touched == 1
