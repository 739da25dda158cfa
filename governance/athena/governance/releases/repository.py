"""The SQL of releases, their plans, rings and entries."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from athena.governance.entries.repository import EntryTable
from athena.governance.releases.document import ReleaseDocument
from athena.governance.releases.machine import RingState, State
from athena.governance.releases.models import EntryKind, Release, StoredRing
from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.identity import Role, Subject, TenantId
from athena.platform.kernel.rows import Row

_RELEASE = """
    SELECT r.release_id, r.number, r.username, r.state, r.version, p.document ->> 'title' AS title,
           r.created_at
    FROM governance.release AS r
    JOIN governance.release_plan AS p ON p.release_id = r.release_id AND p.version = r.version
"""

_ENTRIES = EntryTable("release", EntryKind)
entries, add_entry, lock = _ENTRIES.entries, _ENTRIES.add_entry, _ENTRIES.lock


async def releases(session: ReadSession) -> list[Release]:
    """Return every release, the newest first."""
    return [_release(row) for row in await session.rows(f"{_RELEASE} ORDER BY r.number DESC")]


async def release_by_id(session: ReadSession, release_id: UUID) -> Release | None:
    """Return a release, or None."""
    row = await session.one(f"{_RELEASE} WHERE r.release_id = :id", {"id": release_id})
    return None if row is None else _release(row)


async def id_of(session: ReadSession, number: int) -> UUID | None:
    """Return the id of the release of a number, or None."""
    found: UUID | None = await session.value(
        "SELECT release_id FROM governance.release WHERE number = :number", {"number": number}
    )
    return found


async def plan(
    session: ReadSession, release_id: UUID, version: int
) -> tuple[ReleaseDocument, bytes]:
    """Return a version of a release's plan, and its digest."""
    row = await session.one(
        "SELECT document, digest FROM governance.release_plan "
        "WHERE release_id = :id AND version = :version",
        {"id": release_id, "version": version},
    )
    assert row is not None  # a release has a plan
    return ReleaseDocument.model_validate(row.document), bytes(row.digest)


async def rings(session: ReadSession, release_id: UUID, version: int) -> list[StoredRing]:
    """Return the rings of a version of a plan, in their order."""
    rows = await session.rows(
        "SELECT number, name, forces, begins_at, ends_at, state, notified_at, live_at "
        "FROM governance.release_ring WHERE release_id = :id AND version = :version "
        "ORDER BY number",
        {"id": release_id, "version": version},
    )
    return [_ring(row) for row in rows]


async def rings_ahead(
    session: ReadSession, begins: datetime, ends: datetime
) -> list[tuple[Release, StoredRing]]:
    """Return the rings, of plans as they are now, whose windows meet a time; none of a draft."""
    rows = await session.rows(
        "SELECT g.release_id, g.number, g.name, g.forces, g.begins_at, g.ends_at, g.state, "
        "g.notified_at, g.live_at FROM governance.release_ring AS g "
        "JOIN governance.release AS r USING (release_id, version) "
        "WHERE r.state NOT IN ('draft', 'cancelled') AND g.begins_at < :ends "
        "AND g.ends_at > :begins ORDER BY g.begins_at, r.number, g.number",
        {"begins": begins, "ends": ends},
    )
    known = {item.release_id: item for item in await releases(session)}
    return [(known[row.release_id], _ring(row)) for row in rows]


async def lock_calendar(session: WriteSession) -> None:
    """Let no black-out be filed and no ring be set until this transaction ends."""
    await session.value(
        "SELECT pg_advisory_xact_lock(hashtextextended('athena/release-calendar', 0))"
    )


async def add_release(session: WriteSession, subject: Subject, release_id: UUID) -> None:
    """Store a new release; the store numbers it."""
    await session.execute(
        "INSERT INTO governance.release (release_id, username) VALUES (:id, :username)",
        {"id": release_id, "username": subject.username},
    )


