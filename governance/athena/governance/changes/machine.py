"""The life of a change request as data: which step, by whom, from which state, to which.

The lives follow ITIL's change enablement. A normal change goes new, assess, authorise, schedule,
implement, review, closed; ITIL's *schedule* is two states here, ``authorised`` (ready to be bundled
in a release) and ``scheduled``. A standard change was authorised beforehand, in the catalogue, and
skips assess and authorise. An emergency change skips assess and not authorise, may begin without
being scheduled, and is reviewed after.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NoReturn

from athena.platform.kernel.errors import ConflictError, RefusedError


class Kind(enum.StrEnum):
    """The three sorts of change, each with a life of its own."""

    EMERGENCY = "emergency"
    NORMAL = "normal"
    STANDARD = "standard"


class State(enum.StrEnum):
    """Where a change is in its life."""

    NEW = "new"
    ASSESS = "assess"
    AUTHORISE = "authorise"
    AUTHORISED = "authorised"
    SCHEDULED = "scheduled"
    IMPLEMENT = "implement"
    REVIEW = "review"
    CLOSED = "closed"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Actor(enum.StrEnum):
    """As what somebody acts on a change; one member may act as several."""

    RAISER = "raiser"
    """The force or body that raised it; the Athena Management Organisation where that did."""
    FORCE = "force"
    """Any force of the consortium."""
    AFFECTED = "affected"
    """A force on which the change has an impact."""
    JOINER = "joiner"
    """Who may let a force take part in a change that is an optional enhancement."""
    AMO = "amo"
    """An administrator of the Athena Management Organisation."""
    FINANCE = "finance"
    """Its finance office."""
    OVERSIGHT = "oversight"
    """A body that scrutinises: it reads and does nothing."""
    PLATFORM = "platform"
    """What follows by rule: a vote's outcome, the last assessment, a quote beyond tolerance."""


class Step(enum.StrEnum):
    """What can be done to a change."""

    AMEND = "amend"
    ASSESS = "assess"
    ATTACH = "attach"
    AUTHORISE = "authorise"
    BEGIN = "begin"
    CLOSE = "close"
    COMMENT = "comment"
    END_ASSESSING = "end_assessing"
    FINISH = "finish"
    OPEN_VOTE = "open_vote"
    OPT_IN = "opt_in"
    OPT_OUT = "opt_out"
    PREVIEW = "preview"
    QUOTE = "quote"
    REJECT = "reject"
    REOPEN = "reopen"
    RETURN = "return"
    SCHEDULE = "schedule"
    SEND_BACK = "send_back"
    SUBMIT = "submit"
    UNSCHEDULE = "unschedule"
    WITHDRAW = "withdraw"


ENDED = frozenset({State.CLOSED, State.REJECTED, State.WITHDRAWN})
BEFORE_WORK = frozenset({State.ASSESS, State.AUTHORISE, State.AUTHORISED, State.SCHEDULED})
SUBMITTED = frozenset(State) - {State.NEW}

_ALL = frozenset(Kind)
_VOTED = frozenset({Kind.NORMAL, Kind.EMERGENCY})


@dataclass(frozen=True, slots=True)
class Move:
    """A step: from which states, by whom, for which kinds, and to which state; none is staying."""

    since: frozenset[State]
    actors: frozenset[Actor]
    to: Mapping[Kind, State] | State | None = None
    kinds: frozenset[Kind] = _ALL

    def target(self, kind: Kind, state: State) -> State:
        """Return the state after the step."""
        if self.to is None:
            return state
        return self.to if isinstance(self.to, State) else self.to[kind]


def _by(*actors: Actor) -> frozenset[Actor]:
    return frozenset(actors)


def _from(*states: State) -> frozenset[State]:
    return frozenset(states)


_AMO = _by(Actor.AMO)
_RULE = _by(Actor.PLATFORM)

