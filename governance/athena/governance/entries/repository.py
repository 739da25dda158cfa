"""The SQL of entries: changes and releases have a table each, of one shape."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal
from uuid import UUID

from athena.governance.entries.models import Entry, Kind
from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.identity import Subject


@dataclass(frozen=True, slots=True)
class EntryTable(Generic[Kind]):
    """The entries of every change, or of every release."""

    of: Literal["change", "release"]
    kinds: type[Kind]

    async def entries(self, session: ReadSession, whole_id: UUID) -> list[Entry[Kind]]:
        """Return what was added to a change or a release, in order."""
        rows = await session.rows(
            "SELECT e.number, t.slug, e.username, e.at, e.kind, e.version, e.document "
            f"FROM governance.{self.of}_entry AS e JOIN tenants.tenant AS t USING (tenant_id) "
            f"WHERE e.{self.of}_id = :id ORDER BY e.number",
            {"id": whole_id},
        )
        return [
            Entry(
                row.number,
                row.slug,
                row.username,
                row.at,
                self.kinds(row.kind),
                row.version,
                row.document,
            )
            for row in rows
        ]

    async def add_entry(
        self,
        session: WriteSession,
        subject: Subject,
        whole_id: UUID,
        version: int,
        kind: Kind,
        document: Mapping[str, Any],
    ) -> None:
        """Add something to a change or a release; the store numbers it and sets the time."""
        await session.execute(
            f"INSERT INTO governance.{self.of}_entry "
            f"({self.of}_id, tenant_id, username, kind, version, document) "
            "VALUES (:id, ctx.session_tenant(), :username, :kind, :version, "
            "CAST(:document AS jsonb))",
            {
                "id": whole_id,
                "username": subject.username,
                "kind": kind.value,
                "version": version,
                "document": json.dumps(document),
            },
        )

    async def lock(self, session: WriteSession, whole_id: UUID) -> None:
        """Let nobody else act on it until this transaction ends; entries take the same lock."""
        await session.value(
            "SELECT pg_advisory_xact_lock(hashtextextended(:lock, 0))",
            {"lock": f"athena/{self.of}/{whole_id}"},
        )
