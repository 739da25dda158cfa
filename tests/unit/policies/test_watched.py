"""What is remembered of decisions, for how long, and what operators are told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from athena.platform.kernel.metrics import REGISTRY
from athena.policies.decisions.embedded import EmbeddedPoint
from athena.policies.decisions.engine import WasmPolicy
from athena.policies.decisions.point import Decision, Fault, NoDecisionError, Question
from athena.policies.decisions.watched import LEAST_SECONDS, WatchedPoint


def question(label_id: object = 1, **changes: Any) -> Question:
    return Question.of(
        {
            "requester": {
                "tenant": "kent",
                "kind": "force",
                "roles": ["officer"],
                "clearance": "OFFICIAL-SENSITIVE",
            },
            "active": ["essex", "kent"],
            "purpose": "investigation",
            "purposes": ["investigation"],
            "today": "2026-11-24",
            "agreements": [],
            "labels": [{"id": label_id, "owner": "kent"}],
            **changes,
        }
    )


class Counted(EmbeddedPoint):
    """The engine in the process, with a count of what it was asked."""

    asked = 0

    async def decide(self, question: Question) -> Decision:
        self.asked += 1
        return await super().decide(question)


class Changing(Counted):
    """The same, whose bundle can be exchanged."""

    bundle = "first"

    @property
    def revision(self) -> str:
        return self.bundle


@pytest.fixture(scope="module")
def policy() -> WasmPolicy:
    return WasmPolicy.load()


@pytest.fixture
def engine(policy: WasmPolicy) -> Counted:
    return Counted(policy)


def figure(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, {"engine": "embedded", **labels}) or 0


class TestRemembering:
    async def test_the_same_question_is_asked_once(self, engine: Counted) -> None:
        watched = WatchedPoint(engine)
        first = await watched.decide(question())
        again = await watched.decide(question())
        assert (engine.asked, again.document) == (1, first.document)

    async def test_the_order_of_a_questions_parts_is_nothing(self, engine: Counted) -> None:
        watched = WatchedPoint(engine)
        asked = question()
        await watched.decide(asked)
        await watched.decide(Question.of(dict(reversed(list(asked.content.items())))))
        assert engine.asked == 1

    @pytest.mark.parametrize(
        "changes",
        [{"today": "2026-11-25"}, {"purpose": "custody"}, {"labels": []}, {"agreements": [{}]}],
        ids=str,
    )
    async def test_another_question_is_asked(
        self, engine: Counted, changes: dict[str, Any]
    ) -> None:
        watched = WatchedPoint(engine)
        await watched.decide(question())
        await watched.decide(question(**changes))
        assert engine.asked == 2

    async def test_another_bundle_is_asked(self, policy: WasmPolicy) -> None:
        engine = Changing(policy)
        watched = WatchedPoint(engine)
        await watched.decide(question())
        engine.bundle = "second"
        await watched.decide(question())
        assert engine.asked == 2

    async def test_what_is_remembered_ends_when_it_would_have(self, engine: Counted) -> None:
        now = [1000.0]
        watched = WatchedPoint(engine, clock=lambda: now[0])
        first = await watched.decide(question())
        now[0] += 100
        assert await watched.decide(question()) == replace(first, seconds=first.seconds - 100)
        now[0] += first.seconds - 100 - LEAST_SECONDS + 1
        assert (await watched.decide(question())).seconds == first.seconds
        assert engine.asked == 2

    async def test_the_oldest_is_forgotten_first(self, engine: Counted) -> None:
        watched = WatchedPoint(engine, remembered=2)
        for label_id in (1, 2, 3, 3, 2, 1):
            await watched.decide(question(label_id))
        assert engine.asked == 4

    async def test_no_decision_isnt_remembered(self, engine: Counted) -> None:
        watched = WatchedPoint(engine)
        for _ in range(2):
            with pytest.raises(NoDecisionError):
                await watched.decide(question("one"))
        assert engine.asked == 2


class TestFigures:
    async def test_each_missing_decision_is_an_alarm_with_its_fault(self, engine: Counted) -> None:
        watched = WatchedPoint(engine)
        before = figure("athena_decision_alarms_total", fault="malformed")
        with pytest.raises(NoDecisionError) as denied:
            await watched.decide(question("one"))
        assert denied.value.fault is Fault.MALFORMED
        assert figure("athena_decision_alarms_total", fault="malformed") == before + 1

    async def test_decisions_are_counted_by_where_they_came_from(self, engine: Counted) -> None:
        watched = WatchedPoint(engine)
        names = ("asked", "remembered")
        before = [figure("athena_decisions_total", source=name) for name in names]
        timed = figure("athena_decision_seconds_count")
        for _ in range(3):
            await watched.decide(question())
        after = [figure("athena_decisions_total", source=name) for name in names]
        assert after == [before[0] + 1, before[1] + 2]
        assert figure("athena_decision_seconds_count") == timed + 1

    def test_every_alarm_is_there_before_it_goes_off(self, engine: Counted) -> None:
        WatchedPoint(engine)
        for fault in Fault:
            labels = {"engine": "embedded", "fault": fault.value}
            assert REGISTRY.get_sample_value("athena_decision_alarms_total", labels) is not None