async def add_plan(
    session: WriteSession,
    subject: Subject,
    release_id: UUID,
    version: int,
    document: ReleaseDocument,
    digest: bytes,
) -> None:
    """Store a version of a release's plan with its rings, which all wait."""
    await session.execute(
        "INSERT INTO governance.release_plan (release_id, version, username, document, digest) "
        "VALUES (:id, :version, :username, CAST(:document AS jsonb), :digest)",
        {
            "id": release_id,
            "version": version,
            "username": subject.username,
            "document": json.dumps(document.model_dump(mode="json")),
            "digest": digest,
        },
    )
    for number, ring in enumerate(document.rings, start=1):
        await session.execute(
            "INSERT INTO governance.release_ring (release_id, version, number, name, forces, "
            "begins_at, ends_at) VALUES (:id, :version, :number, :name, "
            "CAST(:forces AS text[]), :begins, :ends)",
            {
                "id": release_id,
                "version": version,
                "number": number,
                "name": ring.name,
                "forces": list(ring.forces),
                "begins": ring.window.begins,
                "ends": ring.window.ends,
            },
        )
    if version > 1:
        await session.execute(
            "UPDATE governance.release SET version = :version WHERE release_id = :id",
            {"id": release_id, "version": version},
        )


async def move(session: WriteSession, release_id: UUID, since: State, to: State) -> int:
    """Move a release on from a state; return 0 where it isn't there any more."""
    return await session.execute(
        "UPDATE governance.release SET state = :to WHERE release_id = :id AND state = :since",
        {"id": release_id, "since": since.value, "to": to.value},
    )


async def move_ring(
    session: WriteSession, release: Release, number: int, since: RingState, to: RingState
) -> int:
    """Move a ring on from a state; return 0 where it isn't there any more."""
    return await session.execute(
        "UPDATE governance.release_ring SET state = :to, "
        "notified_at = CASE WHEN :to = 'notified' THEN now() ELSE notified_at END, "
        "live_at = CASE WHEN :to = 'live' THEN now() ELSE live_at END "
        "WHERE release_id = :id AND version = :version AND number = :number AND state = :since",
        {
            "id": release.release_id,
            "version": release.version,
            "number": number,
            "since": since.value,
            "to": to.value,
        },
    )


async def set_window(
    session: WriteSession, release: Release, number: int, begins: datetime, ends: datetime
) -> int:
    """Give a ring another window; it waits to be told again."""
    return await session.execute(
        "UPDATE governance.release_ring SET state = 'waiting', begins_at = :begins, "
        "ends_at = :ends WHERE release_id = :id AND version = :version AND number = :number",
        {
            "id": release.release_id,
            "version": release.version,
            "number": number,
            "begins": begins,
            "ends": ends,
        },
    )


async def tenants_of(session: ReadSession, forces: Iterable[str]) -> list[TenantId]:
    """Return the tenants of some forces, by their short names, in the alphabet's order."""
    rows = await session.rows(
        "SELECT tenant_id FROM tenants.tenant WHERE slug = ANY(CAST(:slugs AS text[])) "
        "ORDER BY slug",
        {"slugs": list(forces)},
    )
    return [TenantId(row.tenant_id) for row in rows]


async def tell(
    session: WriteSession, forces: Sequence[TenantId], kind: str, roles: Iterable[Role]
) -> None:
    """Put a notice for some roles of each force into the outbox; it goes out with the commit."""
    await session.execute(
        "INSERT INTO work.message (owner_force, kind, recipient_role) "
        "SELECT f.tenant, CAST(:kind AS text), r.role "
        "FROM unnest(CAST(:forces AS smallint[])) AS f (tenant), "
        "unnest(CAST(:roles AS text[])) AS r (role)",
        {"kind": kind, "forces": list(forces), "roles": [role.value for role in roles]},
    )


def _release(row: Row) -> Release:
    return Release(
        release_id=row.release_id,
        number=row.number,
        username=row.username,
        state=State(row.state),
        version=row.version,
        title=row.title,
        created_at=row.created_at,
    )


def _ring(row: Row) -> StoredRing:
    return StoredRing(
        number=row.number,
        name=row.name,
        forces=tuple(row.forces),
        begins_at=row.begins_at,
        ends_at=row.ends_at,
        state=RingState(row.state),
        notified_at=row.notified_at,
        live_at=row.live_at,
    )
