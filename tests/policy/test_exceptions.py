"""Decision tables of rules 17 to 19: records restricted by name or opened in an emergency."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from athena.policies.decisions.documents import LabelDecision

Decide = Callable[..., LabelDecision]

OTHERS = {"restricted": True, "listed": True, "named": False}
NAMED = {"restricted": True, "listed": True, "named": True}
SUMMARY = {"purposes": {"investigation": {"level": "summary", "groups": []}}}


@pytest.mark.parametrize(
    ("roles", "label", "level", "reasons"),
    [
        # 17: the own force
        ("officer", OTHERS, "pointer", "restricted_to_others"),
        ("supervisor", OTHERS, "pointer", "restricted_to_others"),
        ("records_manager", OTHERS, "pointer", "restricted_to_others"),
        ("data_protection_officer", OTHERS, "pointer", "restricted_to_others"),
        ("officer", NAMED, "full", "named_in_restriction own_force"),
        ("supervisor", NAMED, "full", "named_in_restriction own_force"),
        ("board_member", NAMED, "none", "role_sees_no_records"),
        # a label that is open after all: the list of names alone still narrows
        ("supervisor", {**OTHERS, "restricted": False}, "pointer", "restricted_to_others"),
        ("officer", {**NAMED, "restricted": False}, "full", "named_in_restriction own_force"),
        # a plain label names nobody
        ("supervisor", {"restricted": True}, "full", "own_force"),
        ("officer", {"restricted": True, "named": "yes"}, "pointer", "own_force_restricted"),
        # 19: an emergency in the own force
        (
            "supervisor",
            {**OTHERS, "emergency": True, "sealed": False},
            "full",
            "emergency_access restricted_to_others",
        ),
        (
            "officer",
            {**OTHERS, "emergency": True, "sealed": False},
            "pointer",
            "restricted_to_others",
        ),
        (
            "officer emergency_access",
            {"restricted": True, "emergency": True, "sealed": False},
            "full",
            "emergency_access own_force_restricted",
        ),
        (
            "supervisor",
            {**OTHERS, "emergency": True, "sealed": True},
            "pointer",
            "restricted_to_others",
        ),
    ],
    ids=str,
)
def test_own_force(
    decide: Decide, roles: str, label: dict[str, Any], level: str, reasons: str
) -> None:
    decision = decide(roles=tuple(roles.split()), label={"owner": "kent", **label})
    assert (decision.level, list(decision.reasons)) == (level, reasons.split())


@pytest.mark.parametrize(
    ("label", "agreement", "level", "reasons"),
    [
        # 18: naming a foreign member lifts rule 12 and nothing else
        (NAMED, {}, "full", "agreement_allows named_in_restriction"),
        (NAMED, {"restricted_level": "none"}, "full", "agreement_allows named_in_restriction"),
        (NAMED, SUMMARY, "summary", "agreement_allows named_in_restriction"),
        (
            {**NAMED, "sensitive": True},
            {},
            "pointer",
            "agreement_allows named_in_restriction sensitive_processing_not_covered",
        ),
        (
            {**NAMED, "handling": "C"},
            {},
            "pointer",
            "agreement_allows handling_above_ceiling named_in_restriction",
        ),
        (
            {**NAMED, "conditions": ["S2"]},
            {},
            "pointer",
            "agreement_allows consult_originator_first named_in_restriction",
        ),
        ({**NAMED, "categories": ["victim"]}, {}, "none", "category_not_in_agreement"),
        ({**NAMED, "marking": "OFFICIAL-SENSITIVE"}, {}, "none", "marking_above_ceiling"),
        (NAMED, {"status": "suspended"}, "none", "agreement_suspended"),
        (OTHERS, {}, "pointer", "agreement_allows restricted_record"),
    ],
    ids=str,
)
def test_naming_across_forces(
    decide: Decide, label: dict[str, Any], agreement: dict[str, Any], level: str, reasons: str
) -> None:
    decision = decide(label=label, agreement=agreement)
    assert (decision.level, list(decision.reasons)) == (level, reasons.split())


@pytest.mark.parametrize(
    ("roles", "label", "agreement", "level"),
    [
        ("supervisor", {"handling": "C"}, {}, "full"),
        ("supervisor", {"sensitive": True}, {}, "full"),
        ("supervisor", {"restricted": True}, {}, "full"),
        ("supervisor", {"conditions": ["S2"]}, {}, "full"),
        ("officer emergency_access", {"handling": "C"}, {}, "full"),
        ("supervisor", {}, SUMMARY, "full"),
        # never from nothing
        ("supervisor", {"restricted": True}, {"restricted_level": "none"}, "none"),
        ("supervisor", {"categories": ["victim"]}, {}, "none"),
        ("supervisor", {"handling": "C"}, {"status": "suspended"}, "none"),
        ("emergency_access", {"handling": "C"}, {}, "none"),
        # nor for other roles, nor where it is sealed or nobody knows whether it is
        ("officer", {"handling": "C"}, {}, "pointer"),
        ("data_protection_officer", {"handling": "C"}, {}, "pointer"),
        ("supervisor", {"handling": "C", "sealed": True}, {}, "pointer"),
        ("supervisor", {"handling": "C", "sealed": None}, {}, "none"),
        ("supervisor", {"handling": "C", "emergency": "yes"}, {}, "pointer"),
    ],
    ids=str,
)
def test_an_emergency_across_forces(
    decide: Decide, roles: str, label: dict[str, Any], agreement: dict[str, Any], level: str
) -> None:
    asked = {"emergency": True, "sealed": False, **label}
    decision = decide(roles=tuple(roles.split()), label=asked, agreement=agreement)
    assert decision.level == level
    assert len(decision.groups) == (7 if level == "full" else 0)
    assert ("emergency_access" in decision.reasons) == (level == "full")


def test_what_an_emergency_opens_still_obliges(decide: Decide) -> None:
    decision = decide(
        roles=("supervisor",),
        label={"emergency": True, "sealed": False, "conditions": ["S2"]},
        agreement={"onward_sharing": False},
    )
    assert list(decision.obligations) == ["consult_originator", "no_onward_sharing"]
