"""The SQL of members and their roles."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID, uuid4

from athena.platform.kernel.clock import today
from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.grants import held
from athena.platform.kernel.identity import Clearance, Role, Subject, TenantId, TenantKind
from athena.platform.kernel.rows import Row

_SUBJECT = f"""
    SELECT m.member_id, m.username, m.display_name, m.clearance, t.tenant_id, t.slug, t.kind,
           t.login,
           ARRAY(SELECT r.role FROM tenants.member_role AS r
                 WHERE r.tenant_id = m.tenant_id AND r.member_id = m.member_id
                   AND {held("r")}
           ) AS roles,
           ARRAY(SELECT b.team_id FROM tenants.team_member AS b
                 WHERE b.tenant_id = m.tenant_id AND b.member_id = m.member_id
                   AND {held("b")}
           ) AS teams
    FROM tenants.member AS m
    JOIN tenants.tenant AS t USING (tenant_id)
    WHERE m.active AND t.status = 'active' AND {{condition}}
"""


async def find_by_username(session: ReadSession, username: str) -> Subject | None:
    """Return an active member with the roles held today, or None."""
    statement = _SUBJECT.format(condition="m.username = :username")
    return _subject(await session.one(statement, {"username": username, "today": today()}))


async def find_by_id(session: ReadSession, member_id: UUID) -> Subject | None:
    """Return an active member with the roles held today, or None."""
    statement = _SUBJECT.format(condition="m.member_id = :member_id")
    return _subject(await session.one(statement, {"member_id": member_id, "today": today()}))


async def list_usernames(session: ReadSession) -> list[tuple[str, str, str]]:
    """Return (username, display name, tenant's name) of every active member."""
    rows = await session.rows(
        "SELECT m.username, m.display_name, t.name FROM tenants.member AS m "
        "JOIN tenants.tenant AS t USING (tenant_id) WHERE m.active AND t.status = 'active' "
        "ORDER BY t.kind = 'force' DESC, t.name, m.username"
    )
    return [(row.username, row.display_name, row.name) for row in rows]


async def add_member(
    session: WriteSession,
    tenant_id: TenantId,
    username: str,
    display_name: str,
    roles: Iterable[Role],
    clearance: Clearance = Clearance.OFFICIAL_SENSITIVE,
) -> UUID:
    """Add a member with roles that hold from today and return its id."""
    member_id = uuid4()
    await session.execute(
        "INSERT INTO tenants.member (tenant_id, member_id, username, display_name, clearance) "
        "VALUES (:tenant_id, :member_id, :username, :display_name, :clearance)",
        {
            "tenant_id": tenant_id,
            "member_id": member_id,
            "username": username,
            "display_name": display_name,
            "clearance": clearance.value,
        },
    )
    for role in sorted(roles):
        await session.execute(
            "INSERT INTO tenants.member_role (tenant_id, member_id, role, valid_from) "
            "VALUES (:tenant_id, :member_id, :role, :today)",
            {
                "tenant_id": tenant_id,
                "member_id": member_id,
                "role": role.value,
                "today": today(),
            },
        )
    return member_id


def _subject(row: Row | None) -> Subject | None:
    if row is None:
        return None
    return Subject(
        member_id=row.member_id,
        username=row.username,
        display_name=row.display_name,
        tenant_id=TenantId(row.tenant_id),
        tenant=row.slug,
        tenant_kind=TenantKind(row.kind),
        login=row.login,
        roles=frozenset(Role(role) for role in row.roles),
        teams=frozenset(row.teams),
        clearance=Clearance(row.clearance),
    )
