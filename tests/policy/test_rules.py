"""Decision tables of docs/policy.md, rule by rule: Kent asks about Essex's label (conftest)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from athena.policies.decisions.documents import LabelDecision

Decide = Callable[..., LabelDecision]

ESSEX_ONLY = [{"tenant": "essex", "signed_on": "2026-03-16"}]
UNTIL_TOMORROW = [
    {"tenant": "essex", "signed_on": "2026-03-16"},
    {"tenant": "kent", "signed_on": "2026-11-25"},
    {"tenant": "shelter", "signed_on": "2026-03-16"},
]
WIDER = {"investigation": {"level": "full", "groups": ["addresses", "contacts", "markers"]}}
POINTER = {"investigation": {"level": "pointer", "groups": []}}
SUMMARY = {"investigation": {"level": "summary", "groups": []}}
UNKNOWN_GROUP = {"investigation": {"level": "full", "groups": ["addresses", "contacts", "dna"]}}
SECOND = "3c1f0000-0000-4000-8000-000000000002"


@pytest.mark.parametrize("owner", ["kent", "essex"])
def test_a_suspended_force_sees_nothing(decide: Decide, owner: str) -> None:
    decision = decide(active=("essex",), label={"owner": owner})
    assert (decision.level, list(decision.reasons)) == ("none", ["requester_suspended"])


def test_a_suspended_force_shows_nothing(decide: Decide) -> None:
    decision = decide(active=("kent",))
    assert (decision.level, list(decision.reasons)) == ("none", ["owner_suspended"])


@pytest.mark.parametrize("owner", ["kent", "essex"])
@pytest.mark.parametrize("clearance", ["OFFICIAL", "", "SECRET", "official-sensitive"])
def test_a_marking_above_the_clearance_shows_nothing(
    decide: Decide, owner: str, clearance: str
) -> None:
    decision = decide(
        clearance=clearance,
        label={"owner": owner, "marking": "OFFICIAL-SENSITIVE"},
        agreement={"marking_ceiling": "OFFICIAL-SENSITIVE"},
    )
    assert (decision.level, list(decision.reasons)) == ("none", ["marking_above_clearance"])


@pytest.mark.parametrize(
    ("kind", "roles", "purpose", "reasons"),
    [
        # 1: only forces
        ("client_body", "officer", "investigation", "not_a_force"),
        ("oversight", "officer", "investigation", "not_a_force"),
        # 2: only roles that may see records
        ("force", "force_administrator", "investigation", "role_sees_no_records"),
        ("force", "board_member", "investigation", "role_sees_no_records"),
        ("force", "", "investigation", "role_sees_no_records"),
        ("force", "chief", "investigation", "role_sees_no_records"),
        # 3: only purposes of the list
        ("force", "officer", "curiosity", "purpose_unknown"),
        ("force", "officer", "", "purpose_unknown"),
        ("force", "officer", "Investigation", "purpose_unknown"),
        # 4: data quality
        ("force", "officer", "data_quality", "data_quality_needs_its_roles"),
        # 20: a partner has a role of its own, and does no work on data quality
        ("partner", "officer", "investigation", "role_sees_no_records"),
        ("force", "partner_caller", "investigation", "role_sees_no_records"),
        ("partner", "partner_caller", "data_quality", "data_quality_needs_its_roles"),
        # every bar that applies is told
        ("oversight", "auditor", "curiosity", "not_a_force purpose_unknown role_sees_no_records"),
    ],
)
@pytest.mark.parametrize("owner", ["kent", "essex"])
def test_who_sees_nothing_at_all(
    decide: Decide, kind: str, roles: str, purpose: str, reasons: str, owner: str
) -> None:
    decision = decide(
        kind=kind, roles=tuple(roles.split()), purpose=purpose, label={"owner": owner}
    )
    assert (decision.level, list(decision.reasons)) == ("none", reasons.split())


@pytest.mark.parametrize(
    ("roles", "purpose", "restricted", "level", "reason"),
    [
        ("officer", "investigation", False, "full", "own_force"),
        ("officer", "firearms_licensing", False, "full", "own_force"),
        ("supervisor", "investigation", False, "full", "own_force"),
        ("records_manager", "data_quality", False, "full", "own_force"),
        ("data_protection_officer", "data_quality", False, "full", "own_force"),
        ("officer", "investigation", True, "pointer", "own_force_restricted"),
        ("supervisor", "investigation", True, "full", "own_force"),
        ("records_manager", "data_quality", True, "full", "own_force"),
        ("data_protection_officer", "investigation", True, "full", "own_force"),
        ("officer supervisor", "investigation", True, "full", "own_force"),
        ("force_administrator officer", "investigation", False, "full", "own_force"),
    ],
)
def test_own_force(
    decide: Decide, roles: str, purpose: str, restricted: bool, level: str, reason: str
) -> None:
    label = {"owner": "kent", "restricted": restricted, "marking": "OFFICIAL-SENSITIVE"}
    decision = decide(roles=tuple(roles.split()), purpose=purpose, label=label)
    assert (decision.level, decision.reasons) == (level, (reason,))
    assert len(decision.groups) == (7 if level == "full" else 0)
    assert (decision.agreement, decision.clause) == ("", "own_force")


def test_data_quality_doesnt_cross(decide: Decide) -> None:
    decision = decide(roles=("records_manager",), purpose="data_quality")
    assert (decision.level, decision.reasons) == ("none", ("data_quality_is_for_own_records",))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        # 7: standing; the day asked about is 24 November 2026
        ({"status": "draft"}, "agreement_not_in_force"),
        ({"status": "out_for_signature"}, "agreement_not_in_force"),
        ({"status": "expired"}, "agreement_not_in_force"),
        ({"status": "terminated"}, "agreement_not_in_force"),
        ({"status": "superseded"}, "agreement_not_in_force"),
        ({"status": "suspended"}, "agreement_suspended"),
        ({"signatories": ESSEX_ONLY}, "agreement_unsigned"),
        ({"signatories": UNTIL_TOMORROW}, "agreement_unsigned"),
        ({"signatories": []}, "agreement_unsigned"),
        ({"valid_from": "2026-11-25"}, "agreement_not_yet_valid"),
        ({"valid_to": "2026-11-23"}, "agreement_expired"),
        ({"review_due": "2026-11-23"}, "agreement_review_overdue"),
        ({"dpia_expires": "2026-11-23"}, "agreement_assessment_expired"),
        # 8: purpose
        ({"purposes": {"custody": {"level": "full"}}}, "purpose_not_in_agreement"),
        # 9 and 10: what it covers
        ({"record_classes": ["case"]}, "record_class_not_in_agreement"),
        ({"subject_categories": ["victim"]}, "category_not_in_agreement"),
    ],
    ids=str,
)
def test_agreement_that_doesnt_apply(decide: Decide, changes: dict[str, Any], reason: str) -> None:
    decision = decide(agreement=changes)
    assert (decision.level, decision.reasons) == ("none", (reason,))


@pytest.mark.parametrize(
    "changes",
    [
        {"valid_from": "2026-11-24"},
        {"valid_to": "2026-11-24"},
        {"review_due": "2026-11-24"},
        {"dpia_expires": "2026-11-24"},
    ],
    ids=str,
)
def test_the_first_and_the_last_day_count(decide: Decide, changes: dict[str, Any]) -> None:
    assert decide(agreement=changes).level == "full"


@pytest.mark.parametrize(
    ("tenant", "owner"),
    [
        ("suffolk", "essex"),
        ("kent", "suffolk"),
        ("essex", "kent"),  # an agreement has a direction
        ("shelter", "essex"),  # a partner isn't a recipient
        ("kent", "shelter"),  # nor an owner
    ],
)
def test_without_an_agreement_nothing_crosses(decide: Decide, tenant: str, owner: str) -> None:
    decision = decide(tenant=tenant, label={"owner": owner})
    assert (decision.level, decision.reasons) == ("none", ("no_agreement",))


@pytest.mark.parametrize(
    ("label", "agreement", "level", "reasons"),
    [
        # 9: every category must be covered; none counts as other
        ({"categories": ["suspect", "victim"]}, {}, "none", "category_not_in_agreement"),
        ({"categories": ["suspect", "other"]}, {}, "full", "agreement_allows"),
        ({"categories": []}, {}, "full", "agreement_allows"),
        (
            {"categories": []},
            {"subject_categories": ["suspect"]},
            "none",
            "category_not_in_agreement",
        ),
        # 10: marking
        ({"marking": "OFFICIAL-SENSITIVE"}, {}, "none", "marking_above_ceiling"),
        (
            {"marking": "OFFICIAL-SENSITIVE"},
            {"marking_ceiling": "OFFICIAL-SENSITIVE"},
            "full",
            "agreement_allows",
        ),
        # 11: handling code
        ({"handling": "C"}, {}, "pointer", "agreement_allows handling_above_ceiling"),
        ({"handling": "C"}, {"handling_ceiling": "C"}, "full", "agreement_allows"),
        ({}, {"handling_ceiling": "C"}, "full", "agreement_allows"),
        # 12: restricted
        ({"restricted": True}, {}, "pointer", "agreement_allows restricted_record"),
        ({"restricted": True}, {"restricted_level": "none"}, "none", "restricted_record"),
        ({}, {"restricted_level": "none"}, "full", "agreement_allows"),
        # 13: sensitive processing
        ({"sensitive": True}, {}, "pointer", "agreement_allows sensitive_processing_not_covered"),
        ({"sensitive": True}, {"sensitive_processing": True}, "full", "agreement_allows"),
        # 14: consult the originator
        ({"conditions": ["S2"]}, {}, "pointer", "agreement_allows consult_originator_first"),
        # 4: labels that aren't known
        ({"marking": "SECRET"}, {}, "none", "label_unknown"),
        ({"handling": "X"}, {}, "none", "label_unknown"),
        ({"record_class": "gossip"}, {}, "none", "label_unknown"),
        ({"conditions": ["S9"]}, {}, "none", "label_unknown"),
        ({"restricted": "no"}, {}, "none", "label_unknown"),
        ({"sensitive": "no"}, {}, "none", "label_unknown"),
        # a group that the rules don't know isn't shown
        ({}, {"purposes": UNKNOWN_GROUP}, "full", "agreement_allows"),
        # 15: a cap lowers and never raises
        (
            {"restricted": True},
            {"purposes": SUMMARY},
            "pointer",
            "agreement_allows restricted_record",
        ),
        ({}, {"purposes": SUMMARY}, "summary", "agreement_allows"),
    ],
    ids=str,
)
def test_label_under_an_agreement(
    decide: Decide,
    label: dict[str, Any],
    agreement: dict[str, Any],
    level: str,
    reasons: str,
) -> None:
    decision = decide(label=label, agreement=agreement)
    assert (decision.level, list(decision.reasons)) == (level, reasons.split())
    groups = ["addresses", "contacts"] if level == "full" else []
    assert [group.value for group in decision.groups] == groups
    assert len(decision.withheld) == 7 - len(groups)


@pytest.mark.parametrize(
    ("handling", "first", "second", "chosen"),
    [
        ("P", {}, {"purposes": WIDER}, "second"),  # more groups
        ("P", {"purposes": WIDER}, {}, "first"),
        ("P", {"purposes": SUMMARY}, {}, "second"),  # a higher level
        ("P", {"purposes": POINTER}, {"purposes": SUMMARY}, "second"),
        ("P", {"status": "suspended"}, {"purposes": SUMMARY}, "second"),  # the only one in force
        ("C", {"purposes": WIDER}, {"handling_ceiling": "C"}, "second"),  # higher once capped
        ("P", {}, {}, "first"),  # the lower reference
        ("P", {}, {"reference": "ATH-ISA-900"}, "second"),
    ],
)
def test_one_agreement_is_used(
    decide: Decide, handling: str, first: dict[str, Any], second: dict[str, Any], chosen: str
) -> None:
    other = {"id": SECOND, "reference": "ATH-ISA-902", **second}
    decision = decide(label={"handling": handling}, agreement=first, others=(other,))
    assert ("second" if decision.agreement == SECOND else "first") == chosen
    assert decision.clause == "purposes.investigation"


def test_all_agreements_say_why_they_dont_apply(decide: Decide) -> None:
    others = (
        {"id": SECOND, "status": "suspended", "record_classes": ["case"]},
        {"id": SECOND, "parties": [{"tenant": "essex", "role": "owner"}], "status": "draft"},
    )
    decision = decide(agreement={"review_due": "2026-01-01"}, others=others)
    assert decision.reasons == (
        "agreement_review_overdue",
        "agreement_suspended",
        "record_class_not_in_agreement",
    )


@pytest.mark.parametrize(
    ("owner", "conditions", "onward", "obligations"),
    [
        ("essex", [], True, ""),
        ("essex", [], False, "no_onward_sharing"),
        ("essex", ["A1"], True, "covert_development_only"),
        ("essex", ["A2", "S1"], True, "covert_use_only sanitise_under_delegated_authority"),
        ("essex", ["A3"], False, "no_onward_sharing overt_use_permitted"),
        ("essex", ["S2"], True, "consult_originator"),
        ("kent", ["A1", "S2"], False, "consult_originator covert_development_only"),
        ("kent", [], False, ""),
    ],
)
def test_obligations(
    decide: Decide, owner: str, conditions: list[str], onward: bool, obligations: str
) -> None:
    decision = decide(
        label={"owner": owner, "conditions": conditions}, agreement={"onward_sharing": onward}
    )
    assert list(decision.obligations) == obligations.split()
