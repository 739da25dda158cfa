"""The minute of a vote: everything that its outcome follows from, so that anyone can verify it.

A minute's digest is the SHA-256 of its canonical form (RFC 8785). Each minute names the digest of
the body's minute before it, so that one that is taken away is missed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError

from athena.governance.bodies.constitution import Constitution, DecisionClass
from athena.governance.votes.outcome import Ballot, Choice, Duty, Outcome, Result, Seat, outcome
from athena.platform.kernel.errors import InvalidInputError
from athena.policies.agreements.signing import digest_of


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KeptSeat(_Kept):
    """A seat of the vote."""

    tenant: str
    weight: int


class KeptBallot(_Kept):
    """A ballot, with the moment at which the store took it."""

    number: int
    tenant: str
    voter: str
    duty: Duty
    choice: Choice
    cast_at: datetime


class KeptSubject(_Kept):
    """What was voted on: a change by its version and digest, a catalogue entry, or a question."""

    kind: Literal["change", "catalogue", "constitution", "other"]
    id: UUID | None
    reference: str
    version: int | None
    digest: str | None


class KeptConstitution(_Kept):
    """The constitution that the vote was opened under."""

    version: int
    document: Constitution


class KeptVoice(_Kept):
    """What a seat said in the end."""

    tenant: str
    choice: Choice | None
    voter: str | None


class KeptSetAside(_Kept):
    """A ballot that didn't count, and why."""

    number: int
    why: str


class KeptOutcome(_Kept):
    """How the vote ended."""

    result: Result
    sentence: str
    voices: tuple[KeptVoice, ...]
    set_aside: tuple[KeptSetAside, ...]


class Minute(_Kept):
    """The minute of a closed vote."""

    vote: UUID
    body: str
    question: str
    decision: DecisionClass
    cost_pence: int
    subject: KeptSubject
    constitution: KeptConstitution
    seats: tuple[KeptSeat, ...]
    opened_at: datetime
    closes_at: datetime
    closed_at: datetime
    ballots: tuple[KeptBallot, ...]
    outcome: KeptOutcome
    previous: str | None

    def recount(self) -> KeptOutcome:
        """Return the outcome that the ballots and the constitution give, whatever is stated."""
        rule = self.constitution.document.rule_for(self.decision, self.cost_pence)
        if rule is None:
            raise InvalidInputError("The minute's constitution has no rule for such a decision.")
        found = outcome(
            [
                Ballot(item.number, item.tenant, item.voter, item.duty, item.choice, item.cast_at)
                for item in self.ballots
            ],
            self.constitution.document,
            rule,
            [Seat(item.tenant, item.weight) for item in self.seats],
            self.closed_at,
        )
        return kept(found)

    def document(self) -> dict[str, Any]:
        """Return the minute as plain JSON values."""
        return self.model_dump(mode="json")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verifying a minute found: every flaw in a sentence; none means that it holds."""

    digest: str
    flaws: Sequence[str]

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return not self.flaws


def kept(found: Outcome) -> KeptOutcome:
    """Return an outcome as a minute keeps it."""
    return KeptOutcome(
        result=found.result,
        sentence=found.sentence,
        voices=tuple(
            KeptVoice(tenant=item.tenant, choice=item.choice, voter=item.voter)
            for item in found.voices
        ),
        set_aside=tuple(KeptSetAside(number=item.number, why=item.why) for item in found.set_aside),
    )


def digest(document: Mapping[str, Any]) -> str:
    """Return what a minute is known by: the SHA-256 of its canonical form, in hexadecimal."""
    return digest_of(document).hex()


def verify(document: Mapping[str, Any], known_digest: str | None = None) -> Verdict:
    """Work a minute's outcome out again, and compare its digest with one that is known.

    InvalidInputError where the document is no minute at all.
    """
    try:
        minute = Minute.model_validate(document)
    except ValidationError:
        raise InvalidInputError(
            "This isn't a minute; give what `athena governance votes minute` saved."
        ) from None
    found = digest(document)
    flaws = []
    if known_digest is not None and found != known_digest.strip().lower():
        flaws.append("The digest isn't the one that is known: the minute has been altered.")
    if minute.recount() != minute.outcome:
        flaws.append("The ballots and the constitution give another outcome than the one stated.")
    return Verdict(found, tuple(flaws))
