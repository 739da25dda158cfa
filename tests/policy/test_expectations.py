"""The compiled policy gives the pictures of the hand-written table."""

from __future__ import annotations

from datetime import date

import pytest

from athena.platform.kernel.identity import Purpose
from athena.policies.agreements.founding import baseline
from athena.policies.decisions.engine import WasmPolicy
from athena.tenants.consortium import FORCE_SLUGS
from support.expectations import LABELS, Cell, read_table

CELLS = read_table()
AS_OF = date(2026, 11, 24)


@pytest.fixture(scope="module")
def policy() -> WasmPolicy:
    return WasmPolicy.load()


def test_the_table_is_large_and_says_nothing_twice() -> None:
    assert len(CELLS) >= 120
    assert len({str(cell) for cell in CELLS}) == len(CELLS)
    assert {cell.requester for cell in CELLS} == {cell.owner for cell in CELLS}


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_cell(cell: Cell, policy: WasmPolicy) -> None:
    label = LABELS[cell.label]
    decision = policy.evaluate(
        {
            "requester": {
                "tenant": cell.requester,
                "kind": "force",
                "roles": ["officer"],
                "clearance": "OFFICIAL-SENSITIVE",
            },
            "active": list(FORCE_SLUGS),
            "purpose": cell.purpose,
            "purposes": list(Purpose),
            "today": AS_OF.isoformat(),
            "agreements": [agreement.model_dump(mode="json") for agreement in baseline()],
            "labels": [
                {
                    "id": 1,
                    "owner": cell.owner,
                    "record_class": "nominal",
                    "marking": label.get("marking", "OFFICIAL"),
                    "handling": label.get("handling", "P"),
                    "conditions": label.get("conditions", []),
                    "categories": label.get("roles", ["suspect"]),
                    "sensitive": label.get("sensitive", False),
                    "restricted": label.get("restricted", False),
                    "sealed": False,
                }
            ],
        }
    ).decisions[0]
    assert (decision.level, frozenset(decision.groups)) == (cell.level, cell.groups)
