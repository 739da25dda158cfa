"""The life of a release and of its rings as data: which step, by whom, from where, to where.

A release is drafted, planned, approved and rolled out ring by ring; a ring is a group of forces
that get it together. Backing out is legal whenever anything may be live, and asks for nothing else.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from athena.platform.kernel.errors import ConflictError, RefusedError


class State(enum.StrEnum):
    """Where a release is in its life."""

    DRAFT = "draft"
    PLANNED = "planned"
    APPROVED = "approved"
    ROLLING = "rolling"
    HELD = "held"
    LIVE = "live"
    REVIEWED = "reviewed"
    CLOSED = "closed"
    BACKED_OUT = "backed_out"
    CANCELLED = "cancelled"


class RingState(enum.StrEnum):
    """Where a ring is: its forces have the release's features by it exactly while it is live."""

    WAITING = "waiting"
    NOTIFIED = "notified"
    LIVE = "live"
    HELD = "held"
    BACKED_OUT = "backed_out"


class Actor(enum.StrEnum):
    """As what somebody acts on a release."""

    AMO = "amo"
    """An administrator of the Athena Management Organisation."""
    FORCE = "force"
    """An administrator of a force that is in one of its rings."""
    OVERSIGHT = "oversight"
    """A body that scrutinises: it reads and does nothing."""
    PLATFORM = "platform"
    """What follows by rule: a spent budget holds, the last ring completes."""


class Step(enum.StrEnum):
    """What can be done to a release."""

    AMEND = "amend"
    APPROVE = "approve"
    ASK = "ask"
    BACK_OUT = "back_out"
    BEGIN = "begin"
    CANCEL = "cancel"
    CLOSE = "close"
    COMPLETE = "complete"
    CONFIRM = "confirm"
    HOLD = "hold"
    JUDGE = "judge"
    OBJECT = "object"
    PLAN = "plan"
    RESUME = "resume"
    REVIEW = "review"
    REVISE = "revise"
    WITHDRAW_OBJECTION = "withdraw_objection"


class RingStep(enum.StrEnum):
    """What can be done to a ring."""

    BACK_OUT = "back_out"
    GO_LIVE = "go_live"
    HOLD = "hold"
    NOTIFY = "notify"
    RESCHEDULE = "reschedule"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class Move:
    """A step of a release: from which states, by whom, and to which state; none is staying."""

    since: frozenset[State]
    actors: frozenset[Actor]
    to: State | None = None


@dataclass(frozen=True, slots=True)
class RingMove:
    """A step of a ring: from which of its states, in which states of the release, to which."""

    since: frozenset[RingState]
    while_release: frozenset[State]
    to: RingState
    actors: frozenset[Actor] = frozenset({Actor.AMO})


def _from(*states: State) -> frozenset[State]:
    return frozenset(states)


_AMO = frozenset({Actor.AMO})
_FORCE = frozenset({Actor.FORCE})
_RULE = frozenset({Actor.PLATFORM})

MAY_BE_LIVE = _from(State.ROLLING, State.HELD, State.LIVE)
"""The states in which a ring may be live, and in which a release governs its features."""

_BEFORE_LIVE = _from(State.PLANNED, State.APPROVED, State.ROLLING, State.HELD)
_NOT_BEGUN = _from(State.DRAFT, State.PLANNED, State.APPROVED)
_RINGS_MOVE = _from(State.APPROVED, State.ROLLING, State.HELD)

MOVES: Mapping[Step, Move] = {
    Step.AMEND: Move(_from(State.DRAFT), _AMO),
    Step.PLAN: Move(_from(State.DRAFT), _AMO, State.PLANNED),
    Step.REVISE: Move(_from(State.PLANNED, State.APPROVED), _AMO, State.DRAFT),
    Step.ASK: Move(_from(State.PLANNED), _AMO),
    Step.APPROVE: Move(_from(State.PLANNED), _AMO, State.APPROVED),
    Step.CONFIRM: Move(_BEFORE_LIVE, _AMO),
    Step.OBJECT: Move(_BEFORE_LIVE, _FORCE),
    Step.WITHDRAW_OBJECTION: Move(_BEFORE_LIVE, _FORCE),
    Step.BEGIN: Move(_from(State.APPROVED), _AMO, State.ROLLING),
    Step.HOLD: Move(
        _from(State.ROLLING, State.LIVE), frozenset({Actor.AMO, Actor.PLATFORM}), State.HELD
    ),
    Step.RESUME: Move(_from(State.HELD), _AMO, State.ROLLING),
    Step.JUDGE: Move(MAY_BE_LIVE, _AMO),
    Step.COMPLETE: Move(_from(State.ROLLING), _RULE, State.LIVE),
    Step.BACK_OUT: Move(MAY_BE_LIVE, _AMO, State.BACKED_OUT),
    Step.REVIEW: Move(_from(State.LIVE, State.BACKED_OUT), _AMO, State.REVIEWED),
    Step.CLOSE: Move(_from(State.REVIEWED), _AMO, State.CLOSED),
    Step.CANCEL: Move(_NOT_BEGUN, _AMO, State.CANCELLED),
}

