"""Reading the log: by auditors all of it, by a data protection officer their own force's part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from athena.platform.kernel.database import ReadSession


async def newest(session: ReadSession, count: int) -> Sequence[Any]:
    """Return the newest events that the session may see, the newest first."""
    return await session.rows(
        "SELECT e.at, e.event_id, t.slug AS tenant, e.username, e.roles, e.kind, e.action, "
        "e.purpose, coalesce(c.reason, '(erased)') AS reason, c.content, e.records, "
        "e.decision_id, e.policy_revision "
        "FROM audit.event AS e "
        "LEFT JOIN audit.content AS c ON c.at = e.at AND c.event_id = e.event_id "
        "JOIN tenants.tenant AS t ON t.tenant_id = e.tenant_id "
        "ORDER BY e.at DESC, e.event_id LIMIT :count",
        {"count": count},
    )


async def acts_for(session: ReadSession, reason: str) -> Sequence[Any]:
    """Return what was done, not refused, for reasons that begin so, the first one first."""
    return await session.rows(
        "SELECT e.at, e.username, e.roles, e.action, c.reason FROM audit.event AS e "
        "JOIN audit.content AS c ON c.at = e.at AND c.event_id = e.event_id "
        "WHERE starts_with(c.reason, :reason) AND e.kind <> 'refusal' ORDER BY e.at, e.event_id",
        {"reason": reason},
    )
