"""The life of a release and of a ring: every state, step and actor against tables by hand."""

from __future__ import annotations

from itertools import product

import pytest

from athena.governance.releases.machine import (
    Actor,
    RingState,
    RingStep,
    State,
    Step,
    check,
    check_ring,
    legal,
    legal_ring,
)
from athena.platform.kernel.errors import ConflictError, RefusedError

# step | from | by | to ('=' stays)
TABLE = """
amend              | draft                         | amo          | =
plan               | draft                         | amo          | planned
revise             | planned approved              | amo          | draft
ask                | planned                       | amo          | =
approve            | planned                       | amo          | approved
cancel             | draft planned approved        | amo          | cancelled
confirm            | planned approved rolling held | amo          | =
object             | planned approved rolling held | force        | =
withdraw_objection | planned approved rolling held | force        | =
begin              | approved                      | amo          | rolling
hold               | rolling live                  | amo platform | held
resume             | held                          | amo          | rolling
judge              | rolling held live             | amo          | =
complete           | rolling                       | platform     | live
back_out           | rolling held live             | amo          | backed_out
review             | live backed_out               | amo          | reviewed
close              | reviewed                      | amo          | closed
"""

# step | ring from | while the release is | to
RINGS = """
notify     | waiting backed_out               | approved rolling      | notified
reschedule | waiting notified held backed_out | approved rolling held | waiting
go_live    | notified                         | rolling               | live
hold       | waiting notified                 | approved rolling held | held
resume     | held                             | approved rolling held | waiting
back_out   | live                             | rolling held live     | backed_out
"""

ENDS = {State.CLOSED, State.CANCELLED}


def cells(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]


EXPECTED = {
    (State(state), Step(step)): (
        {Actor(actor) for actor in by.split()},
        State(state if to == "=" else to),
    )
    for step, since, by, to in cells(TABLE)
    for state in since.split()
}
EXPECTED_RINGS = {
    (State(state), RingState(ring), RingStep(step)): RingState(to)
    for step, since, states, to in cells(RINGS)
    for ring, state in product(since.split(), states.split())
}


def test_every_state_step_and_actor_of_a_release() -> None:
    """10 states, 17 steps, 4 actors: what isn't in the table is refused, and says why."""
    tried = 0
    for state, step, actor in product(State, Step, Actor):
        tried += 1
        actors, target = EXPECTED.get((state, step), (set(), state))
        if actor in actors:
            assert check(state, step, {actor}) is target
            assert step in legal(state, {actor})
            continue
        with pytest.raises((RefusedError, ConflictError)) as refused:
            check(state, step, {actor})
        assert isinstance(refused.value, RefusedError) == bool(actors), (state, step, actor)
        expected = [
            other.value for other in Step if actor in EXPECTED.get((state, other), ([],))[0]
        ]
        assert refused.value.extra["legal"] == expected
        assert step.value.replace("_", " ") in refused.value.detail
        for name in expected:
            assert name.replace("_", " ") in refused.value.detail
    assert tried == 10 * 17 * 4


def test_every_state_step_and_actor_of_a_ring() -> None:
    """10 states of the release, 5 of the ring, 6 steps, 4 actors; the AMO alone moves rings."""
    tried = 0
    for state, ring, step, actor in product(State, RingState, RingStep, Actor):
        tried += 1
        target = EXPECTED_RINGS.get((state, ring, step))
        if target is not None and actor is Actor.AMO:
            assert check_ring(state, ring, step, {actor}) is target
            assert step in legal_ring(state, ring, {actor})
            continue
        with pytest.raises((RefusedError, ConflictError)) as refused:
            check_ring(state, ring, step, {actor})
        assert isinstance(refused.value, RefusedError) == (target is not None)
        expected = [
            other.value
            for other in sorted(RingStep)
            if actor is Actor.AMO and (state, ring, other) in EXPECTED_RINGS
        ]
        assert refused.value.extra["legal"] == expected
        assert step.value.replace("_", " ") in refused.value.detail
    assert tried == 10 * 5 * 6 * 4


def test_the_ends_are_ends_and_can_be_reached() -> None:
    edges = {(since, to) for (since, _), (_, to) in EXPECTED.items() if since is not to}
    assert not {since for since, _ in edges} & ENDS
    for start in State:
        reached = {start}
        while more := {to for since, to in edges if since in reached} - reached:
            reached |= more
        assert reached & ENDS, start


def test_backing_out_is_legal_wherever_a_ring_may_be_live() -> None:
    may_be_live = {state for state, _, step in EXPECTED_RINGS if step is RingStep.BACK_OUT}
    assert may_be_live == {state for state, step in EXPECTED if step is Step.BACK_OUT}
    for state in may_be_live:
        assert Step.BACK_OUT in legal(state, {Actor.AMO})
