"""The SQL of black-outs."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from athena.governance.releases.models import BlackOut
from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.identity import Subject
from athena.platform.kernel.rows import Row

_BLACK_OUT = """
    SELECT b.black_out_id, t.slug, b.title, b.begins_at, b.ends_at, b.username, b.filed_at,
           b.withdrawn_at
    FROM governance.black_out AS b JOIN tenants.tenant AS t USING (tenant_id)
"""


async def black_outs(
    session: ReadSession, begins: datetime | None = None, ends: datetime | None = None
) -> list[BlackOut]:
    """Return the black-outs that stand, those that meet a time where one is given."""
    rows = await session.rows(
        f"{_BLACK_OUT} WHERE b.withdrawn_at IS NULL "
        "AND b.begins_at < coalesce(CAST(:ends AS timestamptz), 'infinity') "
        "AND b.ends_at > coalesce(CAST(:begins AS timestamptz), '-infinity') "
        "ORDER BY b.begins_at, t.slug, b.black_out_id",
        {"begins": begins, "ends": ends},
    )
    return [_black_out(row) for row in rows]


async def file(
    session: WriteSession,
    subject: Subject,
    black_out_id: UUID,
    title: str,
    begins: datetime,
    ends: datetime,
) -> None:
    """Store a black-out of the session's force."""
    await session.execute(
        "INSERT INTO governance.black_out "
        "(tenant_id, black_out_id, title, begins_at, ends_at, username) "
        "VALUES (ctx.session_tenant(), :id, :title, :begins, :ends, :username)",
        {
            "id": black_out_id,
            "title": title,
            "begins": begins,
            "ends": ends,
            "username": subject.username,
        },
    )


async def withdraw(session: WriteSession, black_out_id: UUID) -> int:
    """Withdraw a black-out of the session's force; return 0 where there is none that stands."""
    return await session.execute(
        "UPDATE governance.black_out SET withdrawn_at = now() WHERE black_out_id = :id "
        "AND tenant_id = ctx.session_tenant() AND withdrawn_at IS NULL",
        {"id": black_out_id},
    )


def _black_out(row: Row) -> BlackOut:
    return BlackOut(
        black_out_id=row.black_out_id,
        tenant=row.slug,
        title=row.title,
        begins_at=row.begins_at,
        ends_at=row.ends_at,
        username=row.username,
        filed_at=row.filed_at,
        withdrawn_at=row.withdrawn_at,
    )
