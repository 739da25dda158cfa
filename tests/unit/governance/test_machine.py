"""The life of a change: every kind, state, step and actor against a table written by hand."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product

import pytest

from athena.governance.changes.machine import (
    ENDED,
    Actor,
    Kind,
    State,
    Step,
    check,
    legal,
    move_of,
)
from athena.platform.kernel.errors import ConflictError, RefusedError

# kinds (n, s, e) | step | from | by | to ('=' stays)
TABLE = """
nse | amend         | new                                              | raiser       | =
n   | submit        | new                                              | raiser       | assess
s   | submit        | new                                              | raiser       | authorised
e   | submit        | new                                              | raiser       | authorise
n   | send_back     | assess authorise                                 | amo          | new
e   | send_back     | assess authorise                                 | amo          | new
n   | assess        | assess                                           | affected     | =
n   | end_assessing | assess                                           | amo platform | authorise
ne  | open_vote     | authorise                                        | amo          | =
ne  | authorise     | authorise                                        | platform     | authorised
ne  | reject        | authorise                                        | platform     | rejected
ne  | reopen        | authorised scheduled                             | platform     | authorise
ne  | preview       | assess authorise                                 | amo finance  | =
ne  | quote         | new assess authorise authorised scheduled        | amo finance  | =
nse | schedule      | authorised                                       | amo          | scheduled
nse | unschedule    | scheduled                                        | amo          | authorised
ns  | begin         | scheduled                                        | amo          | implement
e   | begin         | authorised scheduled                             | amo          | implement
nse | finish        | implement                                        | amo          | review
nse | return        | implement                                        | amo          | authorised
nse | close         | review                                           | amo          | closed
nse | withdraw      | new assess authorise authorised scheduled        | raiser       | withdrawn
nse | comment       | new assess authorise authorised scheduled implement review | raiser force amo finance | =
nse | attach        | new assess authorise authorised scheduled implement review | raiser affected amo | =
ne  | opt_in        | assess authorise authorised scheduled implement review closed | joiner | =
ne  | opt_out       | assess authorise                                 | joiner       | =
"""  # noqa: E501 - a table is read by its columns

KINDS = {"n": Kind.NORMAL, "s": Kind.STANDARD, "e": Kind.EMERGENCY}


def expectations() -> dict[tuple[Kind, State, Step], tuple[set[Actor], State]]:
    """Return, of each step that stands, who may take it and where it leads."""
    expected = {}
    for line in TABLE.strip().splitlines():
        kinds, step, since, by, to = (cell.strip() for cell in line.split("|"))
        for kind, state in product(kinds, since.split()):
            target = State(state if to == "=" else to)
            key = KINDS[kind], State(state), Step(step)
            assert key not in expected, f"{key} stands twice"
            expected[key] = ({Actor(actor) for actor in by.split()}, target)
    return expected


EXPECTED = expectations()


def test_every_kind_state_step_and_actor() -> None:
    """3 kinds, 10 states, 22 steps, 8 actors: what isn't in the table is refused, and says why."""
    tried = 0
    for kind, state, step, actor in product(Kind, State, Step, Actor):
        tried += 1
        actors, target = EXPECTED.get((kind, state, step), (set(), state))
        if actor in actors:
            assert check(kind, state, step, {actor}) is target
            assert step in legal(kind, state, {actor})
            continue
        with pytest.raises((RefusedError, ConflictError)) as refused:
            check(kind, state, step, {actor})
        assert isinstance(refused.value, RefusedError) == bool(actors), (kind, state, step, actor)
        expected = [
            other.value for other in Step if actor in EXPECTED.get((kind, state, other), ([],))[0]
        ]
        assert refused.value.extra["legal"] == expected
        assert step.value.replace("_", " ") in refused.value.detail
        for name in expected:
            assert name.replace("_", " ") in refused.value.detail
    assert tried == 3 * 10 * 22 * 8


def test_several_actors_can_do_what_any_of_them_can() -> None:
    for kind, state, pair in product(Kind, State, combinations(Actor, 2)):
        alone = {step for actor in pair for step in legal(kind, state, {actor})}
        assert set(legal(kind, state, set(pair))) == alone


def test_nobody_at_all_can_do_nothing() -> None:
    assert not any(legal(kind, state, ()) for kind, state in product(Kind, State))


def edges(kind: Kind) -> Iterator[tuple[State, Step, State]]:
    """Return every step of a kind that leads to another state."""
    for state, step in product(State, Step):
        move = move_of(kind, step)
        if kind in move.kinds and state in move.since and move.target(kind, state) is not state:
            yield state, step, move.target(kind, state)


def reached(kind: Kind, start: State, without: frozenset[Step] = frozenset()) -> set[State]:
    """Return the states that can be reached without some steps."""
    found = {start}
    while True:
        more = {
            to for since, step, to in edges(kind) if since in found and step not in without
        } - found
        if not more:
            return found
        found |= more


@pytest.mark.parametrize("kind", Kind)
class TestLives:
    def test_an_end_can_be_reached_from_everywhere(self, kind: Kind) -> None:
        for state in reached(kind, State.NEW):
            assert reached(kind, state) & ENDED, state

    def test_nothing_moves_after_its_end(self, kind: Kind) -> None:
        assert not [edge for edge in edges(kind) if edge[0] in ENDED]

    def test_all_work_is_reviewed_before_it_is_closed(self, kind: Kind) -> None:
        assert State.CLOSED in reached(kind, State.NEW)
        assert State.CLOSED not in reached(kind, State.NEW, frozenset({Step.FINISH}))
        assert {since for since, _, to in edges(kind) if to is State.CLOSED} == {State.REVIEW}

    def test_what_is_voted_on_never_begins_without_a_vote(self, kind: Kind) -> None:
        unvoted = reached(kind, State.NEW, frozenset({Step.AUTHORISE}))
        assert (State.IMPLEMENT in unvoted) == (kind is Kind.STANDARD)


def test_which_states_a_kind_skips() -> None:
    skipped = {kind: set(State) - reached(kind, State.NEW) for kind in Kind}
    assert skipped == {
        Kind.NORMAL: set(),
        Kind.STANDARD: {State.ASSESS, State.AUTHORISE, State.REJECTED},
        Kind.EMERGENCY: {State.ASSESS},
    }
