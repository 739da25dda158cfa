"""The SQL of the outbox and of members' lists."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from athena.platform.kernel.clock import today
from athena.platform.kernel.database import WriteSession
from athena.platform.kernel.desk import OpenChange, OpenWork
from athena.platform.kernel.grants import held
from athena.platform.kernel.identity import TenantId
from athena.platform.kernel.notifications.models import Message, Notification
from athena.platform.kernel.rows import Row
from athena.platform.kernel.worklist.models import Assignee, RecordReference

OUTBOX_LOGIN = "athena_outbox"
KEPT_DAYS = 30
"""How long a delivered message stays; a parked one stays until somebody has looked at it."""

_MEANT = f"""
    FROM tenants.member AS m
    LEFT JOIN tenants.member_role AS r
      ON r.tenant_id = m.tenant_id AND r.member_id = m.member_id
     AND {held("r")}
    LEFT JOIN work.team_member AS t
      ON t.owner_force = m.tenant_id AND t.member_id = m.member_id
    WHERE m.tenant_id = :owner AND m.active
      AND (m.member_id = :member OR r.role = :role OR t.team = :team)
"""
"""The active members of a force whom a message is meant for, once for each role and team."""


async def send(
    work: OpenWork,
    kind: str,
    recipient: Assignee,
    record: RecordReference | None,
    item_id: UUID | None,
    channel: str,
) -> None:
    """Put a message for the member's own force into the outbox; nobody of a force reads it back."""
    await work.session.value(
        "WITH sent AS (INSERT INTO work.message (owner_force, channel, kind, record_class, "
        "record_owner, record_id, item_id, recipient_role, recipient_team, recipient_member) "
        "VALUES (:owner, :channel, :kind, :record_class, :record_owner, :record_id, :item, :role, "
        ":team, :member)) SELECT true",
        {
            "owner": work.subject.tenant_id,
            "channel": channel,
            "kind": kind,
            "record_class": record.record_class if record else None,
            "record_owner": record.owner if record else None,
            "record_id": record.record_id if record else None,
            "item": item_id,
            "role": recipient.role.value if recipient.role else None,
            "team": recipient.team,
            "member": recipient.member,
        },
    )


async def take_next(session: WriteSession) -> Message | None:
    """Return a message that is due and that no other process holds, locked until the commit."""
    row = await session.one(
        "SELECT owner_force, message_id, channel, kind, record_class, record_owner, record_id, "
        "item_id, recipient_role, recipient_team, recipient_member, created_at, attempts "
        "FROM work.message WHERE state = 'pending' AND next_attempt_at <= now() "
        "ORDER BY next_attempt_at LIMIT 1 FOR UPDATE SKIP LOCKED"
    )
    if row is None:
        return None
    return Message(
        owner_force=TenantId(row.owner_force),
        message_id=row.message_id,
        channel=row.channel,
        kind=row.kind,
        record=_record(row),
        item_id=row.item_id,
        recipient_role=row.recipient_role,
        recipient_team=row.recipient_team,
        recipient_member=row.recipient_member,
        created_at=row.created_at,
        attempts=row.attempts,
    )


async def note_delivered(session: WriteSession, message: Message) -> None:
    """Note that a message has been delivered."""
    await session.execute(
        "UPDATE work.message SET state = 'delivered', attempts = attempts + 1, "
        "finished_at = now(), last_error = NULL "
        "WHERE owner_force = :owner AND message_id = :message",
        {"owner": message.owner_force, "message": message.message_id},
    )


async def note_failed(
    session: WriteSession, message: Message, code: str, delay: timedelta | None
) -> None:
    """Note a failed attempt: tried again after a delay, or parked where there is none."""
    await session.execute(
        "UPDATE work.message SET attempts = attempts + 1, last_error = :code, "
        "state = CASE WHEN :parked THEN 'parked' ELSE 'pending' END, "
        "finished_at = CASE WHEN :parked THEN now() END, "
        "next_attempt_at = clock_timestamp() + make_interval(secs => :seconds) "
        "WHERE owner_force = :owner AND message_id = :message",
        {
            "owner": message.owner_force,
            "message": message.message_id,
            "code": code[:100],
            "parked": delay is None,
            "seconds": delay.total_seconds() if delay else 0.0,
        },
    )


async def forget_delivered(session: WriteSession) -> int:
    """Delete messages that were delivered long ago and return how many."""
    return await session.execute(
        "DELETE FROM work.message WHERE state = 'delivered' "
        "AND finished_at < now() - make_interval(days => :days)",
        {"days": KEPT_DAYS},
    )


async def add_to_lists(session: WriteSession, message: Message) -> None:
    """Put a message on the list of each member it is meant for; on a list it stands once."""
    await session.execute(
        "INSERT INTO work.notification (owner_force, message_id, member_id, kind, record_class, "
        "record_owner, record_id, item_id, created_at) "
        "SELECT DISTINCT m.tenant_id, CAST(:message AS uuid), m.member_id, CAST(:kind AS text), "
        "CAST(:record_class AS text), CAST(:record_owner AS smallint), CAST(:record_id AS uuid), "
        "CAST(:item AS uuid), CAST(:created_at AS timestamptz) "
        f"{_MEANT} ON CONFLICT DO NOTHING",
        {
            "owner": message.owner_force,
            "message": message.message_id,
            "kind": message.kind,
            "record_class": message.record.record_class if message.record else None,
            "record_owner": message.record.owner if message.record else None,
            "record_id": message.record.record_id if message.record else None,
            "item": message.item_id,
            "created_at": message.created_at,
            "member": message.recipient_member,
            "role": message.recipient_role,
            "team": message.recipient_team,
            "today": today(),
        },
    )


async def count_recipients(session: WriteSession, message: Message) -> int:
    """Return how many active members of the force a message is meant for."""
    number: int = await session.value(
        f"SELECT count(DISTINCT m.member_id) {_MEANT}",
        {
            "owner": message.owner_force,
            "member": message.recipient_member,
            "role": message.recipient_role,
            "team": message.recipient_team,
            "today": today(),
        },
    )
    return number


async def own_list(
    work: OpenWork, limit: int, offset: int, *, unread_only: bool
) -> list[Notification]:
    """Return what the member was told, the newest first."""
    rows = await work.session.rows(
        "SELECT notification_id, kind, record_class, record_owner, record_id, item_id, "
        "created_at, read_at FROM work.notification WHERE owner_force = :owner "
        "AND member_id = :member AND (NOT :unread_only OR read_at IS NULL) "
        "ORDER BY created_at DESC, notification_id LIMIT :limit OFFSET :offset",
        {
            "owner": work.subject.tenant_id,
            "member": work.subject.member_id,
            "unread_only": unread_only,
            "limit": limit,
            "offset": offset,
        },
    )
    return [
        Notification(
            notification_id=row.notification_id,
            kind=row.kind,
            record=_record(row),
            item_id=row.item_id,
            created_at=row.created_at,
            read_at=row.read_at,
        )
        for row in rows
    ]


async def mark_read(work: OpenChange, notification_id: UUID) -> int:
    """Note that the member has read a notification; what was read stays as it was."""
    return await work.session.execute(
        "UPDATE work.notification SET read_at = coalesce(read_at, now()) "
        "WHERE owner_force = :owner AND notification_id = :notification",
        {"owner": work.subject.tenant_id, "notification": notification_id},
    )


def _record(row: Row) -> RecordReference | None:
    if row.record_id is None:
        return None
    return RecordReference(row.record_class, TenantId(row.record_owner), row.record_id)
