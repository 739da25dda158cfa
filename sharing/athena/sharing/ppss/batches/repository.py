"""The SQL of batches: what was received, what is claimed, what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.identity import Purpose, TenantId
from athena.sharing.ppss.disclosures.sealing import Sealed
from athena.sharing.ppss.signatures.models import Caller

_PROGRESS = (
    "SELECT b.batch_id, b.agreement, b.purpose, b.request_digest, b.received, b.received_at, "
    "b.cancelled_at, CASE WHEN b.paused_until > now() THEN b.paused_until END AS paused_until, "
    "CASE WHEN b.paused_until > now() THEN b.paused_because END AS paused_because, "
    "count(*) FILTER (WHERE i.state = 'answered') AS answered, "
    "count(*) FILTER (WHERE i.state = 'refused') AS refused, "
    "count(*) FILTER (WHERE i.state = 'waiting') AS waiting, "
    "count(*) FILTER (WHERE i.ended_at > now() - interval '1 minute') AS last_minute "
    "FROM (SELECT * FROM sharing.partner_batch AS b WHERE b.partner_id = :partner{narrowed} "
    "ORDER BY b.received_at DESC, b.batch_id LIMIT 100) AS b "
    "JOIN sharing.partner_batch_item AS i USING (batch_id) "
    "GROUP BY b.batch_id, b.agreement, b.purpose, b.request_digest, b.received, b.received_at, "
    "b.cancelled_at, b.paused_until, b.paused_because ORDER BY b.received_at DESC, b.batch_id"
)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a batch stands."""

    batch_id: UUID
    agreement: str
    purpose: Purpose
    request_digest: bytes
    received: int
    received_at: datetime
    cancelled_at: datetime | None
    paused_until: datetime | None
    paused_because: str | None
    answered: int
    refused: int
    waiting: int
    last_minute: int
    """How many of its questions ended in the last minute."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A question whose row this transaction has locked."""

    batch_id: UUID
    number: int
    asked_by: str
    asked_role: str
    agreement: str
    key_id: str
    sealed: Sealed


@dataclass(frozen=True, slots=True)
class Ended:
    """An item that was answered or refused."""

    number: int
    reference: str
    problem: str | None
    check_id: UUID | None


async def receive(
    session: WriteSession,
    caller: Caller,
    batch_id: UUID,
    purpose: Purpose,
    key: str,
    digest: bytes,
    items: Sequence[tuple[str, Sealed]],
) -> bool:
    """Store a batch with its questions; False where the key came before."""
    partner = caller.partner.partner_id
    stored = await session.value(
        "INSERT INTO sharing.partner_batch (batch_id, partner_id, agreement, asked_by, asked_role, "
        "purpose, key_id, idempotency_key, request_digest, received) VALUES (:batch, :partner, "
        ":agreement, :user, :role, :purpose, :signer, :key, :digest, :received) "
        "ON CONFLICT (partner_id, idempotency_key) DO NOTHING RETURNING batch_id",
        {
            "batch": batch_id,
            "partner": partner,
            "agreement": caller.reference,
            "user": caller.user,
            "role": caller.role,
            "purpose": purpose.value,
            "signer": caller.key_id,
            "key": key,
            "digest": digest,
            "received": len(items),
        },
    )
    if stored is None:
        return False
    await session.execute(
        "INSERT INTO sharing.partner_batch_item (batch_id, number, partner_id, reference, sealed, "
        "wrapped_key) SELECT :batch, t.number, :partner, t.reference, t.sealed, t.key "
        "FROM unnest(CAST(:references AS text[]), CAST(:sealed AS bytea[]), "
        "CAST(:keys AS bytea[])) WITH ORDINALITY AS t (reference, sealed, key, number)",
        {
            "batch": batch_id,
            "partner": partner,
            "references": [reference for reference, _ in items],
            "sealed": [sealed.payload for _, sealed in items],
            "keys": [sealed.wrapped_key for _, sealed in items],
        },
    )
    return True


async def count_waiting(session: ReadSession, partner: TenantId) -> int:
    """Return how many batches of a partner have a question that isn't answered yet."""
    count: int = await session.value(
        "SELECT count(*) FROM sharing.partner_batch AS b WHERE b.partner_id = :partner "
        "AND EXISTS (SELECT FROM sharing.partner_batch_item AS i "
        "WHERE i.batch_id = b.batch_id AND i.state = 'waiting')",
        {"partner": partner},
    )
    return count


async def by_key(session: ReadSession, partner: TenantId, key: str) -> Standing | None:
    """Return the batch that came under an idempotency key, or None."""
    return await _one(session, partner, " AND b.idempotency_key = :key", {"key": key})


async def by_id(session: ReadSession, partner: TenantId, batch_id: UUID) -> Standing | None:
    """Return a partner's own batch, or None."""
    return await _one(session, partner, " AND b.batch_id = :batch", {"batch": batch_id})


async def own(session: ReadSession, partner: TenantId) -> list[Standing]:
    """Return a partner's hundred latest batches, the newest first."""
    rows = await session.rows(_PROGRESS.format(narrowed=""), {"partner": partner})
    return [_standing(row) for row in rows]


