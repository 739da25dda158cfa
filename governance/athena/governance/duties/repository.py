"""The SQL of who was told of what waits; the outbox's login runs it, and sees no names."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from athena.platform.kernel.clock import today
from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.grants import held
from athena.platform.kernel.identity import Role, TenantId

CLIENT_BODY = "athena_amo"
"""The login that sees all of governance."""


@dataclass(frozen=True, slots=True)
class Notice:
    """That a member is told of a duty in a stage, by a kind of message."""

    tenant_id: TenantId
    duty: UUID
    member_id: UUID
    stage: str
    kind: str


async def roles_of_members(
    session: ReadSession,
) -> dict[TenantId, dict[UUID, frozenset[Role]]]:
    """Return the roles that each active member of each tenant holds today."""
    rows = await session.rows(
        "SELECT m.tenant_id, m.member_id, array_agg(r.role) AS roles FROM tenants.member AS m "
        "JOIN tenants.member_role AS r ON r.tenant_id = m.tenant_id AND r.member_id = m.member_id "
        f"AND {held('r')} "
        "WHERE m.active GROUP BY m.tenant_id, m.member_id",
        {"today": today()},
    )
    found: dict[TenantId, dict[UUID, frozenset[Role]]] = {}
    for row in rows:
        roles = frozenset(Role(role) for role in row.roles)
        found.setdefault(TenantId(row.tenant_id), {})[row.member_id] = roles
    return found


async def tell(session: WriteSession, notices: Sequence[Notice]) -> int:
    """Note who is told, and send a message to each who wasn't before; return how many that were.

    Several processes may do so at once: who comes second waits for the first, and sends nothing.
    """
    ordered = sorted(notices, key=lambda item: (item.tenant_id, item.duty, item.member_id))
    return await session.execute(
        "WITH meant AS (SELECT * FROM unnest(CAST(:tenants AS smallint[]), "
        "CAST(:duties AS uuid[]), CAST(:members AS uuid[]), CAST(:stages AS text[]), "
        "CAST(:kinds AS text[])) AS m (owner_force, duty, member_id, stage, kind)), "
        "noted AS (INSERT INTO work.duty_notice (owner_force, duty, member_id, stage) "
        "SELECT owner_force, duty, member_id, stage FROM meant ON CONFLICT DO NOTHING "
        "RETURNING owner_force, duty, member_id, stage) "
        "INSERT INTO work.message (owner_force, kind, recipient_member) "
        "SELECT owner_force, m.kind, member_id FROM noted "
        "JOIN meant AS m USING (owner_force, duty, member_id, stage)",
        {
            "tenants": [item.tenant_id for item in ordered],
            "duties": [item.duty for item in ordered],
            "members": [item.member_id for item in ordered],
            "stages": [item.stage for item in ordered],
            "kinds": [item.kind for item in ordered],
        },
    )


async def forget(session: WriteSession, current: Collection[UUID]) -> int:
    """Forget who was told of what waits no more; a day later, for processes that lag behind."""
    return await session.execute(
        "DELETE FROM work.duty_notice WHERE told_at < now() - interval '1 day' "
        "AND duty <> ALL (CAST(:current AS uuid[]))",
        {"current": list(current)},
    )
