"""What is done with votes: opening, casting, closing exactly, cancelling, and reading minutes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any
from uuid import UUID

from athena.governance.acting import Acting, Office
from athena.governance.bodies import repository as bodies
from athena.governance.bodies.constitution import Constitution
from athena.governance.changes import costing
from athena.governance.changes import repository as changes
from athena.governance.changes.catalogue import CatalogueStatus
from athena.governance.changes.desk import Desk, move_on, read
from athena.governance.changes.machine import Actor, Step, check
from athena.governance.changes.standing import EntryKind
from athena.governance.votes import repository
from athena.governance.votes.minute import (
    KeptBallot,
    KeptConstitution,
    KeptOutcome,
    KeptSeat,
    KeptSubject,
    Minute,
    digest,
    kept,
)
from athena.governance.votes.models import Vote, VoteStatus
from athena.governance.votes.opening import open_on_change, open_on_other
from athena.governance.votes.outcome import Ballot, Duty, Outcome, Result, outcome
from athena.governance.votes.schemas import NewBallot, NewVote
from athena.platform.kernel.clock import show_time, today
from athena.platform.kernel.database import ReadSession
from athena.platform.kernel.errors import ConflictError, NotFoundError, RefusedError
from athena.platform.kernel.identity import Subject
from athena.policies.roles.actions import Action

SeenVote = tuple[Vote, Sequence[Ballot]]


async def every(office: Office, subject: Subject) -> list[Vote]:
    """Return every vote, the newest first."""
    async with office.reading(subject, "votes.list") as reading:
        return await repository.votes(reading.session)


async def one(office: Office, subject: Subject, vote_id: UUID) -> SeenVote:
    """Return a vote and the ballots that the member's tenant may see."""
    async with office.reading(subject, "votes.show") as reading:
        return await _seen(reading.session, vote_id)


async def minute(office: Office, subject: Subject, vote_id: UUID) -> tuple[dict[str, Any], str]:
    """Return the minute of a closed vote and its digest."""
    async with office.reading(subject, "votes.minute") as reading:
        vote = await _vote(reading.session, vote_id)
        if vote.minute is None or vote.minute_digest is None:
            raise ConflictError("The vote has no minute before it is closed.")
        return dict(vote.minute), vote.minute_digest.hex()


async def open_vote(desk: Desk, subject: Subject, new: NewVote) -> SeenVote:
    """Ask a body a question, under its constitution as it is now."""
    async with AsyncExitStack() as stack:
        if new.kind == "change":
            opened = await stack.enter_async_context(
                desk.taking(subject, new.reference, Step.OPEN_VOTE, new.reason)
            )
            acting = opened.acting
            vote = await open_on_change(acting, new, opened)
        else:
            acting = await stack.enter_async_context(
                desk.office.acting(
                    subject,
                    Action.GOVERNANCE_MANAGE,
                    "votes.open",
                    new.reason,
                    {"body": new.body, "reference": new.reference},
                )
            )
            vote = await open_on_other(acting, new)
        return await _seen(acting.session, vote.vote_id)


async def cast(office: Office, subject: Subject, vote_id: UUID, new: NewBallot) -> SeenVote:
    """Cast a ballot for one's own seat, or the chair's casting vote."""
    content = {"vote": str(vote_id), "choice": new.choice.value}
    async with office.acting(
        subject, Action.GOVERNANCE_VOTE, "votes.cast", new.reason, content
    ) as acting:
        vote = await _vote(acting.session, vote_id)
        _check_open(vote)
        duty = await _duty(acting, vote, as_chair=new.as_chair)
        await repository.take(acting.session, subject, vote_id, duty, new.choice)
        return await _seen(acting.session, vote_id)


