"""Whatever is done to a release: a force has its features exactly if its ring is live."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from athena.governance.releases.machine import Actor, RingState, RingStep, State, Step
from athena.governance.releases.rollout import Rollout, Taken, take, take_ring
from athena.platform.kernel.errors import ConflictError, RefusedError

AMO = {Actor.AMO}
BEGUN = {State.ROLLING, State.HELD, State.LIVE, State.BACKED_OUT, State.REVIEWED, State.CLOSED}


class Life(RuleBasedStateMachine):
    """Steps in any order, on a release whose forces had its features before."""

    @initialize(rings=st.integers(1, 4), state=st.sampled_from([State.DRAFT, State.APPROVED]))
    def start(self, rings: int, state: State) -> None:
        self.rollout = Rollout(state, (RingState.WAITING,) * rings)
        self.has = dict.fromkeys(range(rings), True)

    def follow(self, act: Callable[[], Taken]) -> Taken | None:
        """Do what a step leads to; what is refused changes nothing."""
        try:
            taken = act()
        except (ConflictError, RefusedError):
            return None
        self.rollout = taken.after
        for switch in taken.switches:
            self.has[switch.ring] = switch.on
        return taken

    @rule(step=st.sampled_from(Step))
    def step(self, step: Step) -> None:
        before = self.rollout
        taken = self.follow(lambda: take(before, step, AMO))
        if taken and step is Step.BACK_OUT:
            order = [switch.ring for switch in taken.switches]
            assert order == sorted(order, reverse=True)
            assert not any(self.has.values())

    @rule(step=st.sampled_from(RingStep), data=st.data())
    def ring_step(self, step: RingStep, data: st.DataObject) -> None:
        before = self.rollout
        place = data.draw(st.integers(0, len(before.rings) - 1))
        taken = self.follow(lambda: take_ring(before, place, step, AMO))
        if taken and step is RingStep.GO_LIVE:
            assert set(before.rings[:place]) <= {RingState.LIVE}
        if taken and step is RingStep.BACK_OUT:
            assert taken.after.state is State.HELD

    @rule()
    def next_ring_goes_live(self) -> None:
        """Go the usual way now and then, which steps by chance would seldom find."""
        for place, ring in enumerate(self.rollout.rings):
            if ring is not RingState.LIVE:
                for step in (RingStep.NOTIFY, RingStep.GO_LIVE):
                    self.follow(partial(take_ring, self.rollout, place, step, AMO))
                return

    @invariant()
    def a_force_has_a_feature_exactly_if_its_ring_is_live(self) -> None:
        live = {place: ring is RingState.LIVE for place, ring in enumerate(self.rollout.rings)}
        if self.rollout.state in BEGUN:
            assert self.has == live
        else:
            assert all(self.has.values())
            assert not any(live.values())

    @invariant()
    def a_release_is_live_exactly_if_every_ring_is(self) -> None:
        every = set(self.rollout.rings) == {RingState.LIVE}
        if self.rollout.state in (State.LIVE, State.ROLLING):
            assert (self.rollout.state is State.LIVE) == every


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
