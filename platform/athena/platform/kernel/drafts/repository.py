"""The SQL of drafts; the store shows a member their own, and none that has expired."""

from __future__ import annotations

import json
from uuid import UUID

from athena.platform.kernel.desk import OpenChange, OpenWork
from athena.platform.kernel.drafts.models import DraftHead, SavedDraft
from athena.platform.kernel.rows import Row

_HEAD = "draft_id, record_type, version, saved_at, expires_at"


async def count(work: OpenWork) -> int:
    """Return how many drafts the member has."""
    number: int = await work.session.value(
        "SELECT count(*) FROM work.draft WHERE owner_force = :owner", _owner(work)
    )
    return number


async def heads(work: OpenWork, record_type: str | None) -> list[DraftHead]:
    """Return the member's drafts without their documents, the newest first."""
    rows = await work.session.rows(
        f"SELECT {_HEAD} FROM work.draft WHERE owner_force = :owner "
        "AND record_type = coalesce(:record_type, record_type) ORDER BY saved_at DESC, draft_id",
        {**_owner(work), "record_type": record_type},
    )
    return [_head(row) for row in rows]


async def find(work: OpenWork, draft_id: UUID) -> SavedDraft | None:
    """Return a draft of the member, or None."""
    row = await work.session.one(
        f"SELECT {_HEAD}, CAST(document AS text) AS text FROM work.draft "
        "WHERE owner_force = :owner AND draft_id = :draft",
        {**_owner(work), "draft": draft_id},
    )
    if row is None:
        return None
    return SavedDraft(
        draft_id=row.draft_id,
        record_type=row.record_type,
        version=row.version,
        saved_at=row.saved_at,
        expires_at=row.expires_at,
        document=json.loads(row.text),
    )


async def add(work: OpenChange, record_type: str, document: str) -> DraftHead:
    """Store a new draft of the member."""
    row = await work.session.one(
        "INSERT INTO work.draft (owner_force, member_id, record_type, document) "
        f"VALUES (:owner, :member, :record_type, CAST(:document AS json)) RETURNING {_HEAD}",
        {
            **_owner(work),
            "member": work.subject.member_id,
            "record_type": record_type,
            "document": document,
        },
    )
    assert row is not None  # an insert that stores nothing raises
    return _head(row)


async def replace(
    work: OpenChange, draft_id: UUID, version: int, document: str
) -> DraftHead | None:
    """Put a new document in the place of a version, or return None where it isn't that version."""
    row = await work.session.one(
        "UPDATE work.draft SET document = CAST(:document AS json), version = version + 1, "
        "saved_at = now(), expires_at = now() + interval '30 days' "
        "WHERE owner_force = :owner AND draft_id = :draft AND version = :version "
        f"RETURNING {_HEAD}",
        {**_owner(work), "draft": draft_id, "version": version, "document": document},
    )
    return _head(row) if row else None


async def delete(work: OpenChange, draft_id: UUID, version: int | None) -> int:
    """Delete a draft, of any version or of the one given, and return whether it was there."""
    return await work.session.execute(
        "DELETE FROM work.draft WHERE owner_force = :owner AND draft_id = :draft "
        "AND version = coalesce(:version, version)",
        {**_owner(work), "draft": draft_id, "version": version},
    )


def _owner(work: OpenWork) -> dict[str, int]:
    return {"owner": work.subject.tenant_id}


def _head(row: Row) -> DraftHead:
    return DraftHead(
        draft_id=row.draft_id,
        record_type=row.record_type,
        version=row.version,
        saved_at=row.saved_at,
        expires_at=row.expires_at,
    )