async def close(office: Office, subject: Subject, vote_id: UUID, reason: str) -> SeenVote:
    """Close a vote: from its row's lock on no ballot is taken, and all that were taken count.

    What follows from the outcome, for a change or an entry of the catalogue, is in the same
    transaction.
    """
    async with office.acting(
        subject, Action.GOVERNANCE_MANAGE, "votes.close", reason, {"vote": str(vote_id)}
    ) as acting:
        vote = await _locked(acting, vote_id)
        ballots = await repository.ballots(acting.session, vote_id)
        law = await _law(acting, vote)
        ended_at = await _moment_of_closing(acting, vote)
        rule = law.rule_for(vote.matter.decision, vote.matter.cost_pence)
        assert rule is not None  # no vote opens without one
        found = outcome(ballots, law, rule, vote.seats, ended_at)
        _check_may_close(law, vote, found, ended_at)
        await bodies.lock(acting.session, vote.body_id)
        place, previous = await repository.last_minute(acting.session, vote.body_id)
        document = _minute(vote, law, ballots, kept(found), ended_at, previous)
        known_by = digest(document)
        await repository.close(acting.session, vote_id, ended_at, place + 1, document, known_by)
        await acting.tell(
            "votes.minute",
            {"vote": str(vote_id), "result": found.result.value, "minute": known_by},
        )
        await _follow(acting, vote, law, found, known_by)
        return await _seen(acting.session, vote_id)


async def cancel(office: Office, subject: Subject, vote_id: UUID, reason: str) -> SeenVote:
    """Cancel an open vote; its ballots stay and count for nothing."""
    async with office.acting(
        subject, Action.GOVERNANCE_MANAGE, "votes.cancel", reason, {"vote": str(vote_id)}
    ) as acting:
        vote = await _locked(acting, vote_id)
        await repository.cancel(acting.session, vote_id)
        if vote.matter.subject_id is not None:
            whole = await read(acting.session, vote.matter.subject_id)
            await changes.add_entry(
                acting.session,
                subject,
                whole.change.change_id,
                whole.change.version,
                EntryKind.VOTE_CANCELLED,
                {"vote": str(vote_id), "reason": acting.reason},
            )
        return await _seen(acting.session, vote_id)


async def _vote(session: ReadSession, vote_id: UUID) -> Vote:
    vote = await repository.vote(session, vote_id)
    if vote is None:
        raise NotFoundError("There is no such vote; `athena governance votes list` has them.")
    return vote


async def _seen(session: ReadSession, vote_id: UUID) -> SeenVote:
    return await _vote(session, vote_id), await repository.ballots(session, vote_id)


def _check_open(vote: Vote) -> None:
    if vote.status is not VoteStatus.OPEN:
        assert vote.ended_at is not None  # the store has it of every vote that isn't open
        raise ConflictError(f"The vote was {vote.status.value} on {show_time(vote.ended_at)}.")


async def _locked(acting: Acting, vote_id: UUID) -> Vote:
    """Lock the change that a vote is on, then the vote; everyone takes them in this order."""
    vote = await _vote(acting.session, vote_id)
    if vote.matter.subject_id is not None:
        await changes.lock(acting.session, vote.matter.subject_id)
    locked = await repository.locked(acting.session, vote_id)
    assert locked is not None  # no vote is ever deleted
    _check_open(locked)
    return locked


async def _law(acting: Acting, vote: Vote) -> Constitution:
    versions = await bodies.constitutions(acting.session, vote.body_id)
    return versions[vote.constitution_version - 1].constitution


async def _duty(acting: Acting, vote: Vote, *, as_chair: bool) -> Duty:
    """Return as what the member votes: as the chair if asked, else as a member or substitute."""
    appointed = await bodies.appointments(acting.session, vote.body_id)
    held = {
        item.duty
        for item in appointed
        if item.member_id == acting.subject.member_id and item.in_term(today())
    }
    if as_chair:
        if Duty.CHAIR not in held:
            raise RefusedError("Only the chair of the body has a casting vote.")
        return Duty.CHAIR
    if Duty.MEMBER in held:
        return Duty.MEMBER
    if Duty.SUBSTITUTE in held:
        return Duty.SUBSTITUTE
    raise RefusedError(
        "You have no seat in this vote; your force's administrator appoints members of a body."
    )