MOVES: Mapping[Step, Move] = {
    Step.AMEND: Move(_from(State.NEW), _by(Actor.RAISER)),
    Step.SUBMIT: Move(
        _from(State.NEW),
        _by(Actor.RAISER),
        {
            Kind.NORMAL: State.ASSESS,
            Kind.STANDARD: State.AUTHORISED,
            Kind.EMERGENCY: State.AUTHORISE,
        },
    ),
    Step.SEND_BACK: Move(_from(State.ASSESS, State.AUTHORISE), _AMO, State.NEW, kinds=_VOTED),
    Step.ASSESS: Move(_from(State.ASSESS), _by(Actor.AFFECTED), kinds=frozenset({Kind.NORMAL})),
    Step.END_ASSESSING: Move(
        _from(State.ASSESS),
        _by(Actor.AMO, Actor.PLATFORM),
        State.AUTHORISE,
        kinds=frozenset({Kind.NORMAL}),
    ),
    Step.QUOTE: Move(_from(State.NEW) | BEFORE_WORK, _by(Actor.AMO, Actor.FINANCE), kinds=_VOTED),
    Step.PREVIEW: Move(
        _from(State.ASSESS, State.AUTHORISE), _by(Actor.AMO, Actor.FINANCE), kinds=_VOTED
    ),
    Step.OPEN_VOTE: Move(_from(State.AUTHORISE), _AMO, kinds=_VOTED),
    Step.AUTHORISE: Move(_from(State.AUTHORISE), _RULE, State.AUTHORISED, kinds=_VOTED),
    Step.REJECT: Move(_from(State.AUTHORISE), _RULE, State.REJECTED, kinds=_VOTED),
    Step.REOPEN: Move(
        _from(State.AUTHORISED, State.SCHEDULED), _RULE, State.AUTHORISE, kinds=_VOTED
    ),
    Step.SCHEDULE: Move(_from(State.AUTHORISED), _AMO, State.SCHEDULED),
    Step.UNSCHEDULE: Move(_from(State.SCHEDULED), _AMO, State.AUTHORISED),
    Step.BEGIN: Move(_from(State.SCHEDULED), _AMO, State.IMPLEMENT),
    Step.FINISH: Move(_from(State.IMPLEMENT), _AMO, State.REVIEW),
    Step.RETURN: Move(_from(State.IMPLEMENT), _AMO, State.AUTHORISED),
    Step.CLOSE: Move(_from(State.REVIEW), _AMO, State.CLOSED),
    Step.WITHDRAW: Move(_from(State.NEW) | BEFORE_WORK, _by(Actor.RAISER), State.WITHDRAWN),
    Step.COMMENT: Move(
        frozenset(State) - ENDED, _by(Actor.RAISER, Actor.FORCE, Actor.AMO, Actor.FINANCE)
    ),
    Step.ATTACH: Move(frozenset(State) - ENDED, _by(Actor.RAISER, Actor.AFFECTED, Actor.AMO)),
    Step.OPT_IN: Move(
        SUBMITTED - {State.REJECTED, State.WITHDRAWN}, _by(Actor.JOINER), kinds=_VOTED
    ),
    Step.OPT_OUT: Move(_from(State.ASSESS, State.AUTHORISE), _by(Actor.JOINER), kinds=_VOTED),
}

EMERGENCY_BEGINS = Move(
    _from(State.AUTHORISED, State.SCHEDULED), _AMO, State.IMPLEMENT, frozenset({Kind.EMERGENCY})
)
"""An emergency needn't wait for a date; everything else it does as the others do."""


def move_of(kind: Kind, step: Step) -> Move:
    """Return the move of a step for a kind of change."""
    if kind is Kind.EMERGENCY and step is Step.BEGIN:
        return EMERGENCY_BEGINS
    return MOVES[step]


def legal(kind: Kind, state: State, actors: Collection[Actor]) -> tuple[Step, ...]:
    """Return the steps that somebody can take now, in the alphabet's order."""
    return tuple(
        step
        for step in Step
        if _stands(kind, state, step) and not move_of(kind, step).actors.isdisjoint(actors)
    )


def check(kind: Kind, state: State, step: Step, actors: Collection[Actor]) -> State:
    """Return the state after a step, or refuse it with the reason and the steps that are legal.

    ConflictError where nobody can take it now; RefusedError where others can. Both carry ``legal``.
    """
    if not _stands(kind, state, step):
        _refuse_state(kind, state, step, actors)
    move = move_of(kind, step)
    if move.actors.isdisjoint(actors):
        people = move.actors - {Actor.PLATFORM} or move.actors
        who = " or ".join(_WHO[actor] for actor in Actor if actor in people)
        raise RefusedError(
            f"Only {who} can {_words(step)} a change. {_open_to(kind, state, actors)}",
            legal=[item.value for item in legal(kind, state, actors)],
        )
    return move.target(kind, state)


def _stands(kind: Kind, state: State, step: Step) -> bool:
    move = move_of(kind, step)
    return kind in move.kinds and state in move.since


def _refuse_state(kind: Kind, state: State, step: Step, actors: Collection[Actor]) -> NoReturn:
    move = move_of(kind, step)
    if kind not in move.kinds:
        reason = f"{_A[kind]} change has no step '{_words(step)}'."
    else:
        since = ", ".join(item.value for item in State if item in move.since)
        reason = f"This change is at '{state.value}', and '{_words(step)}' is a step of: {since}."
    raise ConflictError(
        f"{reason} {_open_to(kind, state, actors)}",
        legal=[item.value for item in legal(kind, state, actors)],
    )


def _open_to(kind: Kind, state: State, actors: Collection[Actor]) -> str:
    steps = ", ".join(_words(step) for step in legal(kind, state, actors))
    return f"What you can do now: {steps}." if steps else "There is nothing that you can do now."


def _words(step: Step) -> str:
    return step.value.replace("_", " ")


_A = {
    Kind.EMERGENCY: "An emergency",
    Kind.NORMAL: "A normal",
    Kind.STANDARD: "A standard",
}
_WHO = {
    Actor.RAISER: "whoever raised it",
    Actor.FORCE: "a force",
    Actor.AFFECTED: "a force that it affects",
    Actor.JOINER: "a force's board member, on an optional enhancement,",
    Actor.AMO: "an AMO administrator",
    Actor.FINANCE: "AMO finance",
    Actor.OVERSIGHT: "oversight",
    Actor.PLATFORM: "the outcome of a vote",
}
