"""The SQL of explaining: the archive as the policy writer, whose a decision was as the asker."""

from __future__ import annotations

from uuid import UUID

from athena.platform.kernel.database import ReadSession
from athena.platform.kernel.identity import LabelId, NominalId, TenantId
from athena.platform.kernel.rows import Row
from athena.policies.explanations.models import Archived, LabelOf, ReliedOn


async def archived(session: ReadSession, decision_id: UUID) -> Archived | None:
    """Return a decision from the archive, or None."""
    row = await session.one(
        "SELECT decision_id, decided_at, input_digest, bundle_revision, input, document "
        "FROM policies.decision WHERE decision_id = :id",
        {"id": decision_id},
    )
    if row is None:
        return None
    return Archived(
        decision_id=row.decision_id,
        decided_at=row.decided_at,
        input_digest=row.input_digest,
        bundle_revision=row.bundle_revision,
        question=row.input,
        decisions=row.document["decisions"],
    )


async def own_decision(session: ReadSession, decision_id: UUID) -> ReliedOn | None:
    """Return where the member who consults, or a colleague of his force, relied on a decision."""
    row = await session.one(
        "SELECT at, grant_set_id, policy_revision FROM audit.own_decision(:id)",
        {"id": decision_id},
    )
    return _relied_on(row)


async def any_decision(session: ReadSession, decision_id: UUID) -> ReliedOn | None:
    """Return where anyone last relied on a decision, as an auditor."""
    row = await session.one(
        "SELECT at, grant_set_id, policy_revision FROM audit.event WHERE decision_id = :id "
        "ORDER BY at DESC LIMIT 1",
        {"id": decision_id},
    )
    return _relied_on(row)


async def visible_label(session: ReadSession, nominal_id: NominalId) -> LabelOf | None:
    """Return the label of a nominal that the open consultation shows, or None."""
    row = await session.one(
        "SELECT n.owner_force, n.label_id FROM tenants.tenant AS t JOIN records.nominal AS n "
        "ON n.owner_force = t.tenant_id AND n.nominal_id = :id",
        {"id": nominal_id},
    )
    return _label_of(row)


async def any_label(session: ReadSession, nominal_id: NominalId) -> LabelOf | None:
    """Return the label of any nominal, for an auditor who has logged why."""
    row = await session.one(
        "SELECT owner_force, label_id FROM records.label_of(:id)", {"id": nominal_id}
    )
    return _label_of(row)


def _relied_on(row: Row | None) -> ReliedOn | None:
    return None if row is None else ReliedOn(row.at, row.grant_set_id, row.policy_revision)


def _label_of(row: Row | None) -> LabelOf | None:
    return None if row is None else LabelOf(TenantId(row.owner_force), LabelId(row.label_id))
