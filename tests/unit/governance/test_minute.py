"""A minute holds by itself, and doesn't once anything in it that matters was changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena.governance.bodies.constitution import DecisionClass
from athena.governance.votes.minute import (
    KeptBallot,
    KeptConstitution,
    KeptSeat,
    KeptSubject,
    Minute,
    digest,
    kept,
    verify,
)
from athena.governance.votes.outcome import Ballot, Choice, Duty, Seat, outcome
from athena.platform.kernel.errors import InvalidInputError
from unit.governance.test_outcome import NINE, SIMPLE, constitution

OPENED = datetime(2026, 11, 25, 9, tzinfo=UTC)
CLOSED = OPENED + timedelta(hours=3)


def minute(choices: list[Choice]) -> dict[str, Any]:
    """Return the minute of a vote in which the first forces made these choices."""
    law = constitution(SIMPLE)
    ballots = [
        Ballot(number, tenant, f"board.{tenant}", Duty.MEMBER, choice, OPENED)
        for number, (tenant, choice) in enumerate(zip(NINE, choices, strict=False), start=1)
    ]
    seats = [Seat(tenant) for tenant in NINE]
    return Minute(
        vote=UUID(int=7),
        body="board",
        question="Shall it be done?",
        decision=DecisionClass.CHANGE_NORMAL,
        cost_pence=3_200_000_000,
        subject=KeptSubject(kind="other", id=None, reference="x", version=None, digest=None),
        constitution=KeptConstitution(version=1, document=law),
        seats=tuple(KeptSeat(tenant=seat.tenant, weight=seat.weight) for seat in seats),
        opened_at=OPENED,
        closes_at=CLOSED,
        closed_at=CLOSED,
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
        outcome=kept(outcome(ballots, law, law.rules[0], seats, CLOSED)),
        previous=None,
    ).document()


CHOICES = st.lists(st.sampled_from(Choice), min_size=1, max_size=9)


@given(CHOICES)
def test_it_holds(choices: list[Choice]) -> None:
    document = minute(choices)
    verdict = verify(document, digest(document))
    assert verdict.holds
    assert verdict.digest == digest(document)


@given(CHOICES, st.data())
def test_another_ballot_gives_another_outcome(choices: list[Choice], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(choices) - 1))
    other = data.draw(st.sampled_from([choice for choice in Choice if choice != choices[place]]))
    document = minute(choices)
    known = digest(document)
    document["ballots"][place]["choice"] = other.value
    verdict = verify(document, known)
    assert len(verdict.flaws) == 2
    assert not verify(document).holds


@pytest.mark.parametrize("changed", ["question", "body", "cost_pence", "previous", "closes_at"])
def test_whatever_is_changed_the_digest_tells(changed: str) -> None:
    document = minute([Choice.FOR] * 9)
    known = digest(document)
    document[changed] = {
        "cost_pence": 1,
        "closes_at": "2026-11-26T00:00:00Z",
    }.get(changed, "x")
    assert not verify(document, known).holds


@pytest.mark.parametrize("document", [{}, {"vote": "x"}, {"outcome": {}}])
def test_what_is_no_minute_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        verify(document)


def test_a_constitution_without_the_rule_is_told() -> None:
    document = minute([Choice.FOR])
    document["decision"] = "release"
    with pytest.raises(InvalidInputError):
        verify(document)
