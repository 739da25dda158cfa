"""Referrals that nobody answers: put before supervisors first, then told the client body."""

from __future__ import annotations

from datetime import datetime

from athena.platform.kernel import audit
from athena.platform.kernel.database import Database, ReadSession
from athena.platform.kernel.identity import Subject
from athena.sharing.ppss.deliveries.repository import DELIVERER
from athena.sharing.ppss.referrals import repository
from athena.sharing.ppss.referrals.models import Unanswered, client_body_due

AT_ONCE = 500


async def escalate_late(database: Database, now: datetime) -> int:
    """Put what is overdue at a moment before supervisors, and return how many referrals.

    What stays unanswered for a further working day is told the client body, and counts again. Each
    step goes in a transaction of its own, with its event in the log; several processes may run it.
    """
    async with database.read(DELIVERER) as session:
        waiting = await repository.late(session, now, AT_ONCE)
    count = 0
    for item in waiting:
        if item.is_escalated and client_body_due(item.due_at) > now:
            continue
        step = repository.put_to_client_body if item.is_escalated else repository.escalate
        async with database.write(DELIVERER) as session:
            count += await step(session, item)
    return count


async def unanswered(session: ReadSession, subject: Subject, reason: str) -> list[Unanswered]:
    """Return what the client body was told of, what still waits first; it is logged.

    Whom at the partner to turn to is told beside it: the unit for operations where there is one.
    """
    await audit.administer(session, subject, "partners.late_referrals", reason, {})
    return await repository.unanswered(session, AT_ONCE)
