"""What the API takes and answers about votes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from athena.governance.bodies.constitution import DecisionClass, Pence
from athena.governance.changes.document import Line, Slug
from athena.governance.votes.models import SubjectKind, Vote, VoteStatus
from athena.governance.votes.outcome import Ballot, Choice, Duty
from athena.platform.kernel.permits import Act


class NewVote(Act):
    """A question to a body.

    ``reference`` names a change, a catalogue entry, or the digest of a constitution's text; for
    any other matter it is a short title, and ``decision`` and ``cost_pence`` are stated.
    """

    body: Slug
    kind: SubjectKind
    reference: Line
    question: Line
    decision: DecisionClass | None = None
    cost_pence: Pence | None = None


class NewBallot(Act):
    """A ballot; a later one of the same voter takes its place until the vote closes."""

    choice: Choice
    as_chair: Annotated[bool, Field(description="Cast the chair's casting vote")] = False


class SeatOfVote(BaseModel):
    """A seat and its weight."""

    tenant: str
    weight: int


class BallotView(BaseModel):
    """A ballot that the reader may see: one's own tenant's, until the vote has closed."""

    number: int
    tenant: str
    voter: str
    duty: Duty
    choice: Choice
    cast_at: datetime

    @classmethod
    def of(cls, ballot: Ballot) -> BallotView:
        """Return the view of a ballot."""
        return cls(
            number=ballot.number,
            tenant=ballot.tenant,
            voter=ballot.voter,
            duty=ballot.duty,
            choice=ballot.choice,
            cast_at=ballot.cast_at,
        )


class VoteOverview(BaseModel):
    """A vote in a list."""

    id: UUID
    body: str
    kind: SubjectKind
    reference: str
    question: str
    decision: DecisionClass
    cost_pence: int
    status: VoteStatus
    opened_at: datetime
    closes_at: datetime
    ended_at: datetime | None
    result: str | None
    sentence: str | None

    @classmethod
    def of(cls, vote: Vote) -> VoteOverview:
        """Return the overview of a vote."""
        outcome = (vote.minute or {}).get("outcome", {})
        return cls(
            id=vote.vote_id,
            body=vote.body,
            kind=vote.matter.kind,
            reference=vote.matter.reference,
            question=vote.question,
            decision=vote.matter.decision,
            cost_pence=vote.matter.cost_pence,
            status=vote.status,
            opened_at=vote.opened_at,
            closes_at=vote.closes_at,
            ended_at=vote.ended_at,
            result=outcome.get("result"),
            sentence=outcome.get("sentence"),
        )


class VoteView(VoteOverview):
    """A vote with its seats and the ballots that the reader may see."""

    constitution_version: int
    seats: list[SeatOfVote]
    ballots: list[BallotView]
    minute_digest: str | None


class MinuteView(BaseModel):
    """A minute and what it is known by."""

    digest: str
    minute: dict[str, Any]


def vote_view(vote: Vote, ballots: Sequence[Ballot]) -> VoteView:
    """Return the view of a vote."""
    return VoteView(
        **VoteOverview.of(vote).model_dump(),
        constitution_version=vote.constitution_version,
        seats=[SeatOfVote(tenant=seat.tenant, weight=seat.weight) for seat in vote.seats],
        ballots=[BallotView.of(ballot) for ballot in ballots],
        minute_digest=vote.minute_digest.hex() if vote.minute_digest else None,
    )