RING_MOVES: Mapping[RingStep, RingMove] = {
    RingStep.NOTIFY: RingMove(
        frozenset({RingState.WAITING, RingState.BACKED_OUT}),
        _from(State.APPROVED, State.ROLLING),
        RingState.NOTIFIED,
    ),
    RingStep.RESCHEDULE: RingMove(
        frozenset(RingState) - {RingState.LIVE}, _RINGS_MOVE, RingState.WAITING
    ),
    RingStep.GO_LIVE: RingMove(
        frozenset({RingState.NOTIFIED}), _from(State.ROLLING), RingState.LIVE
    ),
    RingStep.HOLD: RingMove(
        frozenset({RingState.WAITING, RingState.NOTIFIED}), _RINGS_MOVE, RingState.HELD
    ),
    RingStep.RESUME: RingMove(frozenset({RingState.HELD}), _RINGS_MOVE, RingState.WAITING),
    RingStep.BACK_OUT: RingMove(frozenset({RingState.LIVE}), MAY_BE_LIVE, RingState.BACKED_OUT),
}


def legal(state: State, actors: Collection[Actor]) -> tuple[Step, ...]:
    """Return the steps of a release that somebody can take now, in the alphabet's order."""
    return tuple(
        step
        for step in Step
        if state in MOVES[step].since and not MOVES[step].actors.isdisjoint(actors)
    )


def legal_ring(state: State, ring: RingState, actors: Collection[Actor]) -> tuple[RingStep, ...]:
    """Return the steps of a ring that somebody can take now, in the alphabet's order."""
    return tuple(
        step
        for step, move in sorted(RING_MOVES.items())
        if ring in move.since and state in move.while_release and not move.actors.isdisjoint(actors)
    )


def check(state: State, step: Step, actors: Collection[Actor]) -> State:
    """Return the state after a step, or refuse it with the reason and the steps that are legal.

    ConflictError where nobody can take it now; RefusedError where others can. Both carry ``legal``.
    """
    move, can = MOVES[step], legal(state, actors)
    if state not in move.since:
        raise ConflictError(
            f"This release is at '{words(state)}', and '{words(step)}' is a step of: "
            f"{', '.join(words(item) for item in State if item in move.since)}. {_open_to(can)}",
            legal=list(can),
        )
    if move.actors.isdisjoint(actors):
        raise RefusedError(
            f"Only {_who(move.actors)} can {words(step)} a release. {_open_to(can)}",
            legal=list(can),
        )
    return move.to or state


def check_ring(
    state: State, ring: RingState, step: RingStep, actors: Collection[Actor]
) -> RingState:
    """Return a ring's state after a step, or refuse it like `check`."""
    move, can = RING_MOVES[step], legal_ring(state, ring, actors)
    if ring not in move.since or state not in move.while_release:
        raise ConflictError(
            f"This ring is at '{words(ring)}' and its release at '{words(state)}'; "
            f"'{words(step)}' is for rings at: "
            f"{', '.join(words(item) for item in RingState if item in move.since)}, of releases "
            f"at: {', '.join(words(item) for item in State if item in move.while_release)}. "
            f"{_open_to(can)}",
            legal=list(can),
        )
    if move.actors.isdisjoint(actors):
        raise RefusedError(
            f"Only {_who(move.actors)} can {words(step)} a ring. {_open_to(can)}", legal=list(can)
        )
    return move.to


def words(code: str) -> str:
    """Return a code as people say it."""
    return str(code).replace("_", " ")


def _open_to(can: Collection[str]) -> str:
    if not can:
        return "There is nothing that you can do now."
    return f"What you can do now: {', '.join(words(step) for step in can)}."


def _who(actors: Collection[Actor]) -> str:
    people = set(actors) - {Actor.PLATFORM} or set(actors)
    return " or ".join(_WHO[actor] for actor in Actor if actor in people)


_WHO = {
    Actor.AMO: "an AMO administrator",
    Actor.FORCE: "an administrator of a force in one of its rings",
    Actor.OVERSIGHT: "oversight",
    Actor.PLATFORM: "the platform itself, by rule,",
}
