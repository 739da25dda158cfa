"""How far a release is rolled out, and what a step switches. Pure: service and tests share it.

A force has the release's features exactly while its ring is live, from the moment at which the
release begins; what an earlier release left it comes back where this one is backed out.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from athena.governance.releases.machine import (
    Actor,
    RingState,
    RingStep,
    State,
    Step,
    check,
    check_ring,
)
from athena.platform.kernel.errors import ConflictError


@dataclass(frozen=True, slots=True)
class Rollout:
    """Where a release is, and each of its rings, the first one first."""

    state: State
    rings: tuple[RingState, ...]


@dataclass(frozen=True, slots=True)
class Switch:
    """Features to be switched for the forces of a ring, by its place from 0."""

    ring: int
    on: bool


@dataclass(frozen=True, slots=True)
class Taken:
    """What a step leads to, and what is switched, in order."""

    after: Rollout
    switches: tuple[Switch, ...] = ()


def take(rollout: Rollout, step: Step, actors: Collection[Actor]) -> Taken:
    """Take a step of the release, or refuse it as `machine.check` does.

    Beginning switches the features off for every ring: from then on the rings govern them. Backing
    out switches off every ring, the last one first: one that isn't live too, since off gives back
    what an earlier release left.
    """
    after = replace(rollout, state=check(rollout.state, step, actors))
    if step is Step.BEGIN:
        return Taken(after, tuple(Switch(ring, on=False) for ring in range(len(after.rings))))
    if step is Step.BACK_OUT:
        rings = tuple(
            RingState.BACKED_OUT if ring is RingState.LIVE else ring for ring in after.rings
        )
        switches = tuple(Switch(place, on=False) for place in reversed(range(len(rings))))
        return Taken(replace(after, rings=rings), switches)
    return Taken(_completed(after))


def take_ring(rollout: Rollout, place: int, step: RingStep, actors: Collection[Actor]) -> Taken:
    """Take a step of the ring at a place, counted from 0, or refuse it.

    A ring goes live only after every ring ahead of it. Backing one out holds the release.
    """
    to = check_ring(rollout.state, rollout.rings[place], step, actors)
    rings = (*rollout.rings[:place], to, *rollout.rings[place + 1 :])
    after = replace(rollout, rings=rings)
    if step is RingStep.GO_LIVE:
        check_order(rollout, place)
        return Taken(_completed(after), (Switch(place, on=True),))
    if step is RingStep.BACK_OUT:
        if after.state is not State.HELD:
            held = check(after.state, Step.HOLD, {Actor.PLATFORM})
            after = replace(after, state=held)
        return Taken(after, (Switch(place, on=False),))
    return Taken(after)


def check_order(rollout: Rollout, place: int) -> None:
    """Refuse a ring while one ahead of it isn't live."""
    behind = [str(n + 1) for n in range(place) if rollout.rings[n] is not RingState.LIVE]
    if behind:
        raise ConflictError(
            f"Rings go live in their order; not live yet: ring {', ring '.join(behind)}."
        )


def _completed(after: Rollout) -> Rollout:
    """Return the release as live where its last ring is."""
    if after.state is State.ROLLING and set(after.rings) == {RingState.LIVE}:
        return replace(after, state=check(after.state, Step.COMPLETE, {Actor.PLATFORM}))
    return after
