"""The SQL of votes and ballots."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from athena.governance.bodies.constitution import DecisionClass
from athena.governance.votes.models import Matter, SubjectKind, Vote, VoteStatus
from athena.governance.votes.outcome import Ballot, Choice, Duty, Seat
from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.identity import Subject
from athena.platform.kernel.rows import Row

_VOTE = """
    SELECT v.vote_id, v.body_id, b.slug, v.constitution_version, v.decision, v.subject_kind,
           v.subject_id, v.subject_reference, v.subject_version, v.subject_digest, v.question,
           v.cost_pence, v.seats, v.opened_at, v.closes_at, v.opened_by, v.status, v.ended_at,
           v.minute, v.minute_digest
    FROM governance.vote AS v JOIN governance.body AS b USING (body_id)
"""


async def votes(session: ReadSession) -> list[Vote]:
    """Return every vote, the newest first."""
    return [_vote(row) for row in await session.rows(f"{_VOTE} ORDER BY v.opened_at DESC")]


async def vote(session: ReadSession, vote_id: UUID) -> Vote | None:
    """Return a vote, or None."""
    row = await session.one(f"{_VOTE} WHERE v.vote_id = :id", {"id": vote_id})
    return None if row is None else _vote(row)


async def locked(session: WriteSession, vote_id: UUID) -> Vote | None:
    """Return a vote whose row nobody else can take a ballot under until this transaction ends.

    Whoever holds the row finishes first, so what is read after this is all there is.
    """
    await session.value(
        "SELECT true FROM governance.vote WHERE vote_id = :id FOR UPDATE", {"id": vote_id}
    )
    return await vote(session, vote_id)


async def now(session: ReadSession) -> datetime:
    """Return the store's clock, by which ballots are taken too."""
    moment: datetime = await session.value("SELECT clock_timestamp()")
    return moment


async def open_vote(session: WriteSession, new: Vote) -> None:
    """Store a vote that is open from now on."""
    await session.execute(
        "INSERT INTO governance.vote (vote_id, body_id, constitution_version, decision, "
        "subject_kind, subject_id, subject_reference, subject_version, subject_digest, question, "
        "cost_pence, seats, closes_at, opened_by) VALUES (:id, :body, :constitution, :decision, "
        ":kind, :subject, :reference, :version, :digest, :question, :cost, "
        "CAST(:seats AS jsonb), :closes_at, :opened_by)",
        {
            "id": new.vote_id,
            "body": new.body_id,
            "constitution": new.constitution_version,
            "decision": new.matter.decision.value,
            "kind": new.matter.kind,
            "subject": new.matter.subject_id,
            "reference": new.matter.reference,
            "version": new.matter.version,
            "digest": new.matter.digest,
            "question": new.question,
            "cost": new.matter.cost_pence,
            "seats": json.dumps(
                [{"tenant": seat.tenant, "weight": seat.weight} for seat in new.seats]
            ),
            "closes_at": new.closes_at,
            "opened_by": new.opened_by,
        },
    )


async def ballots(session: ReadSession, vote_id: UUID) -> list[Ballot]:
    """Return the ballots that the session may see, in the order in which they were taken."""
    rows = await session.rows(
        "SELECT b.number, t.slug, b.username, b.duty, b.choice, b.cast_at "
        "FROM governance.ballot AS b JOIN tenants.tenant AS t USING (tenant_id) "
        "WHERE b.vote_id = :id ORDER BY b.number",
        {"id": vote_id},
    )
    return [
        Ballot(row.number, row.slug, row.username, Duty(row.duty), Choice(row.choice), row.cast_at)
        for row in rows
    ]


async def take(
    session: WriteSession, subject: Subject, vote_id: UUID, duty: Duty, choice: Choice
) -> None:
    """Hand a ballot in; the store takes it under the vote's lock, or refuses it."""
    await session.execute(
        "INSERT INTO governance.ballot (vote_id, tenant_id, member_id, username, duty, choice) "
        "VALUES (:vote, :tenant, :member, :username, :duty, :choice)",
        {
            "vote": vote_id,
            "tenant": subject.tenant_id,
            "member": subject.member_id,
            "username": subject.username,
            "duty": duty.value,
            "choice": choice.value,
        },
    )


async def last_minute(session: ReadSession, body_id: UUID) -> tuple[int, str | None]:
    """Return how many minutes a body has, and the digest of its last one."""
    row = await session.one(
        "SELECT place, minute_digest FROM governance.vote "
        "WHERE body_id = :body AND status = 'closed' ORDER BY place DESC LIMIT 1",
        {"body": body_id},
    )
    return (0, None) if row is None else (row.place, row.minute_digest.hex())


async def close(
    session: WriteSession,
    vote_id: UUID,
    ended_at: datetime,
    place: int,
    minute: Mapping[str, Any],
    digest: str,
) -> None:
    """Close a vote with its minute."""
    await session.execute(
        "UPDATE governance.vote SET status = 'closed', ended_at = :at, place = :place, "
        "minute = CAST(:minute AS jsonb), minute_digest = :digest WHERE vote_id = :id",
        {
            "id": vote_id,
            "at": ended_at,
            "place": place,
            "minute": json.dumps(minute),
            "digest": bytes.fromhex(digest),
        },
    )


async def cancel(session: WriteSession, vote_id: UUID) -> None:
    """Cancel an open vote; its ballots stay and count for nothing."""
    await session.execute(
        "UPDATE governance.vote SET status = 'cancelled', ended_at = clock_timestamp() "
        "WHERE vote_id = :id",
        {"id": vote_id},
    )


def _vote(row: Row) -> Vote:
    seats: Sequence[Mapping[str, Any]] = row.seats
    return Vote(
        vote_id=row.vote_id,
        body_id=row.body_id,
        body=row.slug,
        constitution_version=row.constitution_version,
        matter=Matter(
            kind=cast("SubjectKind", row.subject_kind),
            reference=row.subject_reference,
            decision=DecisionClass(row.decision),
            cost_pence=row.cost_pence,
            subject_id=row.subject_id,
            version=row.subject_version,
            digest=row.subject_digest,
        ),
        question=row.question,
        seats=tuple(Seat(str(seat["tenant"]), int(seat["weight"])) for seat in seats),
        opened_at=row.opened_at,
        closes_at=row.closes_at,
        opened_by=row.opened_by,
        status=VoteStatus(row.status),
        ended_at=row.ended_at,
        minute=row.minute,
        minute_digest=row.minute_digest,
    )
