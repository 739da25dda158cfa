"""The SQL of counts: each process writes its own rows, and the gate reads every process's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from athena.governance.health.models import Counts
from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.identity import TenantId

MONITOR = "athena_monitor"
KEPT = "7 days"
"""How long counts stay; the store's policy lets nothing younger go."""


async def total(session: ReadSession, forces: Sequence[TenantId], since: datetime) -> Counts:
    """Return what every process counted of some forces in rows that began at a moment or later."""
    rows = await session.rows(
        "SELECT requests, errors, buckets FROM governance.request_count "
        "WHERE began_at >= :since AND tenant_id = ANY (CAST(:forces AS smallint[]))",
        {"since": since, "forces": list(forces)},
    )
    return Counts.total((row.requests, row.errors, row.buckets) for row in rows)


async def put(
    session: WriteSession, process: UUID, counts: Iterable[tuple[TenantId, datetime, Counts]]
) -> None:
    """Store what a process has counted so far in each of its rows; again says the same."""
    rows: list[dict[str, Any]] = [
        {
            "tenant_id": tenant,
            "began_at": began.isoformat(),
            "requests": counted.requests,
            "errors": counted.errors,
            "buckets": counted.buckets,
        }
        for tenant, began, counted in counts
    ]
    await session.execute(
        "INSERT INTO governance.request_count "
        "(tenant_id, process, began_at, requests, errors, buckets) "
        "SELECT tenant_id, :process, began_at, requests, errors, buckets "
        "FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (tenant_id smallint, "
        "began_at timestamptz, requests integer, errors integer, buckets integer[]) "
        "ON CONFLICT (began_at, tenant_id, process) DO UPDATE SET "
        "requests = excluded.requests, errors = excluded.errors, buckets = excluded.buckets",
        {"process": process, "rows": json.dumps(rows)},
    )


async def forget_old(session: WriteSession) -> int:
    """Delete the rows that nothing judges by any more; return how many they were."""
    return await session.execute(
        f"DELETE FROM governance.request_count WHERE began_at < now() - interval '{KEPT}'"
    )
