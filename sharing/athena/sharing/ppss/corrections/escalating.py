"""Corrections that nobody acknowledges land on the worklist of the force whose record it is."""

from __future__ import annotations

from datetime import datetime, timedelta

from athena.platform.kernel.database import Database
from athena.sharing.ppss.corrections import repository
from athena.sharing.ppss.corrections.models import due
from athena.sharing.ppss.deliveries.repository import DELIVERER

AT_ONCE = 500
_SOONEST = timedelta(days=1)
"""Two working days, counted from the day after, are never over sooner than this."""


async def escalate_overdue(database: Database, now: datetime) -> int:
    """Put what is overdue at a moment on the worklists and return how many corrections that were.

    Each goes in a transaction of its own, with its event in the log; several processes may run it.
    """
    async with database.read(DELIVERER) as session:
        waiting = await repository.unacknowledged(session, now - _SOONEST, AT_ONCE)
    count = 0
    for late in waiting:
        by = due(late.changed_at)
        if by.at > now:
            break  # the others are younger still
        async with database.write(DELIVERER) as session:
            count += await repository.escalate(session, late, by)
    return count
