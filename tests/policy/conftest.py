"""A question to the policy that each test changes in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from athena.platform.kernel.identity import Purpose
from athena.policies.decisions.documents import LabelDecision
from athena.policies.decisions.engine import WasmPolicy

Changes = Mapping[str, Any]
Decide = Callable[..., LabelDecision]

AGREEMENT: dict[str, Any] = {
    "id": "3c1f0000-0000-4000-8000-000000000001",
    "reference": "ATH-ISA-901",
    "status": "in_force",
    "parties": [
        {"tenant": "essex", "role": "owner"},
        {"tenant": "kent", "role": "recipient"},
        {"tenant": "shelter", "role": "partner"},
    ],
    "signatories": [
        {"tenant": "essex", "signed_on": "2026-03-16"},
        {"tenant": "kent", "signed_on": "2026-03-16"},
        {"tenant": "shelter", "signed_on": "2026-03-16"},
    ],
    "purposes": {
        "investigation": {"level": "full", "groups": ["contacts", "addresses"]},
        "custody": {"level": "summary", "groups": []},
        "missing_person": {"level": "pointer", "groups": []},
    },
    "record_classes": ["nominal", "case"],
    "subject_categories": ["suspect", "other"],
    "marking_ceiling": "OFFICIAL",
    "handling_ceiling": "P",
    "sensitive_processing": False,
    "restricted_level": "pointer",
    "onward_sharing": True,
    "valid_from": "2026-04-01",
    "valid_to": "2031-03-31",
    "review_due": "2030-03-31",
    "dpia_expires": "2029-03-31",
}

LABEL: dict[str, Any] = {
    "id": 17,
    "owner": "essex",
    "record_class": "nominal",
    "marking": "OFFICIAL",
    "handling": "P",
    "conditions": [],
    "categories": ["suspect"],
    "sensitive": False,
    "restricted": False,
    "sealed": False,
}


@pytest.fixture(scope="session")
def policy() -> WasmPolicy:
    """Return the bundled policy."""
    return WasmPolicy.load()


@pytest.fixture(scope="session")
def decide(policy: WasmPolicy) -> Decide:
    """Return what decides: Kent asks about Essex's label under one agreement, with changes."""

    def decision(
        *,
        roles: tuple[str, ...] = ("officer",),
        tenant: str = "kent",
        kind: str = "force",
        purpose: str = "investigation",
        today: str = "2026-11-24",
        clearance: str = "OFFICIAL-SENSITIVE",
        active: tuple[str, ...] = ("essex", "kent", "shelter", "suffolk"),
        label: Changes = {},  # noqa: B006 - never changed
        agreement: Changes = {},  # noqa: B006 - never changed
        others: tuple[Changes, ...] = (),
    ) -> LabelDecision:
        agreements = [{**AGREEMENT, **agreement}, *({**AGREEMENT, **other} for other in others)]
        return policy.evaluate(
            {
                "requester": {
                    "tenant": tenant,
                    "kind": kind,
                    "roles": list(roles),
                    "clearance": clearance,
                },
                "active": list(active),
                "purpose": purpose,
                "purposes": list(Purpose),
                "today": today,
                "agreements": agreements,
                "labels": [{**LABEL, **label}],
            }
        ).decisions[0]

    return decision
