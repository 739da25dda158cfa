"""The SQL of partners' events and webhooks."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.identity import TenantId
from athena.platform.kernel.rows import Row
from athena.sharing.ppss.deliveries.machine import EventState, Standing, Verdict
from athena.sharing.ppss.deliveries.models import (
    Due,
    Feed,
    PartnerEvent,
    PartnerId,
    Refused,
    Stream,
    Webhook,
)

DELIVERER = "athena_outbox"

_EVENT = "event_id, sequence, kind, body, created_at"

_DUE = """
    SELECT w.partner_id, w.url, w.failing_since FROM sharing.partner_webhook AS w
    WHERE w.stopped_at IS NULL AND w.next_attempt_at <= :now
      AND EXISTS (SELECT FROM sharing.partner_event AS e
                  WHERE e.partner_id = w.partner_id AND e.state = 'pending'
                    AND e.sequence IS NOT NULL)
      AND EXISTS (SELECT FROM tenants.tenant AS t
                  WHERE t.tenant_id = w.partner_id AND t.kind = 'partner'
                    AND t.status = 'active')
    ORDER BY w.next_attempt_at, w.partner_id LIMIT 1 FOR UPDATE OF w SKIP LOCKED
"""
"""A webhook for which something is due, locked."""


async def partners_with_new(session: ReadSession) -> list[PartnerId]:
    """Return the partners that have events without a number."""
    rows = await session.rows(
        "SELECT DISTINCT partner_id FROM sharing.partner_event WHERE sequence IS NULL ORDER BY 1"
    )
    return [PartnerId(row.partner_id) for row in rows]


async def number(session: WriteSession, partner: PartnerId) -> int:
    """Number a partner's new events after those it has; return the last number."""
    last: int = await session.value(
        "SELECT sharing.number_events(CAST(:partner AS smallint))", {"partner": partner}
    )
    return last


async def take_next(session: WriteSession, now: datetime) -> Due | None:
    """Return the first event that some partner is due to get, its webhook locked until the commit.

    A webhook that another process works on is passed over: one process a partner, at a time.
    """
    while True:
        webhook = await session.one(_DUE, {"now": now})
        if webhook is None:
            return None
        # A statement of its own: what another process committed about this partner is seen.
        event = await session.one(
            f"SELECT owner_force, {_EVENT}, attempts, refusals FROM sharing.partner_event "
            "WHERE partner_id = :partner AND state = 'pending' AND sequence IS NOT NULL "
            "ORDER BY sequence LIMIT 1",
            {"partner": webhook.partner_id},
        )
        if event is not None:
            return Due(
                partner=PartnerId(webhook.partner_id),
                owner=TenantId(event.owner_force),
                url=webhook.url,
                event=_event(event),
                standing=Standing(event.attempts, event.refusals, webhook.failing_since),
            )


async def note(session: WriteSession, due: Due, verdict: Verdict, now: datetime) -> None:
    """Note what came of an attempt, with the event and with the webhook."""
    await session.execute(
        "UPDATE sharing.partner_event SET state = :state, attempts = :attempts, "
        "refusals = :refusals, last_error = :code, finished_at = CAST(:finished AS timestamptz) "
        "WHERE owner_force = :owner AND event_id = :event",
        {
            "state": verdict.state.value,
            "attempts": verdict.attempts,
            "refusals": verdict.refusals,
            "code": verdict.code,
            "finished": None if verdict.state is EventState.PENDING else now,
            "owner": due.owner,
            "event": due.event.event_id,
        },
    )
    await session.execute(
        "UPDATE sharing.partner_webhook SET failing_since = CAST(:since AS timestamptz), "
        "next_attempt_at = :next, last_error = :code, "
        "stopped_at = CAST(:stopped AS timestamptz) WHERE partner_id = :partner",
        {
            "since": verdict.failing_since,
            "next": verdict.next_attempt_at,
            "code": verdict.code,
            "stopped": now if verdict.is_stopped else None,
            "partner": due.partner,
        },
    )


async def feed(session: ReadSession, partner: PartnerId, after: int, limit: int) -> Feed:
    """Return a partner's numbered events after a number, in their order."""
    rows = await session.rows(
        f"SELECT {_EVENT}, state FROM sharing.partner_event "
        "WHERE partner_id = :partner AND sequence > :after ORDER BY sequence LIMIT :limit",
        {"partner": partner, "after": after, "limit": limit},
    )
    stream = await session.one(
        "SELECT last_sequence, acknowledged FROM sharing.partner_stream "
        "WHERE partner_id = :partner",
        {"partner": partner},
    )
    return Feed(
        events=tuple(_event(row) for row in rows),
        states=tuple(EventState(row.state) for row in rows),
        last_sequence=stream.last_sequence if stream else 0,
        acknowledged=stream.acknowledged if stream else 0,
    )


