"""A role holds from its first day in London to its last, unless it is taken away before."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

from athena.governance.duties.repository import roles_of_members
from athena.platform.kernel.clock import today
from athena.platform.kernel.database import Database
from athena.platform.kernel.identity import Role, TenantId
from athena.platform.kernel.notifications.models import Message
from athena.platform.kernel.notifications.repository import OUTBOX_LOGIN, count_recipients
from athena.platform.kernel.store import Store
from athena.tenants.members.service import subject_by_username
from support.cluster import Cluster

DAY = timedelta(days=1)
TERMS: dict[str, tuple[int, int | None, bool, bool]] = {
    "for good": (-1, None, False, True),
    "from today": (0, None, False, True),
    "from tomorrow": (1, None, False, False),
    "to today": (-1, 0, False, True),
    "today alone": (0, 0, False, True),
    "to yesterday": (-2, -1, False, False),
    "to tomorrow": (-2, 1, False, True),
    "for good, but taken away": (-1, None, True, False),
    "to tomorrow, but taken away": (-2, 1, True, False),
}
"""First and last day, counted from today, whether it was taken away; and whether it holds."""


async def holders(database: Database, member: str) -> dict[str, bool]:
    """Return whether each place that asks finds the supervisor's role of a member held today."""
    subject = await subject_by_username(database, member)
    message = Message(
        owner_force=subject.tenant_id,
        message_id=uuid4(),
        channel="platform",
        kind="something_happened",
        record=None,
        item_id=None,
        recipient_role=Role.SUPERVISOR.value,
        recipient_team=None,
        recipient_member=None,
        created_at=datetime.now(UTC),
        attempts=0,
    )
    async with database.write(OUTBOX_LOGIN) as session:
        meant = await count_recipients(session, message)
        duties = await roles_of_members(session)
    held = duties[TenantId(subject.tenant_id)].get(subject.member_id, frozenset())
    return {
        "signing in": Role.SUPERVISOR in subject.roles,
        "a message to the role": meant == 1,
        "a duty of the role": Role.SUPERVISOR in held,
    }


async def test_every_place_that_asks_agrees(fresh_store: Store, cluster: Cluster) -> None:
    admin = await cluster.admin(fresh_store.address.database)
    database = fresh_store.database()
    try:
        for told, (first, last, taken_away, holds) in TERMS.items():
            begins, ends = _day(first), None if last is None else _day(last)
            await admin.execute(
                "UPDATE tenants.member_role AS r SET valid_from = $1, valid_to = $2, "
                "ended_at = CASE WHEN $3 THEN now() END FROM tenants.member AS m "
                "WHERE m.member_id = r.member_id AND m.username = 'supervisor.kent'",
                begins,
                ends,
                taken_away,
            )
            found = await holders(database, "supervisor.kent")
            assert found == dict.fromkeys(found, holds), told
    finally:
        await admin.close()
        await database.close()


def _day(distance: int) -> date:
    return today() + distance * DAY
