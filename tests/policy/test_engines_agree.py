"""A server and the engine in the process give the same documents, or both give none."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest

from athena.platform.kernel.settings import Settings
from athena.policies.decisions.address import ServerAddress
from athena.policies.decisions.documents import VisibilityDocument
from athena.policies.decisions.embedded import EmbeddedPoint
from athena.policies.decisions.engine import WasmPolicy
from athena.policies.decisions.point import DecisionPoint, NoDecisionError, Question
from athena.policies.decisions.server import ServerPoint
from support.opa import running_opa
from support.questions import ODD, odd, ordinary, tangled

SEED = 20261124
SMALL, LARGE, TANGLED, UNUSUAL = 3_400, 40, 600, 1_100
AT_ONCE = 100

pytestmark = pytest.mark.needs_opa


@pytest.fixture(scope="module")
async def engines(policy: WasmPolicy) -> AsyncIterator[tuple[DecisionPoint, DecisionPoint]]:
    """Yield the engine in the process and a server with the bundle of the same rules."""
    async with running_opa() as opa:
        address = ServerAddress.of(Settings(opa_url=f"http://127.0.0.1:{opa.port}"))
        server = await ServerPoint.open(address, policy.revision, deadline_seconds=60)
        yield EmbeddedPoint(policy), server
        await server.close()


async def outcome(point: DecisionPoint, asked: dict[str, Any]) -> VisibilityDocument | None:
    """Return a point's document, or None where it denies."""
    try:
        return (await point.decide(Question.of(asked))).document
    except NoDecisionError:
        return None


async def compare(
    engines: tuple[DecisionPoint, DecisionPoint], questions: list[dict[str, Any]]
) -> Counter[str]:
    """Ask both engines; return how many labels had which level, and how many had no answer."""
    told: Counter[str] = Counter()
    for start in range(0, len(questions), AT_ONCE):
        part = questions[start : start + AT_ONCE]
        embedded, served = [
            await asyncio.gather(*(outcome(point, asked) for asked in part)) for point in engines
        ]
        for asked, one, other in zip(part, embedded, served, strict=True):
            assert one == other, asked
            told.update([decision.level for decision in one.decisions] if one else ["no answer"])
    return told


async def test_on_ordinary_questions(engines: tuple[DecisionPoint, DecisionPoint]) -> None:
    draw = Random(SEED)
    questions = [ordinary(draw, draw.randint(1, 4), draw.randint(0, 4)) for _ in range(SMALL)]
    told = await compare(engines, questions + [ordinary(draw, 40, 15) for _ in range(LARGE)])
    assert told["no answer"] == 0
    assert min(told[level] for level in ("none", "pointer", "summary", "full")) > 20


async def test_on_close_calls(engines: tuple[DecisionPoint, DecisionPoint]) -> None:
    draw = Random(SEED)
    told = await compare(engines, [tangled(draw) for _ in range(TANGLED)])
    assert min(told[level] for level in ("none", "pointer", "full", "no answer")) > 50


async def test_on_odd_questions(engines: tuple[DecisionPoint, DecisionPoint]) -> None:
    draw = Random(SEED)
    told = await compare(engines, [odd(draw) for _ in range(UNUSUAL)])
    assert min(told[level] for level in ("none", "full", "no answer")) > 40


def about(*labels: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return Kent's question about labels of its own, with changes."""
    known = {
        "owner": "kent",
        "record_class": "nominal",
        "marking": "OFFICIAL",
        "handling": "P",
        "conditions": [],
        "categories": [],
        "sensitive": False,
        "restricted": False,
        "sealed": False,
    }
    return {
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
        "labels": [{**known, **label} for label in labels],
        **changes,
    }


FOUND: dict[str, dict[str, Any]] = {
    # Half of a surrogate pair: the server reads U+FFFD for it, the module aborts.
    "half-a-character": about({"id": 1}, today="\ud800"),
    "half-a-character-in-a-name": about({"id": 1, "\udfff": 1}),
    # The server answers alike labels once, so that 1.0 gets the answer about 1, with the id 1.
    "equal-numbers": about({"id": 1}, {"id": 1.0}),
    "zeroes": about({"id": 0}, {"id": -0.0}),
}
"""What the two engines answered differently: each is no decision now, before either is asked."""


@pytest.mark.parametrize("name", FOUND)
async def test_on_what_they_once_differed_about(
    engines: tuple[DecisionPoint, DecisionPoint], name: str
) -> None:
    assert [await outcome(point, FOUND[name]) for point in engines] == [None, None]


@pytest.mark.parametrize("value", ODD, ids=ascii)
async def test_on_an_odd_value_in_every_place(
    engines: tuple[DecisionPoint, DecisionPoint], value: object
) -> None:
    asked = about({"id": 1}, {"id": 2, "owner": "essex"})
    places = [{**asked, part: value} for part in asked]
    places += [{**asked, "requester": {**asked["requester"], p: value}} for p in asked["requester"]]
    places += [about({"id": 1, part: value}) for part in asked["labels"][0]]
    await compare(engines, places)
