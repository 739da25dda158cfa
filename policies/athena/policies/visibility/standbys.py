"""Consulting with the help of a standby: log, look, log what was found, and only then answer.

The primary commits the consultation. A standby that has replayed it is looked at. The primary then
takes what was found into its log, and refuses where the grant set has been revoked meanwhile. Where
no standby can be used, the primary does all of it in one transaction.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from athena.platform.kernel.audit import (
    Entry,
    EventKind,
    StaleGrantError,
    Writes,
    append,
    append_with,
    refuse,
    write,
)
from athena.platform.kernel.database import ReadSession
from athena.platform.kernel.errors import DecisionUnavailableError
from athena.platform.kernel.identity import Purpose, Subject
from athena.platform.kernel.replicas import NoReplicaError, Replicas, transaction_id
from athena.policies.roles.actions import Action
from athena.policies.visibility.models import Consultation
from athena.policies.visibility.service import Gate

Found = TypeVar("Found")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Looking(Generic[Found, Answer]):
    """What is done in a consultation, in three steps.

    ``look`` only reads, on a standby where there is one, and may be repeated. ``seen`` says what of
    it is logged. ``answer`` runs at the primary, under the same consultation; what it wants written
    is written with the log.
    """

    look: Callable[[Consultation], Awaitable[Found]]
    seen: Callable[[Consultation, Found], Entry]
    answer: Callable[[Consultation, Found], Awaitable[tuple[Answer, Writes]]]


async def consult(
    gate: Gate,
    replicas: Replicas,
    subject: Subject,
    action: Action,
    purpose: Purpose,
    entry: Entry,
    looking: Looking[Found, Answer],
) -> Answer:
    """Consult as `Gate.consult` does, reading on a standby where one can be used.

    Errors as there. DecisionUnavailableError, with nothing told of what was found, also where the
    policy changed after the reading.
    """
    if replicas.usable:
        async with gate.consult(subject, action, purpose, entry) as consultation:
            xid = await transaction_id(consultation.session)
        grant_set_id = consultation.visibility.grant_set_id
        logged = await replicas.committed(subject.login, grant_set_id, xid)

        async def look(session: ReadSession) -> Found:
            return await looking.look(replace(consultation, session=session))

        try:
            standby, found = await replicas.read(logged, look)
        except NoReplicaError:
            again = {"again_after": str(consultation.event_id)}
            entry = replace(entry, content={**entry.content, **again})
        else:
            return await _tell(gate, consultation, standby, looking, found)
    async with gate.consult(subject, action, purpose, entry) as consultation:
        found = await looking.look(consultation)
        answer, writes = await looking.answer(consultation, found)
        await append_with(
            consultation.session,
            consultation.visibility.grant_set_id,
            looking.seen(consultation, found),
            writes,
        )
        return answer


async def _tell(
    gate: Gate,
    consultation: Consultation,
    standby: str,
    looking: Looking[Found, Answer],
    found: Found,
) -> Answer:
    """Log what a standby showed, then answer; refuse whole where it may not be shown any more."""
    visibility = consultation.visibility
    where = {"standby": standby, "consultation": str(consultation.event_id)}
    seen = looking.seen(consultation, found)
    seen = replace(seen, content={**seen.content, **where})
    try:
        async with gate.database.write(consultation.subject.login) as session:
            # Logged first: `answer` looks in this session, which sees nothing before.
            await append(session, visibility.grant_set_id, seen)
            answer, writes = await looking.answer(replace(consultation, session=session), found)
            await write(session, writes)
            return answer
    except StaleGrantError:
        gate.forget()
        refused = DecisionUnavailableError(
            "The policy changed while you were looking; nothing is shown, try again."
        )
        entry = Entry(
            EventKind.REFUSAL, seen.action, seen.reason, {"problem": refused.slug, **where}
        )
        await refuse(gate.database, consultation.subject, entry, visibility.purpose.value)
        raise refused from None
