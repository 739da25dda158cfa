"""Which numbered rule of docs/policy.md stands behind each reason of a decision."""

from __future__ import annotations

from collections.abc import Mapping

from athena.policies.decisions.documents import LabelDecision
from athena.policies.decisions.reasons import Reason

RULES: Mapping[int, str] = {
    1: "Only forces that take part see anything",
    2: "Only roles that work with records see any",
    3: "The purpose must be one of the list",
    4: "Data quality, unknown labels and clearance",
    5: "A force's own records are full",
    6: "Restricted records of one's own force",
    7: "An agreement counts only while it stands",
    8: "Owner, requester and purpose must be in the agreement",
    9: "It must cover the record class and every category of the subject",
    10: "A marking above its ceiling shows nothing",
    11: "A handling code above its ceiling shows a pointer",
    12: "A restricted record shows a pointer, or nothing",
    13: "Sensitive processing must be covered",
    14: "Condition S2: consult the originator first",
    15: "The agreement that shows most is used, alone",
    17: "A record restricted to named members or teams is theirs alone",
    19: "A record opened in an emergency is full",
}
"""The rules that give reasons, by number.

Rule 16 only says which reasons are told together, rule 18 that names count across forces too.
"""

_RULE_OF: Mapping[Reason, int] = {
    Reason.NOT_A_FORCE: 1,
    Reason.REQUESTER_SUSPENDED: 1,
    Reason.ROLE_SEES_NO_RECORDS: 2,
    Reason.PURPOSE_UNKNOWN: 3,
    Reason.DATA_QUALITY_NEEDS_ITS_ROLES: 4,
    Reason.DATA_QUALITY_IS_FOR_OWN_RECORDS: 4,
    Reason.LABEL_UNKNOWN: 4,
    Reason.MARKING_ABOVE_CLEARANCE: 4,
    Reason.OWN_FORCE: 5,
    Reason.OWN_FORCE_RESTRICTED: 6,
    Reason.AGREEMENT_ASSESSMENT_EXPIRED: 7,
    Reason.AGREEMENT_EXPIRED: 7,
    Reason.AGREEMENT_NOT_IN_FORCE: 7,
    Reason.AGREEMENT_NOT_YET_VALID: 7,
    Reason.AGREEMENT_REVIEW_OVERDUE: 7,
    Reason.AGREEMENT_SUSPENDED: 7,
    Reason.AGREEMENT_UNSIGNED: 7,
    Reason.NO_AGREEMENT: 8,
    Reason.OWNER_SUSPENDED: 8,
    Reason.PURPOSE_NOT_IN_AGREEMENT: 8,
    Reason.CATEGORY_NOT_IN_AGREEMENT: 9,
    Reason.RECORD_CLASS_NOT_IN_AGREEMENT: 9,
    Reason.MARKING_ABOVE_CEILING: 10,
    Reason.HANDLING_ABOVE_CEILING: 11,
    Reason.RESTRICTED_RECORD: 12,
    Reason.SENSITIVE_PROCESSING_NOT_COVERED: 13,
    Reason.CONSULT_ORIGINATOR_FIRST: 14,
    Reason.AGREEMENT_ALLOWS: 15,
    Reason.NAMED_IN_RESTRICTION: 17,
    Reason.RESTRICTED_TO_OTHERS: 17,
    Reason.EMERGENCY_ACCESS: 19,
}


def rule_of(reason: Reason) -> int:
    """Return the number of the rule that gives a reason."""
    return _RULE_OF[reason]


def deciding_rule(decision: LabelDecision) -> int:
    """Return the number of the first rule that decided a label.

    Where an agreement shows a record, what lowered it decided; without that, the agreement did.
    What is said of a single record goes before what is said of its label.
    """
    for single in (Reason.EMERGENCY_ACCESS, Reason.NAMED_IN_RESTRICTION):
        if single in decision.reasons:
            return rule_of(single)
    lowered = [reason for reason in decision.reasons if reason is not Reason.AGREEMENT_ALLOWS]
    return min(rule_of(reason) for reason in lowered or decision.reasons)