async def _moment_of_closing(acting: Acting, vote: Vote) -> datetime:
    """Return when the vote ends: now, by the clock that ballots were taken by, or its deadline."""
    return min(await repository.now(acting.session), vote.closes_at)


def _check_may_close(law: Constitution, vote: Vote, found: Outcome, ended_at: datetime) -> None:
    if ended_at >= vote.closes_at or law.early_close == "at_will":
        return
    silent = [voice.tenant for voice in found.voices if voice.choice is None]
    if law.early_close == "all_voted" and not silent:
        return
    waits = (
        f", or until these have voted: {', '.join(silent)}"
        if law.early_close == "all_voted"
        else ""
    )
    raise ConflictError(f"The vote stays open until {show_time(vote.closes_at)}{waits}.")


def _minute(
    vote: Vote,
    law: Constitution,
    ballots: Sequence[Ballot],
    found: KeptOutcome,
    ended_at: datetime,
    previous: str | None,
) -> dict[str, Any]:
    matter = vote.matter
    return Minute(
        vote=vote.vote_id,
        body=vote.body,
        question=vote.question,
        decision=matter.decision,
        cost_pence=matter.cost_pence,
        subject=KeptSubject(
            kind=matter.kind,
            id=matter.subject_id,
            reference=matter.reference,
            version=matter.version,
            digest=matter.digest.hex() if matter.digest else None,
        ),
        constitution=KeptConstitution(version=vote.constitution_version, document=law),
        seats=tuple(KeptSeat(tenant=seat.tenant, weight=seat.weight) for seat in vote.seats),
        opened_at=vote.opened_at,
        closes_at=vote.closes_at,
        closed_at=ended_at,
        ballots=tuple(
            KeptBallot(
                number=item.number,
                tenant=item.tenant,
                voter=item.voter,
                duty=item.duty,
                choice=item.choice,
                cast_at=item.cast_at,
            )
            for item in ballots
        ),
        outcome=found,
        previous=previous,
    ).document()


async def _follow(
    acting: Acting, vote: Vote, law: Constitution, found: Outcome, known_by: str
) -> None:
    """Do what follows from an outcome; without a quorum nothing does, and it can be asked again."""
    if vote.matter.subject_id is not None:
        await _follow_change(acting, vote, law, found, known_by)
    elif vote.matter.kind == "catalogue" and found.result is not Result.NO_QUORUM:
        carried = found.result is Result.CARRIED
        await changes.move_entry(
            acting.session,
            vote.matter.reference,
            CatalogueStatus.PROPOSED,
            CatalogueStatus.APPROVED if carried else CatalogueStatus.REJECTED,
        )


async def _follow_change(
    acting: Acting, vote: Vote, law: Constitution, found: Outcome, known_by: str
) -> None:
    assert vote.matter.subject_id is not None  # of a change it is there
    whole = await read(acting.session, vote.matter.subject_id)
    change, preview = whole.change, whole.standing().preview
    carried = found.result is Result.CARRIED
    bound = await costing.bind(acting, whole) if carried else costing.NOTHING
    await changes.add_entry(
        acting.session,
        acting.subject,
        change.change_id,
        change.version,
        EntryKind.DECISION,
        {
            "vote": str(vote.vote_id),
            "body": vote.body,
            "result": found.result.value,
            "sentence": found.sentence,
            "cost_pence": vote.matter.cost_pence,
            "tolerance_percent": law.quote_tolerance_percent,
            "minute": known_by,
            "preview": preview.model_dump(mode="json", exclude_none=True) if preview else None,
            "charge": bound.charge,
            "annual_charge": bound.annual_charge,
        },
    )
    if found.result is Result.NO_QUORUM:
        return
    step = Step.AUTHORISE if carried else Step.REJECT
    target = check(change.kind, change.state, step, {Actor.PLATFORM})
    await move_on(acting, whole, step, target, found.sentence)
