"""The stable codes of the policy's answers, each with the sentence that people read.

The codes are those of ``policies/rego``; docs/policy.md tells the rules behind them.
"""

from __future__ import annotations

import enum
from typing import Self


class _Code(enum.StrEnum):
    """A code and its sentence."""

    sentence: str

    def __new__(cls, code: str, sentence: str) -> Self:
        """Make the member a plain string that also carries its sentence."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.sentence = sentence
        return member


class Reason(_Code):
    """Why a label shows what it shows, in the alphabet's order."""

    AGREEMENT_ALLOWS = (
        "agreement_allows",
        "The agreement named in the decision allows this purpose to see the record.",
    )
    AGREEMENT_ASSESSMENT_EXPIRED = (
        "agreement_assessment_expired",
        "The agreement's data protection impact assessment has expired.",
    )
    AGREEMENT_EXPIRED = ("agreement_expired", "The agreement's last day of validity has passed.")
    AGREEMENT_NOT_IN_FORCE = (
        "agreement_not_in_force",
        "The agreement is a draft, is out for signature, or has ended.",
    )
    AGREEMENT_NOT_YET_VALID = (
        "agreement_not_yet_valid",
        "The agreement's first day of validity is still to come.",
    )
    AGREEMENT_REVIEW_OVERDUE = (
        "agreement_review_overdue",
        "The day by which the agreement had to be reviewed has passed.",
    )
    AGREEMENT_SUSPENDED = ("agreement_suspended", "The agreement is suspended.")
    AGREEMENT_UNSIGNED = ("agreement_unsigned", "Not every party has signed the agreement.")
    CATEGORY_NOT_IN_AGREEMENT = (
        "category_not_in_agreement",
        "The agreement doesn't cover everything the person is to the record, such as a victim.",
    )
    CONSULT_ORIGINATOR_FIRST = (
        "consult_originator_first",
        "The originator must be consulted before any of the record is shared (condition S2).",
    )
    DATA_QUALITY_IS_FOR_OWN_RECORDS = (
        "data_quality_is_for_own_records",
        "Work on data quality is done on one's own force's records only.",
    )
    DATA_QUALITY_NEEDS_ITS_ROLES = (
        "data_quality_needs_its_roles",
        "Work on data quality is for supervisors, records managers and data protection officers.",
    )
    EMERGENCY_ACCESS = (
        "emergency_access",
        "The record is open in an emergency, for a limited time; the access will be reviewed.",
    )
    HANDLING_ABOVE_CEILING = (
        "handling_above_ceiling",
        "The record's handling code has conditions (C), and the agreement only covers P.",
    )
    LABEL_UNKNOWN = (
        "label_unknown",
        "The record's label is incomplete or holds a value that the policy doesn't know.",
    )
    MARKING_ABOVE_CEILING = (
        "marking_above_ceiling",
        "The record's protective marking is above the agreement's ceiling.",
    )
    MARKING_ABOVE_CLEARANCE = (
        "marking_above_clearance",
        "The record's protective marking is above what the requester is cleared for.",
    )
    NAMED_IN_RESTRICTION = (
        "named_in_restriction",
        "The record is restricted, and the requester or a team of theirs is named for it.",
    )
    NO_AGREEMENT = (
        "no_agreement",
        "There is no agreement under which the owner shares with the requester's force.",
    )
    NOT_A_FORCE = ("not_a_force", "Only members of a force, and partners, may see records.")
    OWN_FORCE = ("own_force", "The record belongs to the requester's own force.")
    OWN_FORCE_RESTRICTED = (
        "own_force_restricted",
        "The record is restricted inside the requester's own force.",
    )
    OWNER_SUSPENDED = (
        "owner_suspended",
        "The owner force is suspended from the consortium, so it shares nothing.",
    )
    PURPOSE_NOT_IN_AGREEMENT = (
        "purpose_not_in_agreement",
        "The agreement doesn't allow anything for this purpose.",
    )
    PURPOSE_UNKNOWN = ("purpose_unknown", "The purpose isn't in the consortium's list.")
    RECORD_CLASS_NOT_IN_AGREEMENT = (
        "record_class_not_in_agreement",
        "The agreement doesn't cover this class of record.",
    )
    REQUESTER_SUSPENDED = (
        "requester_suspended",
        "The requester's force is suspended from the consortium, so it sees nothing.",
    )
    RESTRICTED_RECORD = ("restricted_record", "The owner has restricted the record.")
    RESTRICTED_TO_OTHERS = (
        "restricted_to_others",
        "The record is restricted to named members or teams, and the requester isn't among them.",
    )
    ROLE_SEES_NO_RECORDS = (
        "role_sees_no_records",
        "None of the member's roles may see records.",
    )
    SENSITIVE_PROCESSING_NOT_COVERED = (
        "sensitive_processing_not_covered",
        "The record is sensitive processing, which the agreement doesn't cover "
        "(Data Protection Act 2018, s.35(8)).",
    )


class Obligation(_Code):
    """What whoever sees a record must do or leave undone, in the alphabet's order."""

    CONSULT_ORIGINATOR = (
        "consult_originator",
        "Consult the originator before anything is done with the record (S2).",
    )
    COVERT_DEVELOPMENT_ONLY = (
        "covert_development_only",
        "Use the record for covert development only (A1).",
    )
    COVERT_USE_ONLY = ("covert_use_only", "Use the record covertly only (A2).")
    EXTRA_JUSTIFICATION = (
        "extra_justification",
        "Give a justification of your own for this record before anything is done with it.",
    )
    NO_ONWARD_SHARING = (
        "no_onward_sharing",
        "Don't pass the record on to anyone who isn't a party to the agreement.",
    )
    NOTIFY_OWNER = (
        "notify_owner",
        "Tell the owner force that you have seen the record, and why.",
    )
    OVERT_USE_PERMITTED = ("overt_use_permitted", "The record may be used overtly (A3).")
    SANITISE_UNDER_DELEGATED_AUTHORITY = (
        "sanitise_under_delegated_authority",
        "Sanitise the record under delegated authority before it is passed on (S1).",
    )
    WATERMARK = (
        "watermark",
        "Mark every copy or print with your force, your account and the day.",
    )