async def waiting_partners(session: ReadSession) -> list[TenantId]:
    """Return the partners of whom a question can be answered now."""
    rows = await session.rows("SELECT p FROM sharing.partners_waiting() AS p ORDER BY p")
    return [TenantId(row.p) for row in rows]


async def forget(session: WriteSession) -> int:
    """Remove the batches of every partner that came seven days ago; return how many."""
    count: int = await session.value("SELECT sharing.forget_batches()")
    return count


async def claim(session: WriteSession) -> Claimed | None:
    """Lock the next question of the partner for which the transaction runs, or return None."""
    row = await session.one(
        # Batch by batch, so that the index yields a batch's first question without sorting all.
        "SELECT b.batch_id, i.number, b.asked_by, b.asked_role, b.agreement, b.key_id, i.sealed, "
        "i.wrapped_key FROM (SELECT * FROM sharing.partner_batch "
        "WHERE cancelled_at IS NULL AND coalesce(paused_until, '-infinity') <= now() "
        "ORDER BY received_at, batch_id) AS b "
        "CROSS JOIN LATERAL (SELECT w.number, w.sealed, w.wrapped_key "
        "FROM sharing.partner_batch_item AS w "
        "WHERE w.batch_id = b.batch_id AND w.state = 'waiting' "
        "ORDER BY w.number LIMIT 1 FOR UPDATE SKIP LOCKED) AS i LIMIT 1"
    )
    if row is None:
        return None
    return Claimed(
        row.batch_id,
        row.number,
        row.asked_by,
        row.asked_role,
        row.agreement,
        row.key_id,
        Sealed(bytes(row.sealed), bytes(row.wrapped_key)),
    )


async def end(
    session: WriteSession, item: Claimed, check_id: UUID | None, problem: str | None
) -> None:
    """Note what became of a question, and forget the question."""
    await session.execute(
        "UPDATE sharing.partner_batch_item SET state = :state, check_id = :check, "
        "problem = :problem, sealed = NULL, wrapped_key = NULL, ended_at = now() "
        "WHERE batch_id = :batch AND number = :number",
        {
            "state": "refused" if problem else "answered",
            "check": check_id,
            "problem": problem,
            "batch": item.batch_id,
            "number": item.number,
        },
    )


async def refuse_rest(session: WriteSession, batch_id: UUID, problem: str) -> None:
    """Refuse what is left of a batch, but for what another process has claimed."""
    await session.execute(
        "UPDATE sharing.partner_batch_item SET state = 'refused', problem = :problem, "
        "sealed = NULL, wrapped_key = NULL, ended_at = now() WHERE batch_id = :batch "
        "AND number IN (SELECT i.number FROM sharing.partner_batch_item AS i "
        "WHERE i.batch_id = :batch AND i.state = 'waiting' FOR UPDATE SKIP LOCKED)",
        {"batch": batch_id, "problem": problem},
    )


async def pause(session: WriteSession, batch_id: UUID, seconds: int, problem: str) -> None:
    """Let a batch wait, and say why."""
    await session.execute(
        "UPDATE sharing.partner_batch SET paused_because = :problem, "
        "paused_until = now() + make_interval(secs => :seconds) WHERE batch_id = :batch",
        {"batch": batch_id, "seconds": seconds, "problem": problem},
    )


async def cancel(session: WriteSession, batch_id: UUID) -> None:
    """Forget the questions that aren't answered yet; one that is being answered still is.

    A batch that has none stays what it is.
    """
    # The items first, as the worker locks them: the other way round the two could wait in a ring.
    forgotten = await session.execute(
        "UPDATE sharing.partner_batch_item SET state = 'cancelled', sealed = NULL, "
        "wrapped_key = NULL, ended_at = now() WHERE batch_id = :batch AND state = 'waiting'",
        {"batch": batch_id},
    )
    if not forgotten:
        return
    await session.execute(
        "UPDATE sharing.partner_batch SET cancelled_at = now() "
        "WHERE batch_id = :batch AND cancelled_at IS NULL",
        {"batch": batch_id},
    )


async def ended(session: ReadSession, batch_id: UUID, after: int, most: int) -> list[Ended]:
    """Return what was answered or refused of a batch, in its order, after one number."""
    rows = await session.rows(
        "SELECT number, reference, problem, check_id FROM sharing.partner_batch_item "
        "WHERE batch_id = :batch AND number > :after AND state IN ('answered', 'refused') "
        "ORDER BY number LIMIT :most",
        {"batch": batch_id, "after": after, "most": most},
    )
    return [Ended(row.number, row.reference, row.problem, row.check_id) for row in rows]


async def _one(
    session: ReadSession, partner: TenantId, narrowed: str, values: dict[str, object]
) -> Standing | None:
    statement = _PROGRESS.format(narrowed=narrowed)
    row = await session.one(statement, {"partner": partner, **values})
    return _standing(row) if row is not None else None


def _standing(row: Any) -> Standing:
    values = row._asdict()
    values["purpose"] = Purpose(values["purpose"])
    values["request_digest"] = bytes(values["request_digest"])
    return Standing(**values)
