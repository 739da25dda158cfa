"""The SQL of administering members of one tenant; a force's login reaches its own alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID, uuid4

from athena.platform.kernel.clock import today
from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.grants import not_over
from athena.platform.kernel.identity import Clearance, Role, TenantId

_MEMBER = """
    SELECT m.member_id, m.username, m.display_name, m.clearance, m.active, m.created_at, m.left_at,
           (SELECT coalesce(jsonb_agg(jsonb_build_object('name', r.role, 'valid_from',
                r.valid_from, 'valid_to', r.valid_to, 'ended_at', r.ended_at)
                ORDER BY r.valid_from, r.role), '[]')
            FROM tenants.member_role AS r
            WHERE r.tenant_id = m.tenant_id AND r.member_id = m.member_id) AS roles,
           (SELECT coalesce(jsonb_agg(jsonb_build_object('name', t.slug, 'valid_from',
                b.valid_from, 'valid_to', b.valid_to, 'ended_at', b.ended_at)
                ORDER BY b.valid_from, t.slug), '[]')
            FROM tenants.team_member AS b JOIN tenants.team AS t USING (tenant_id, team_id)
            WHERE b.tenant_id = m.tenant_id AND b.member_id = m.member_id) AS teams
    FROM tenants.member AS m WHERE m.tenant_id = :tenant
"""


async def members(session: ReadSession, tenant: TenantId) -> Sequence[Any]:
    """Return every member of a tenant with roles and teams, those who left too."""
    return await session.rows(f"{_MEMBER} ORDER BY m.username", {"tenant": tenant})


async def member(session: ReadSession, tenant: TenantId, member_id: UUID) -> Any | None:
    """Return one member of a tenant, or None."""
    return await session.one(
        f"{_MEMBER} AND m.member_id = :member", {"tenant": tenant, "member": member_id}
    )


async def member_id(session: ReadSession, tenant: TenantId, username: str) -> UUID | None:
    """Return the id of a tenant's member by user name, or None."""
    found: UUID | None = await session.value(
        "SELECT member_id FROM tenants.member WHERE tenant_id = :tenant AND username = :username",
        {"tenant": tenant, "username": username},
    )
    return found


async def set_clearance(
    session: WriteSession, tenant: TenantId, member_id: UUID, clearance: Clearance
) -> None:
    """Change what a member is cleared for."""
    await session.execute(
        "UPDATE tenants.member SET clearance = :clearance "
        "WHERE tenant_id = :tenant AND member_id = :member",
        {"tenant": tenant, "member": member_id, "clearance": clearance.value},
    )


async def leave(session: WriteSession, tenant: TenantId, member_id: UUID) -> None:
    """Note that a member has left; the store takes the member's grants away itself."""
    await session.execute(
        "UPDATE tenants.member SET active = false, left_at = now() "
        "WHERE tenant_id = :tenant AND member_id = :member",
        {"tenant": tenant, "member": member_id},
    )


async def end_roles(
    session: WriteSession, tenant: TenantId, member_id: UUID, role: Role | None = None
) -> int:
    """End a member's role, or every role, that holds today or is still to begin."""
    return await session.execute(
        "UPDATE tenants.member_role AS r SET ended_at = now() WHERE tenant_id = :tenant "
        f"AND member_id = :member AND {not_over('r')} "
        "AND (CAST(:role AS text) IS NULL OR role = :role)",
        {
            "tenant": tenant,
            "member": member_id,
            "today": today(),
            "role": role.value if role else None,
        },
    )


async def grant_role(
    session: WriteSession,
    tenant: TenantId,
    member_id: UUID,
    role: Role,
    valid_from: date,
    valid_to: date | None,
) -> None:
    """Give a member a role; one that begins the same day takes the place of the one before."""
    await session.execute(
        "INSERT INTO tenants.member_role (tenant_id, member_id, role, valid_from, valid_to) "
        "VALUES (:tenant, :member, :role, :valid_from, :valid_to) "
        "ON CONFLICT (tenant_id, member_id, role, valid_from) "
        "DO UPDATE SET valid_to = excluded.valid_to, ended_at = NULL",
        {
            "tenant": tenant,
            "member": member_id,
            "role": role.value,
            "valid_from": valid_from,
            "valid_to": valid_to,
        },
    )


async def teams(session: ReadSession, tenant: TenantId) -> Sequence[Any]:
    """Return the teams of a tenant."""
    return await session.rows(
        "SELECT slug, name FROM tenants.team WHERE tenant_id = :tenant ORDER BY slug",
        {"tenant": tenant},
    )


async def team_id(session: ReadSession, tenant: TenantId, slug: str) -> UUID | None:
    """Return the id of a team, or None."""
    found: UUID | None = await session.value(
        "SELECT team_id FROM tenants.team WHERE tenant_id = :tenant AND slug = :slug",
        {"tenant": tenant, "slug": slug},
    )
    return found


async def add_team(session: WriteSession, tenant: TenantId, slug: str, name: str) -> None:
    """Make a team."""
    await session.execute(
        "INSERT INTO tenants.team (tenant_id, team_id, slug, name) "
        "VALUES (:tenant, :team, :slug, :name)",
        {"tenant": tenant, "team": uuid4(), "slug": slug, "name": name},
    )


async def join_team(
    session: WriteSession,
    tenant: TenantId,
    member_id: UUID,
    team: UUID,
    valid_from: date,
    valid_to: date | None,
) -> None:
    """Give a member a place in a team."""
    await session.execute(
        "INSERT INTO tenants.team_member (tenant_id, team_id, member_id, valid_from, valid_to) "
        "VALUES (:tenant, :team, :member, :valid_from, :valid_to) "
        "ON CONFLICT (tenant_id, team_id, member_id, valid_from) "
        "DO UPDATE SET valid_to = excluded.valid_to, ended_at = NULL",
        {
            "tenant": tenant,
            "team": team,
            "member": member_id,
            "valid_from": valid_from,
            "valid_to": valid_to,
        },
    )


async def leave_teams(
    session: WriteSession, tenant: TenantId, member_id: UUID, team: UUID | None = None
) -> int:
    """End a member's place in a team, or in every team."""
    return await session.execute(
        "UPDATE tenants.team_member AS b SET ended_at = now() WHERE tenant_id = :tenant "
        f"AND member_id = :member AND {not_over('b')} "
        "AND (CAST(:team AS uuid) IS NULL OR team_id = :team)",
        {"tenant": tenant, "member": member_id, "today": today(), "team": team},
    )
