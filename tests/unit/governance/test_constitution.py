"""A constitution says how it decides, or isn't one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from athena.governance.bodies.constitution import Constitution, DecisionClass, Portion, Quorum
from unit.governance.test_outcome import SIMPLE, TWO_THIRDS, constitution

MILLION = 100_000_000


def test_the_dearer_rule_holds_from_its_amount_upwards() -> None:
    dear = TWO_THIRDS | {"from_pence": MILLION}
    law = constitution(SIMPLE, rules=[dear, SIMPLE])
    for cost, majority in ((0, "simple"), (MILLION - 1, "simple"), (MILLION, "qualified")):
        rule = law.rule_for(DecisionClass.CHANGE_NORMAL, cost)
        assert rule is not None
        assert rule.majority.value == majority
    assert law.rule_for(DecisionClass.CATALOGUE, 0) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"rules": []},
        {"rules": [{key: SIMPLE[key] for key in SIMPLE if key != "quorum"}]},
        {"rules": [SIMPLE | {"quorum": {}}]},
        {"rules": [SIMPLE | {"quorum": {"portion": {"parts": 3, "of": 2}}}]},
        {"rules": [SIMPLE | {"quorum": {"seats": 0}}]},
        {"rules": [SIMPLE | {"majority": "qualified"}]},
        {"rules": [SIMPLE | {"majority": "qualified", "portion": {"parts": 1, "of": 2}}]},
        {"rules": [SIMPLE | {"portion": {"parts": 2, "of": 3}}]},
        {"rules": [SIMPLE, SIMPLE]},
        {"rules": [SIMPLE | {"from_pence": 1}]},
        {"rules": [SIMPLE | {"from_pence": -1}]},
        {"deadline_hours": 0},
        {"weighting": "by seniority"},
        {"quote_tolerance_percent": 101},
        {"unknown": True},
    ],
    ids=str,
)
def test_what_is_not_clear_is_no_constitution(changes: dict[str, Any]) -> None:
    whole = constitution(SIMPLE).model_dump(mode="json")
    Constitution.model_validate(whole)
    with pytest.raises(ValidationError):
        Constitution.model_validate(whole | changes)


@given(st.integers(1, 1000), st.integers(1, 1000), st.integers(0, 10**15))
def test_a_portion_is_the_least_whole_number_that_reaches_it(
    parts: int, of: int, number: int
) -> None:
    parts = min(parts, of)
    least = Portion(parts=parts, of=of).of_number(number)
    assert least * of >= number * parts
    assert (least - 1) * of < number * parts


@given(st.integers(0, 60))
def test_a_quorum_is_never_nobody(entitled: int) -> None:
    assert Quorum(portion=Portion(parts=1, of=1000)).needed(entitled) >= 1
