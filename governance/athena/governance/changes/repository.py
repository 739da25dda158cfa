"""The SQL of change requests, their versions and entries, and of the catalogue."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from athena.governance.changes.catalogue import CatalogueEntry, CatalogueStatus
from athena.governance.changes.document import ChangeDocument
from athena.governance.changes.machine import Kind, State
from athena.governance.changes.models import Change, ChangeVersion
from athena.governance.changes.standing import EntryKind
from athena.governance.entries.repository import EntryTable
from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.identity import Subject, TenantId
from athena.platform.kernel.rows import Row

_CHANGE = """
    SELECT c.change_id, c.number, c.tenant_id, t.slug AS tenant, b.slug AS body, c.username,
           c.kind, c.state, c.version, v.document ->> 'title' AS title, c.raised_at,
           c.submitted_at, c.assess_by
    FROM governance.change AS c
    JOIN tenants.tenant AS t USING (tenant_id)
    LEFT JOIN governance.body AS b USING (body_id)
    JOIN governance.change_version AS v ON v.change_id = c.change_id AND v.version = c.version
"""

_ENTRIES = EntryTable("change", EntryKind)
entries, add_entry, lock = _ENTRIES.entries, _ENTRIES.add_entry, _ENTRIES.lock


async def changes(session: ReadSession) -> list[Change]:
    """Return every change that the session may see, the newest first."""
    return [_change(row) for row in await session.rows(f"{_CHANGE} ORDER BY c.number DESC")]


async def change_by_id(session: ReadSession, change_id: UUID) -> Change | None:
    """Return a change that the session may see, or None."""
    row = await session.one(f"{_CHANGE} WHERE c.change_id = :id", {"id": change_id})
    return None if row is None else _change(row)


async def id_of(session: ReadSession, number: int) -> UUID | None:
    """Return the id of the change of a number that the session may see."""
    found: UUID | None = await session.value(
        "SELECT change_id FROM governance.change WHERE number = :number", {"number": number}
    )
    return found


async def versions(session: ReadSession, change_id: UUID) -> list[ChangeVersion]:
    """Return the versions of a change, the first one first."""
    rows = await session.rows(
        "SELECT version, document, digest, username, at FROM governance.change_version "
        "WHERE change_id = :id ORDER BY version",
        {"id": change_id},
    )
    return [
        ChangeVersion(
            row.version,
            ChangeDocument.model_validate(row.document),
            row.digest,
            row.username,
            row.at,
        )
        for row in rows
    ]


async def add_change(
    session: WriteSession, subject: Subject, change_id: UUID, kind: Kind, body_id: UUID | None
) -> None:
    """Store a new change; the store numbers it."""
    await session.execute(
        "INSERT INTO governance.change (change_id, tenant_id, body_id, username, kind) "
        "VALUES (:id, ctx.session_tenant(), :body, :username, :kind)",
        {
            "id": change_id,
            "body": body_id,
            "username": subject.username,
            "kind": kind.value,
        },
    )


async def add_version(
    session: WriteSession,
    subject: Subject,
    change_id: UUID,
    version: int,
    document: Mapping[str, Any],
    digest: bytes,
) -> None:
    """Store a version of a request's document, as a member of the session's tenant wrote it."""
    await session.execute(
        "INSERT INTO governance.change_version "
        "(change_id, version, tenant_id, username, document, digest) "
        "VALUES (:id, :version, ctx.session_tenant(), :username, CAST(:document AS jsonb), "
        ":digest)",
        {
            "id": change_id,
            "version": version,
            "username": subject.username,
            "document": json.dumps(document),
            "digest": digest,
        },
    )
    if version > 1:
        await session.execute(
            "UPDATE governance.change SET version = :version WHERE change_id = :id",
            {"id": change_id, "version": version},
        )


async def move(
    session: WriteSession,
    change_id: UUID,
    since: State,
    to: State,
    assess_by: datetime | None = None,
) -> int:
    """Move a change on from a state; return 0 where it isn't there any more."""
    return await session.execute(
        "UPDATE governance.change SET state = :to, "
        "submitted_at = CASE WHEN :since = 'new' AND :to <> 'withdrawn' "
        "THEN coalesce(submitted_at, now()) ELSE submitted_at END, "
        "assess_by = coalesce(CAST(:assess_by AS timestamptz), assess_by) "
        "WHERE change_id = :id AND state = :since",
        {"id": change_id, "since": since.value, "to": to.value, "assess_by": assess_by},
    )


async def end_assessing(
    session: WriteSession, subject: Subject, change_id: UUID, reason: str
) -> bool:
    """End assessing where every affected force has filed, or the deadline has passed."""
    ended: bool = await session.value(
        "SELECT governance.end_assessing(:id, :username, :reason)",
        {"id": change_id, "username": subject.username, "reason": reason},
    )
    return ended


async def catalogue(session: ReadSession) -> list[CatalogueEntry]:
    """Return every entry of the catalogue of standard changes."""
    rows = await session.rows(
        "SELECT slug, title, procedure, largest_pence, status FROM governance.catalogue "
        "ORDER BY slug"
    )
    return [
        CatalogueEntry(
            slug=row.slug,
            title=row.title,
            procedure=row.procedure,
            largest_pence=row.largest_pence,
            status=CatalogueStatus(row.status),
        )
        for row in rows
    ]


async def propose_entry(session: WriteSession, entry: CatalogueEntry) -> None:
    """Store an entry of the catalogue as proposed."""
    await session.execute(
        "INSERT INTO governance.catalogue (slug, title, procedure, largest_pence) "
        "VALUES (:slug, :title, :procedure, :largest)",
        {
            "slug": entry.slug,
            "title": entry.title,
            "procedure": entry.procedure,
            "largest": entry.largest_pence,
        },
    )


async def move_entry(
    session: WriteSession, slug: str, since: CatalogueStatus, to: CatalogueStatus
) -> int:
    """Move an entry of the catalogue on; return 0 where it isn't there."""
    return await session.execute(
        "UPDATE governance.catalogue SET status = :to WHERE slug = :slug AND status = :since",
        {"slug": slug, "since": since.value, "to": to.value},
    )


def _change(row: Row) -> Change:
    return Change(
        change_id=row.change_id,
        number=row.number,
        tenant_id=TenantId(row.tenant_id),
        tenant=row.tenant,
        body=row.body,
        username=row.username,
        kind=Kind(row.kind),
        state=State(row.state),
        version=row.version,
        title=row.title,
        raised_at=row.raised_at,
        submitted_at=row.submitted_at,
        assess_by=row.assess_by,
    )
