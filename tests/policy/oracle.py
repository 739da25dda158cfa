"""The rules of docs/policy.md once more, in plain Python, written from that document alone.

It shares nothing with the policy, so that a fault would have to be made twice to go unnoticed.
Each rule is a function named and numbered as the document numbers it. A rule states what must hold
and returns the codes of what doesn't: what is missing, or isn't of the kind that it has to be,
never holds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from policy.reading import Part, day, in_order, is_list_of_texts, part, parts, texts, value, within

GROUPS = frozenset(
    {
        "addresses",
        "assessments",
        "contacts",
        "descriptions",
        "identifiers",
        "involvements",
        "markers",
    }
)
LEVELS = ("none", "pointer", "summary", "full")
MARKINGS = ("OFFICIAL", "OFFICIAL-SENSITIVE")
HANDLING_CODES = ("P", "C")
CLASSES = frozenset({"nominal", "investigation", "intelligence", "custody", "case"})
TRUSTED_ROLES = frozenset({"supervisor", "records_manager", "data_protection_officer"})
RECORD_ROLES = TRUSTED_ROLES | {"officer"}
EMERGENCY_ROLES = frozenset({"supervisor", "emergency_access"})
CONDITIONS = {
    "A1": "covert_development_only",
    "A2": "covert_use_only",
    "A3": "overt_use_permitted",
    "S1": "sanitise_under_delegated_authority",
    "S2": "consult_originator",
}
AGREED_OBLIGATIONS = frozenset({"extra_justification", "notify_owner", "watermark"})


def decide(question: Part) -> list[dict[str, Any]]:
    """Return what the document says of every label of a question, in that order."""
    return [_decide(question, label) for label in question["labels"]]


@dataclass(frozen=True)
class Outcome:
    """What is shown, under which agreement (none for one's own records), and why."""

    level: str
    reasons: frozenset[str]
    groups: frozenset[str] = frozenset()
    agreement: str = ""
    reference: str = ""
    onward_sharing: bool = True
    obligations: frozenset[str] = frozenset()
    """What the agreement obliges its recipients to for the purpose."""


def _decide(question: Part, label: Part) -> dict[str, Any]:
    refused = (
        rule_1_a_force_that_isnt_suspended(question)
        | rule_2_a_role_that_sees_records(question)
        | rule_3_a_purpose_of_the_list(question)
        | rule_4_a_role_for_data_quality(question)
        or rule_4_a_label_that_is_known(label)
        or rule_4_a_marking_the_member_is_cleared_for(question, label)
        or rule_4_data_quality_of_own_records(question, label)
    )
    own = _is_own(question, label)
    if refused:
        outcome = Outcome("none", refused)
    elif own:
        outcome = rules_5_6_and_17_own_records(question, label)
    else:
        outcome = rules_15_and_16_across_forces(question, label)
    outcome = rule_19_break_glass(question, label, outcome)
    return {
        "label": label["id"],
        "level": outcome.level,
        "groups": sorted(outcome.groups),
        "agreement": outcome.agreement,
        "reasons": sorted(outcome.reasons),
        "obligations": sorted(obligations(label, outcome, own=own)),
        "withheld": sorted(GROUPS - outcome.groups),
    }


def rule_1_a_force_that_isnt_suspended(question: Part) -> frozenset[str]:
    """A requester that is neither a force nor a partner, or is suspended, sees nothing."""
    requester = part(question, "requester")
    tenant = value(requester, "tenant")
    return _codes(
        not_a_force=value(requester, "kind") in ("force", "partner"),
        requester_suspended=tenant in texts(question, "active"),
    )


def rule_2_a_role_that_sees_records(question: Part) -> frozenset[str]:
    """A requester without a role that sees records sees nothing; a partner's is its own."""
    seeing = frozenset({"partner_caller"}) if rule_20_is_partner(question) else RECORD_ROLES
    return _codes(role_sees_no_records=bool(_roles(question) & seeing))


def rule_3_a_purpose_of_the_list(question: Part) -> frozenset[str]:
    """A purpose that isn't in the list that comes with the question gets nothing."""
    return _codes(purpose_unknown=_purpose(question) in texts(question, "purposes"))


def rule_4_a_role_for_data_quality(question: Part) -> frozenset[str]:
    """Data quality is for some roles only."""
    other = _purpose(question) != "data_quality"
    return _codes(data_quality_needs_its_roles=other or bool(_roles(question) & TRUSTED_ROLES))


def rule_4_data_quality_of_own_records(question: Part, label: Part) -> frozenset[str]:
    """Data quality is for the own force's records only."""
    other = _purpose(question) != "data_quality"
    return _codes(data_quality_is_for_own_records=other or _is_own(question, label))


def rule_4_a_label_that_is_known(label: Part) -> frozenset[str]:
    """A label that lacks a part or has a value that isn't known shows nothing."""
    whole = (
        value(label, "owner") is not None
        and value(label, "record_class") in CLASSES
        and value(label, "marking") in MARKINGS
        and value(label, "handling") in HANDLING_CODES
        and is_list_of_texts(label.get("conditions"))
        and texts(label, "conditions") <= CONDITIONS.keys()
        and isinstance(label.get("categories"), list)
        and isinstance(label.get("sensitive"), bool)
        and isinstance(label.get("restricted"), bool)
        and isinstance(label.get("sealed"), bool)
    )
    return _codes(label_unknown=whole)


def rule_4_a_marking_the_member_is_cleared_for(question: Part, label: Part) -> frozenset[str]:
    """A marking above what the member is cleared for shows nothing, not even in the own force."""
    clearance = value(part(question, "requester"), "clearance")
    marking = value(label, "marking")
    return _codes(marking_above_clearance=within(marking, clearance, MARKINGS))


def rules_5_6_and_17_own_records(question: Part, label: Part) -> Outcome:
    """A force's own records are full; a restricted one is a pointer for officers.

    One restricted to named members or teams is full for them and a pointer for everybody else.
    """
    if _is_true(label, "listed"):
        if _is_true(label, "named"):
            reasons = frozenset({"own_force", "named_in_restriction"})
            return Outcome("full", reasons, groups=GROUPS)
        return Outcome("pointer", frozenset({"restricted_to_others"}))
    if label["restricted"] and not _roles(question) & TRUSTED_ROLES:
        return Outcome("pointer", frozenset({"own_force_restricted"}))
    return Outcome("full", frozenset({"own_force"}), groups=GROUPS)


def rule_7_an_agreement_that_counts(question: Part, agreement: Part) -> frozenset[str]:
    """An agreement counts only if it is in force, signed, and none of its days has passed."""
    today = day(question.get("today"))
    status = agreement.get("status")
    signed = {
        value(signatory, "tenant")
        for signatory in parts(agreement, "signatories")
        if in_order(day(signatory.get("signed_on")), today)
    }
    parties = {value(party, "tenant") for party in parts(agreement, "parties")}
    return _codes(
        agreement_not_in_force=status in ("in_force", "suspended"),
        agreement_suspended="status" in agreement and status != "suspended",
        agreement_unsigned=None not in parties and parties <= signed,
        agreement_not_yet_valid=in_order(day(agreement.get("valid_from")), today),
        agreement_expired=in_order(today, day(agreement.get("valid_to"))),
        agreement_review_overdue=in_order(today, day(agreement.get("review_due"))),
        agreement_assessment_expired=in_order(today, day(agreement.get("dpia_expires"))),
    )


def rule_8_the_owner_isnt_suspended(question: Part, label: Part) -> frozenset[str]:
    """A suspended owner shares nothing."""
    return _codes(owner_suspended=label["owner"] in texts(question, "active"))


def rule_8_shares(question: Part, label: Part, agreement: Part) -> bool:
    """Tell whether the owner shares with the requester by an agreement, in force or not."""
    parties = {
        (value(party, "tenant"), value(party, "role")) for party in parts(agreement, "parties")
    }
    requester = value(part(question, "requester"), "tenant")
    role = "partner" if rule_20_is_partner(question) else "recipient"
    named = bool(value(agreement, "id") and value(agreement, "reference"))
    return named and {(label["owner"], "owner"), (requester, role)} <= parties


def rule_8_the_purpose_is_named(question: Part, agreement: Part) -> frozenset[str]:
    """The agreement must allow something for the purpose."""
    terms = _terms(question, agreement)
    level = value(terms, "level")
    allowed = level in LEVELS and level != "none"
    return _codes(purpose_not_in_agreement=allowed and _obliges_to_what_is_known(terms))


def _obliges_to_what_is_known(terms: Part) -> bool:
    """Tell whether the terms name no obligation but those that an agreement may name."""
    obliged = terms.get("obligations", [])
    return is_list_of_texts(obliged) and AGREED_OBLIGATIONS.issuperset(obliged)


def rule_9_class_and_every_category(label: Part, agreement: Part) -> frozenset[str]:
    """The agreement must cover the class and every category; without a category it's "other"."""
    categories = label["categories"] or ["other"]
    covered = texts(agreement, "subject_categories")
    return _codes(
        record_class_not_in_agreement=label["record_class"] in texts(agreement, "record_classes"),
        category_not_in_agreement=all(
            isinstance(category, str) and category in covered for category in categories
        ),
    )


def rule_10_a_marking_under_the_ceiling(label: Part, agreement: Part) -> frozenset[str]:
    """A marking above the agreement's ceiling shows nothing under it."""
    ceiling = value(agreement, "marking_ceiling")
    return _codes(marking_above_ceiling=within(label["marking"], ceiling, MARKINGS))


def rule_11_a_handling_code_under_the_ceiling(label: Part, agreement: Part) -> frozenset[str]:
    """A handling code above the agreement's ceiling shows a pointer."""
    ceiling = value(agreement, "handling_ceiling")
    return _codes(handling_above_ceiling=within(label["handling"], ceiling, HANDLING_CODES))


def rule_12_not_restricted(label: Part) -> frozenset[str]:
    """A restricted record shows a pointer, or nothing; rule 18 lifts that for who is named."""
    return _codes(restricted_record=not label["restricted"] or rule_18_is_named(label))


def rule_12_or_nothing(label: Part, agreement: Part) -> frozenset[str]:
    """A restricted record shows nothing unless the agreement says that it shows a pointer."""
    pointer = value(agreement, "restricted_level") == "pointer"
    return rule_12_not_restricted(label) if not pointer else frozenset()


def rule_13_sensitive_processing_is_covered(label: Part, agreement: Part) -> frozenset[str]:
    """Sensitive processing that the agreement doesn't cover shows a pointer."""
    covered = agreement.get("sensitive_processing") is True
    return _codes(sensitive_processing_not_covered=covered or not label["sensitive"])


def rule_14_no_originator_to_consult(label: Part) -> frozenset[str]:
    """A record under condition S2 shows a pointer."""
    return _codes(consult_originator_first="S2" not in label["conditions"])


def rule_18_is_named(label: Part) -> bool:
    """Tell whether the record is restricted to members and teams of whom this member is one."""
    return _is_true(label, "listed") and _is_true(label, "named")


def rule_19_break_glass(question: Part, label: Part, outcome: Outcome) -> Outcome:
    """A pointer or a summary is full in an emergency, unless the owner has sealed the record."""
    opened = _is_true(label, "emergency") and bool(_roles(question) & EMERGENCY_ROLES)
    opened = opened and not rule_20_is_partner(question)
    if not opened or outcome.level not in ("pointer", "summary") or label["sealed"]:
        return outcome
    reasons = outcome.reasons | {"emergency_access"}
    return replace(outcome, level="full", groups=GROUPS, reasons=reasons)


def rule_20_is_partner(question: Part) -> bool:
    """Tell whether a partner organisation asks."""
    return value(part(question, "requester"), "kind") == "partner"


def under(question: Part, label: Part, agreement: Part) -> Outcome:
    """Return what one agreement shows by the rules 7 to 14, and why."""
    refused = (
        rule_7_an_agreement_that_counts(question, agreement)
        | rule_8_the_purpose_is_named(question, agreement)
        | rule_9_class_and_every_category(label, agreement)
        | rule_10_a_marking_under_the_ceiling(label, agreement)
        | rule_12_or_nothing(label, agreement)
    )
    if refused:
        return Outcome("none", refused)
    terms = _terms(question, agreement)
    level = value(terms, "level")
    lowering = (
        rule_11_a_handling_code_under_the_ceiling(label, agreement)
        | rule_12_not_restricted(label)
        | rule_13_sensitive_processing_is_covered(label, agreement)
        | rule_14_no_originator_to_consult(label)
    )
    if lowering:
        level = "pointer"
    lifted = frozenset(
        {"named_in_restriction"} if label["restricted"] and rule_18_is_named(label) else ()
    )
    return Outcome(
        level or "none",
        lowering | lifted | {"agreement_allows"},
        groups=GROUPS & texts(terms, "groups") if level == "full" else frozenset(),
        agreement=value(agreement, "id") or "",
        reference=value(agreement, "reference") or "",
        onward_sharing=agreement.get("onward_sharing") is True,
        obligations=texts(terms, "obligations"),
    )


def rules_15_and_16_across_forces(question: Part, label: Part) -> Outcome:
    """Use the agreement that shows most, alone; where none shows anything, give every reason."""
    suspended = rule_8_the_owner_isnt_suspended(question, label)
    if suspended:
        return Outcome("none", suspended)
    outcomes = [
        under(question, label, agreement)
        for agreement in parts(question, "agreements")
        if rule_8_shares(question, label, agreement)
    ]
    showing = [outcome for outcome in outcomes if outcome.level != "none"]
    if showing:
        return min(
            showing,
            key=lambda outcome: (
                -LEVELS.index(outcome.level),
                -len(outcome.groups),
                outcome.reference,
                outcome.agreement,
            ),
        )
    if not outcomes:
        return Outcome("none", frozenset({"no_agreement"}))
    return Outcome("none", frozenset().union(*(outcome.reasons for outcome in outcomes)))


def obligations(label: Part, outcome: Outcome, *, own: bool) -> set[str]:
    """Return what whoever sees the record is obliged to, as "Obligations" in the document says."""
    if outcome.level == "none" or (own and outcome.level != "full"):
        return set()
    obliged = {CONDITIONS[condition] for condition in label["conditions"]} | outcome.obligations
    return obliged if outcome.onward_sharing else obliged | {"no_onward_sharing"}


def _codes(**holds: bool) -> frozenset[str]:
    """Return the codes of what doesn't hold."""
    return frozenset(code for code, held in holds.items() if not held)


def _is_own(question: Part, label: Part) -> bool:
    requester = value(part(question, "requester"), "tenant")
    own = requester is not None and requester == value(label, "owner")
    return own and not rule_20_is_partner(question)


def _is_true(label: Part, name: str) -> bool:
    return label.get(name) is True


def _roles(question: Part) -> frozenset[str]:
    return texts(part(question, "requester"), "roles")


def _purpose(question: Part) -> str | None:
    return value(question, "purpose")


def _terms(question: Part, agreement: Part) -> Part:
    return part(part(agreement, "purposes"), _purpose(question) or "")
