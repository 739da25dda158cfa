"""What waits for a force or for finance: pure, from changes and votes as they stand.

Nothing is stored of it, so a duty is there as soon as there is cause, and goes once it is done.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from athena.governance.changes.machine import State
from athena.governance.changes.models import WholeChange
from athena.governance.votes.models import Vote, VoteStatus
from athena.governance.votes.outcome import Ballot


class DutyKind(enum.StrEnum):
    """What is to be done."""

    ASSESS = "assess"
    OPT_IN = "opt_in"
    SETTLE = "settle"
    VOTE = "vote"


SENTENCES = {
    DutyKind.ASSESS: "File your force's impact assessment.",
    DutyKind.OPT_IN: "Say whether your force takes part in this enhancement.",
    DutyKind.SETTLE: "Bring the accounts to who takes part now.",
    DutyKind.VOTE: "Cast your force's vote.",
}


@dataclass(frozen=True, slots=True)
class Duty:
    """Something to do: about a change or a vote's matter, by a time where there is one."""

    kind: DutyKind
    reference: str
    title: str
    due_at: datetime | None


def of_changes(changes: Iterable[WholeChange], force: str) -> list[Duty]:
    """Return what a force has to say on changes that are assessed or voted on."""
    found = []
    for whole in changes:
        change, stands = whole.change, whole.standing()
        if change.state is State.ASSESS and force in stands.waiting_for(whole.document.affected):
            found.append(Duty(DutyKind.ASSESS, change.reference, change.title, change.assess_by))
        answered = {*stands.participants, *stands.declined}
        asked = whole.document.optional and change.state in (State.ASSESS, State.AUTHORISE)
        if asked and force not in answered and stands.open_vote is None:
            due = change.assess_by if change.state is State.ASSESS else None
            found.append(Duty(DutyKind.OPT_IN, change.reference, change.title, due))
    return found


def of_votes(
    votes: Iterable[tuple[Vote, Iterable[Ballot]]], force: str, now: datetime
) -> list[Duty]:
    """Return the open votes in which a force has a seat and hasn't said anything."""
    return [
        Duty(DutyKind.VOTE, vote.matter.reference, vote.question, vote.closes_at)
        for vote, ballots in votes
        if vote.status is VoteStatus.OPEN
        and now < vote.closes_at
        and any(seat.tenant == force for seat in vote.seats)
        and not any(ballot.tenant == force for ballot in ballots)
    ]


def in_order(duties: Iterable[Duty]) -> list[Duty]:
    """Return duties, the most urgent first; those without a time come last."""
    return sorted(
        duties,
        key=lambda duty: (
            duty.due_at is None,
            duty.due_at.timestamp() if duty.due_at else 0,
            duty.reference,
            duty.kind,
        ),
    )
