"""The rules of docs/policy.md once more, in plain Python, written from that document alone.

It shares nothing with the policy, so that a fault would have to be made twice to go unnoticed.
Each rule is a function named and numbered as the document numbers it. A rule states what must hold
and returns the codes of what doesn't: what is missing, or isn't of the kind that it has to be,
never holds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

Part = Mapping[str, Any]
"""A question, or a part of one, as it is before anybody has looked whether it is whole."""

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
CONDITIONS = {
    "A1": "covert_development_only",
    "A2": "covert_use_only",
    "A3": "overt_use_permitted",
    "S1": "sanitise_under_delegated_authority",
    "S2": "consult_originator",
}


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
        outcome = rules_5_and_6_own_records(question, label)
    else:
        outcome = rules_15_and_16_across_forces(question, label)
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
    """A requester that isn't a force, or whose force is suspended, sees nothing."""
    requester = _part(question, "requester")
    tenant = _value(requester, "tenant")
    return _codes(
        not_a_force=_value(requester, "kind") == "force",
        requester_suspended=tenant in _texts(question, "active"),
    )


def rule_2_a_role_that_sees_records(question: Part) -> frozenset[str]:
    """A requester without a role that sees records sees nothing."""
    return _codes(role_sees_no_records=bool(_roles(question) & RECORD_ROLES))


def rule_3_a_purpose_of_the_list(question: Part) -> frozenset[str]:
    """A purpose that isn't in the list that comes with the question gets nothing."""
    return _codes(purpose_unknown=_purpose(question) in _texts(question, "purposes"))


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
        _value(label, "owner") is not None
        and _value(label, "record_class") in CLASSES
        and _value(label, "marking") in MARKINGS
        and _value(label, "handling") in HANDLING_CODES
        and _is_list_of_texts(label.get("conditions"))
        and _texts(label, "conditions") <= CONDITIONS.keys()
        and isinstance(label.get("categories"), list)
        and isinstance(label.get("sensitive"), bool)
        and isinstance(label.get("restricted"), bool)
    )
    return _codes(label_unknown=whole)


def rule_4_a_marking_the_member_is_cleared_for(question: Part, label: Part) -> frozenset[str]:
    """A marking above what the member is cleared for shows nothing, not even in the own force."""
    clearance = _value(_part(question, "requester"), "clearance")
    marking = _value(label, "marking")
    return _codes(marking_above_clearance=_within(marking, clearance, MARKINGS))


def rules_5_and_6_own_records(question: Part, label: Part) -> Outcome:
    """A force's own records are full; a restricted one is a pointer for officers."""
    if label["restricted"] and not _roles(question) & TRUSTED_ROLES:
        return Outcome("pointer", frozenset({"own_force_restricted"}))
    return Outcome("full", frozenset({"own_force"}), groups=GROUPS)


def rule_7_an_agreement_that_counts(question: Part, agreement: Part) -> frozenset[str]:
    """An agreement counts only if it is in force, signed, and none of its days has passed."""
    today = _day(question.get("today"))
    status = agreement.get("status")
    signed = {
        _value(signatory, "tenant")
        for signatory in _parts(agreement, "signatories")
        if _in_order(_day(signatory.get("signed_on")), today)
    }
    parties = {_value(party, "tenant") for party in _parts(agreement, "parties")}
    return _codes(
        agreement_not_in_force=status in ("in_force", "suspended"),
        agreement_suspended="status" in agreement and status != "suspended",
        agreement_unsigned=None not in parties and parties <= signed,
        agreement_not_yet_valid=_in_order(_day(agreement.get("valid_from")), today),
        agreement_expired=_in_order(today, _day(agreement.get("valid_to"))),
        agreement_review_overdue=_in_order(today, _day(agreement.get("review_due"))),
        agreement_assessment_expired=_in_order(today, _day(agreement.get("dpia_expires"))),
    )


def rule_8_the_owner_isnt_suspended(question: Part, label: Part) -> frozenset[str]:
    """A suspended owner shares nothing."""
    return _codes(owner_suspended=label["owner"] in _texts(question, "active"))


def rule_8_shares(question: Part, label: Part, agreement: Part) -> bool:
    """Tell whether the owner shares with the requester by an agreement, in force or not."""
    parties = {
        (_value(party, "tenant"), _value(party, "role")) for party in _parts(agreement, "parties")
    }
    requester = _value(_part(question, "requester"), "tenant")
    named = bool(_value(agreement, "id") and _value(agreement, "reference"))
    return named and {(label["owner"], "owner"), (requester, "recipient")} <= parties


def rule_8_the_purpose_is_named(question: Part, agreement: Part) -> frozenset[str]:
    """The agreement must allow something for the purpose."""
    level = _value(_terms(question, agreement), "level")
    return _codes(purpose_not_in_agreement=level in LEVELS and level != "none")


def rule_9_class_and_every_category(label: Part, agreement: Part) -> frozenset[str]:
    """The agreement must cover the class and every category; without a category it's "other"."""
    categories = label["categories"] or ["other"]
    covered = _texts(agreement, "subject_categories")
    return _codes(
        record_class_not_in_agreement=label["record_class"] in _texts(agreement, "record_classes"),
        category_not_in_agreement=all(
            isinstance(category, str) and category in covered for category in categories
        ),
    )