async def acknowledge(session: WriteSession, partner: PartnerId, sequence: int) -> int:
    """Note that a partner has read its events up to a number; return how far it has by now.

    A number before what was read already changes nothing.
    """
    read: int | None = await session.value(
        "UPDATE sharing.partner_stream SET acknowledged = :sequence "
        "WHERE partner_id = :partner AND last_sequence >= :sequence RETURNING acknowledged",
        {"partner": partner, "sequence": sequence},
    )
    return -1 if read is None else read


async def set_webhook(
    session: WriteSession, partner: PartnerId, url: str, username: str, reason: str
) -> None:
    """Set where a partner is told; what failed before is forgotten."""
    await session.execute(
        "INSERT INTO sharing.partner_webhook AS w (partner_id, url, username, reason) "
        "VALUES (:partner, :url, :username, :reason) "
        "ON CONFLICT (partner_id) DO UPDATE SET url = excluded.url, set_at = now(), "
        "username = excluded.username, reason = excluded.reason, failing_since = NULL, "
        "next_attempt_at = '-infinity', stopped_at = NULL, last_error = NULL",
        {"partner": partner, "url": url, "username": username, "reason": reason},
    )


async def remove_webhook(session: WriteSession, partner: PartnerId) -> bool:
    """Take a partner's webhook away; its feed stays. Return whether there was one."""
    return bool(
        await session.execute(
            "DELETE FROM sharing.partner_webhook WHERE partner_id = :partner",
            {"partner": partner},
        )
    )


async def restart(session: WriteSession, partner: PartnerId) -> bool:
    """Let a webhook be tried again at once; return whether there is one."""
    return bool(
        await session.execute(
            "UPDATE sharing.partner_webhook SET failing_since = NULL, stopped_at = NULL, "
            "next_attempt_at = '-infinity', last_error = NULL WHERE partner_id = :partner",
            {"partner": partner},
        )
    )


async def replay(session: WriteSession, partner: PartnerId, event_id: UUID | None) -> int:
    """Make dead letters pending again, one or all of a partner; return how many."""
    return await session.execute(
        "UPDATE sharing.partner_event SET state = 'pending', attempts = 0, refusals = 0, "
        "finished_at = NULL, last_error = NULL WHERE partner_id = :partner "
        "AND state = 'refused' AND (CAST(:event AS uuid) IS NULL OR event_id = :event)",
        {"partner": partner, "event": event_id},
    )


async def webhook(session: ReadSession, partner: PartnerId) -> Webhook | None:
    """Return where a partner is told, or None."""
    row = await session.one(
        "SELECT url, set_at, failing_since, nullif(next_attempt_at, '-infinity') AS next, "
        "stopped_at, last_error FROM sharing.partner_webhook WHERE partner_id = :partner",
        {"partner": partner},
    )
    if row is None:
        return None
    return Webhook(row.url, row.set_at, row.failing_since, row.next, row.stopped_at, row.last_error)


async def stream(session: ReadSession, partner: PartnerId) -> Stream:
    """Return how far a partner's events go and what waits."""
    row = await session.one(
        "SELECT coalesce(s.last_sequence, 0) AS last, coalesce(s.acknowledged, 0) AS read, "
        "s.acknowledged_at, "
        "(SELECT count(*) FROM sharing.partner_event AS e WHERE e.partner_id = p.partner_id "
        "AND e.state = 'pending') AS waiting, "
        "(SELECT count(*) FROM sharing.partner_event AS e WHERE e.partner_id = p.partner_id "
        "AND e.state = 'refused') AS refused "
        "FROM (SELECT CAST(:partner AS smallint) AS partner_id) AS p "
        "LEFT JOIN sharing.partner_stream AS s USING (partner_id)",
        {"partner": partner},
    )
    assert row is not None  # the sub-select gives one row whatever there is
    return Stream(row.last, row.read, row.acknowledged_at, row.waiting, row.refused)


async def refused(session: ReadSession, partner: PartnerId, limit: int) -> list[Refused]:
    """Return a partner's dead letters, in their order."""
    rows = await session.rows(
        "SELECT event_id, sequence, kind, created_at, finished_at, attempts, last_error "
        "FROM sharing.partner_event WHERE partner_id = :partner AND state = 'refused' "
        "ORDER BY sequence LIMIT :limit",
        {"partner": partner, "limit": limit},
    )
    return [
        Refused(
            row.event_id,
            row.sequence,
            row.kind,
            row.created_at,
            row.finished_at,
            row.attempts,
            row.last_error or "",
        )
        for row in rows
    ]


def _event(row: Row) -> PartnerEvent:
    return PartnerEvent(row.event_id, row.sequence, row.kind, row.body, row.created_at)
