"""Explanations give the true reason and what would help; their rules are the document's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from athena.platform.kernel.identity import Purpose
from athena.policies.decisions.engine import WasmPolicy
from athena.policies.decisions.reasons import Reason
from athena.policies.explanations.changes import changes
from athena.policies.explanations.explaining import explain_labels, scopes_of
from athena.policies.explanations.rules import RULES, rule_of
from athena.policies.explanations.schemas import LabelExplained
from policy.conftest import AGREEMENT, LABEL
from policy.explained import CASES
from policy.explained_case import Case

ROOT = Path(__file__).parents[2]
REGO = ROOT / "policies" / "rego" / "athena" / "visibility" / "visibility.rego"
SECOND = {"id": "3c1f0000-0000-4000-8000-000000000002", "reference": "ATH-ISA-902"}


def question(case: Case) -> dict[str, Any]:
    """Return what the policy is asked in a case."""
    ask = {
        "tenant": "kent",
        "kind": "force",
        "roles": ["officer"],
        "clearance": "OFFICIAL-SENSITIVE",
        "purpose": "investigation",
        "active": ["essex", "kent", "shelter", "suffolk"],
        **case.ask,
    }
    agreements = [] if case.agreement is None else [{**AGREEMENT, **case.agreement}]
    if case.second is not None:
        agreements.append({**AGREEMENT, **SECOND, **case.second})
    return {
        "requester": {name: ask[name] for name in ("tenant", "kind", "roles", "clearance")},
        "active": ask["active"],
        "purpose": ask["purpose"],
        "purposes": list(Purpose),
        "today": "2026-11-24",
        "agreements": agreements,
        "labels": [{**LABEL, **case.label}],
    }


def explained(policy: WasmPolicy, case: Case) -> LabelExplained:
    """Return how a case is explained."""
    asked = question(case)
    (told,) = explain_labels(asked, policy.evaluate(asked).decisions, policy.evaluate)
    return told


def test_there_are_a_hundred_cases_and_each_reason_is_among_them() -> None:
    assert len(CASES) >= 100
    assert len({case.name for case in CASES}) == len(CASES)
    assert {code for case in CASES for code in case.reasons.split()} == {*Reason}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_true_reason_is_given(case: Case, policy: WasmPolicy) -> None:
    told = explained(policy, case)
    assert told.level == case.level
    assert [reason.code for reason in told.reasons] == case.reasons.split()
    assert told.decided_by is not None
    assert told.decided_by.number == case.rule
    assert told.scopes == scopes_of(told.level, told.groups)
    helpful = {f"{wider.kind}:{wider.value}".rstrip(":"): wider for wider in told.more}
    if case.helps:
        change, level = case.helps.split()
        assert change in helpful
        assert helpful[change].level == level
    else:
        assert not helpful


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_would_help_is_told_whole_and_nothing_else(case: Case, policy: WasmPolicy) -> None:
    """Each change told shows strictly more when the policy is asked, and no other one does."""
    asked = question(case)
    (before,) = policy.evaluate(asked).decisions
    expected = []
    for change in changes(asked):
        (after,) = policy.evaluate(change.question).decisions
        if (after.level.rank, len(after.groups)) > (before.level.rank, len(before.groups)):
            expected.append((change.kind, change.value, change.agreement, after.level))
    told = explained(policy, case)
    assert [(item.kind, item.value, item.agreement, item.level) for item in told.more] == expected
    for item in told.more:
        assert {*item.gained} <= {*told.withheld}


def test_a_question_isnt_altered_by_asking_for_changes(policy: WasmPolicy) -> None:
    for case in CASES:
        asked = question(case)
        kinds = [change.kind for change in changes(asked)]
        assert asked == question(case)
        assert len(kinds) >= len(Purpose) - 1


class TestRules:
    def test_every_reason_has_a_rule(self) -> None:
        assert {rule_of(reason) for reason in Reason} == set(RULES)

    def test_the_document_tells_each_reason_under_its_rule(self) -> None:
        text = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")
        rules = text.partition("## The rules")[2].partition("## Obligations")[0]
        for reason in Reason:
            told = re.search(
                rf"^{rule_of(reason)}\. (.*?)(?=^\d+\. |\Z)", rules, re.MULTILINE | re.DOTALL
            )
            assert told is not None
            assert f"`{reason.value}`" in told[1], reason

    def test_the_rules_of_the_policy_are_titled_with_the_same_numbers(self) -> None:
        """A title above a rule that gives a reason covers the number of the reason's rule."""
        blocks = re.split(r"^# METADATA$", REGO.read_text(encoding="utf-8"), flags=re.MULTILINE)
        titled: set[int] = set()
        reasons = {reason.value: reason for reason in Reason}
        for block in blocks:
            title = re.search(r"^# title: Rules? (.+)$", block, re.MULTILINE)
            numbers = _numbers(title[1]) if title else set()
            titled |= numbers
            heads = re.findall(
                r'(?m)^(?:_bars contains|_stands\(|_covers\(|_uncapped\().*?"(\w+)"', block
            )
            for code in heads:
                assert rule_of(reasons[code]) in numbers, code
        assert set(RULES) <= titled


def _numbers(title: str) -> set[int]:
    """Return the numbers of a title such as "1 to 4", "9, 10 and 12" or "11 to 14 and 18"."""
    return {
        number
        for first, last in re.findall(r"(\d+)(?: to (\d+))?", title)
        for number in range(int(first), int(last or first) + 1)
    }