def rule_10_a_marking_under_the_ceiling(label: Part, agreement: Part) -> frozenset[str]:
    """A marking above the agreement's ceiling shows nothing under it."""
    ceiling = _value(agreement, "marking_ceiling")
    return _codes(marking_above_ceiling=_within(label["marking"], ceiling, MARKINGS))


def rule_11_a_handling_code_under_the_ceiling(label: Part, agreement: Part) -> frozenset[str]:
    """A handling code above the agreement's ceiling shows a pointer."""
    ceiling = _value(agreement, "handling_ceiling")
    return _codes(handling_above_ceiling=_within(label["handling"], ceiling, HANDLING_CODES))


def rule_12_not_restricted(label: Part) -> frozenset[str]:
    """A restricted record shows a pointer, or nothing."""
    return _codes(restricted_record=not label["restricted"])


def rule_12_or_nothing(label: Part, agreement: Part) -> frozenset[str]:
    """A restricted record shows nothing unless the agreement says that it shows a pointer."""
    pointer = _value(agreement, "restricted_level") == "pointer"
    return _codes(restricted_record=pointer or not label["restricted"])


def rule_13_sensitive_processing_is_covered(label: Part, agreement: Part) -> frozenset[str]:
    """Sensitive processing that the agreement doesn't cover shows a pointer."""
    covered = agreement.get("sensitive_processing") is True
    return _codes(sensitive_processing_not_covered=covered or not label["sensitive"])


def rule_14_no_originator_to_consult(label: Part) -> frozenset[str]:
    """A record under condition S2 shows a pointer."""
    return _codes(consult_originator_first="S2" not in label["conditions"])


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
    level = _value(terms, "level")
    lowering = (
        rule_11_a_handling_code_under_the_ceiling(label, agreement)
        | rule_12_not_restricted(label)
        | rule_13_sensitive_processing_is_covered(label, agreement)
        | rule_14_no_originator_to_consult(label)
    )
    if lowering:
        level = "pointer"
    return Outcome(
        level or "none",
        lowering | {"agreement_allows"},
        groups=GROUPS & _texts(terms, "groups") if level == "full" else frozenset(),
        agreement=_value(agreement, "id") or "",
        reference=_value(agreement, "reference") or "",
        onward_sharing=agreement.get("onward_sharing") is True,
    )


def rules_15_and_16_across_forces(question: Part, label: Part) -> Outcome:
    """Use the agreement that shows most, alone; where none shows anything, give every reason."""
    suspended = rule_8_the_owner_isnt_suspended(question, label)
    if suspended:
        return Outcome("none", suspended)
    outcomes = [
        under(question, label, agreement)
        for agreement in _parts(question, "agreements")
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
    obliged = {CONDITIONS[condition] for condition in label["conditions"]}
    return obliged if outcome.onward_sharing else obliged | {"no_onward_sharing"}


def _codes(**holds: bool) -> frozenset[str]:
    """Return the codes of what doesn't hold."""
    return frozenset(code for code, held in holds.items() if not held)


def _is_own(question: Part, label: Part) -> bool:
    requester = _value(_part(question, "requester"), "tenant")
    return requester is not None and requester == _value(label, "owner")


def _roles(question: Part) -> frozenset[str]:
    return _texts(_part(question, "requester"), "roles")


def _purpose(question: Part) -> str | None:
    return _value(question, "purpose")


def _terms(question: Part, agreement: Part) -> Part:
    return _part(_part(agreement, "purposes"), _purpose(question) or "")


def _within(value: str | None, ceiling: str | None, order: tuple[str, ...]) -> bool:
    """Tell whether a value is at most its ceiling; neither may be unknown."""
    return ceiling in order and value in order[: order.index(ceiling) + 1]


def _in_order(earlier: date | None, later: date | None) -> bool:
    """Tell whether two days are both known and in order; the same day is."""
    return earlier is not None and later is not None and earlier <= later


def _day(value: object) -> date | None:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None


def _value(whole: Part, name: str) -> str | None:
    """Return a text, or nothing where there is none."""
    value = whole.get(name)
    return value if isinstance(value, str) else None


def _texts(whole: Part, name: str) -> frozenset[str]:
    """Return the texts of a list, or none where there is no list."""
    return frozenset(value for value in _list(whole, name) if isinstance(value, str))


def _part(whole: Part, name: str) -> Part:
    """Return a part with parts of its own, or an empty one where there is none."""
    value = whole.get(name)
    return value if isinstance(value, Mapping) else {}


def _parts(whole: Part, name: str) -> Iterator[Part]:
    """Yield what a list holds; what isn't a part with parts of its own is an empty one."""
    for value in _list(whole, name):
        yield value if isinstance(value, Mapping) else {}


def _is_list_of_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _list(whole: Part, name: str) -> Iterable[object]:
    value = whole.get(name)
    return value if isinstance(value, list) else ()
