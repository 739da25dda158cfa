"""The rules as docs/policy.md tells them, in plain Python, against the compiled policy."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest

from athena.platform.kernel.errors import DecisionUnavailableError
from athena.platform.kernel.identity import Level, Purpose
from athena.policies.decisions.engine import WasmPolicy
from athena.policies.decisions.reasons import Obligation, Reason
from policy import differences, differences_single
from policy.differences import NO_DECISION, Difference, Told
from policy.oracle import decide as say
from policy.questions import PURPOSES, question

ROOT = Path(__file__).parents[2]
QUESTIONS = 5_300
MENDED = (*differences.MENDED, *differences_single.MENDED)
COMPARED = ("label", "level", "groups", "agreement", "reasons", "obligations", "withheld")


def evaluate(policy: WasmPolicy, asked: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Return what the policy answers, as the oracle tells it; None where it gives no decision."""
    try:
        decisions = policy.evaluate(asked).as_json()["decisions"]
    except DecisionUnavailableError:
        return None
    return [{name: decision[name] for name in COMPARED} for decision in decisions]


def told(answers: list[dict[str, Any]] | None) -> Told:
    """Return the level and the reasons of the only answer."""
    if answers is None:
        return NO_DECISION
    (answer,) = answers
    return answer["level"], tuple(answer["reasons"])


def test_the_oracle_and_the_policy_agree_on_questions_of_every_kind(policy: WasmPolicy) -> None:
    seen: Counter[str] = Counter()
    questions = [question(Random(seed)) for seed in range(QUESTIONS)]
    for seed, asked in enumerate(questions):
        answers = say(asked)
        assert evaluate(policy, asked) == answers, f"seed {seed} finds a difference"
        for answer in answers:
            seen.update([answer["level"], *answer["reasons"], *answer["obligations"]])
    codes = [*Level, *Reason, *Obligation]
    assert {code.value for code in codes if seen[code.value] < 20} == set()


@pytest.mark.parametrize("difference", MENDED, ids=str)
def test_a_difference_that_is_mended_stays_mended(
    difference: Difference, policy: WasmPolicy
) -> None:
    answers = say(difference.question)
    assert told(answers) == difference.answer
    assert evaluate(policy, difference.question) == answers


def test_the_document_lists_the_purposes_there_are() -> None:
    document = " ".join((ROOT / "docs" / "policy.md").read_text(encoding="utf-8").split())
    listed = re.search(r"The list comes with each question: ([^.]+)\.", document)
    assert listed is not None
    names = {name.strip().replace(" ", "_") for name in listed[1].split(",")}
    assert names == set(PURPOSES) == set(Purpose)
