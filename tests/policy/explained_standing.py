"""Cases of agreements that stand or don't, and of who is in them (rules 7 and 8)."""

from __future__ import annotations

from typing import Any

from policy.explained_case import ESSEX, KENT, SHELTER, Case, parties


def standing(name: str, reasons: str, helps: str, **agreement: Any) -> Case:
    """Return a case of rule 7: an agreement that doesn't stand."""
    return Case(name, "none", 7, reasons, helps, agreement=agreement)


STANDING = [
    standing("a draft", "agreement_not_in_force", "put_in_force full", status="draft"),
    standing(
        "out for signature",
        "agreement_not_in_force",
        "put_in_force full",
        status="out_for_signature",
    ),
    standing("ended", "agreement_not_in_force", "put_in_force full", status="expired"),
    standing("terminated", "agreement_not_in_force", "put_in_force full", status="terminated"),
    standing("superseded", "agreement_not_in_force", "put_in_force full", status="superseded"),
    standing("suspended", "agreement_suspended", "put_in_force full", status="suspended"),
    standing(
        "the recipient hasn't signed",
        "agreement_unsigned",
        "sign full",
        signatories=[ESSEX, SHELTER],
    ),
    standing(
        "the owner hasn't signed", "agreement_unsigned", "sign full", signatories=[KENT, SHELTER]
    ),
    standing(
        "the partner hasn't signed", "agreement_unsigned", "sign full", signatories=[ESSEX, KENT]
    ),
    standing("nobody has signed", "agreement_unsigned", "sign full", signatories=[]),
    standing(
        "the recipient signs tomorrow",
        "agreement_unsigned",
        "sign full",
        signatories=[ESSEX, SHELTER, {**KENT, "signed_on": "2026-11-25"}],
    ),
    standing(
        "it begins tomorrow", "agreement_not_yet_valid", "begin full", valid_from="2026-11-25"
    ),
    standing("it expired yesterday", "agreement_expired", "extend full", valid_to="2026-11-23"),
    standing("it says no last day", "agreement_expired", "extend full", valid_to=""),
    standing(
        "its review was due yesterday",
        "agreement_review_overdue",
        "review full",
        review_due="2026-11-23",
    ),
    standing(
        "its assessment expired yesterday",
        "agreement_assessment_expired",
        "renew_assessment full",
        dpia_expires="2026-11-23",
    ),
    standing(
        "a draft that has expired",
        "agreement_expired agreement_not_in_force",
        "",
        status="draft",
        valid_to="2026-11-23",
    ),
    standing(
        "unsigned and expired",
        "agreement_expired agreement_unsigned",
        "",
        signatories=[],
        valid_to="2026-11-23",
    ),
    standing(
        "suspended, and its review is overdue",
        "agreement_review_overdue agreement_suspended",
        "",
        status="suspended",
        review_due="2026-11-23",
    ),
    Case(
        "it ends today",
        "full",
        15,
        "agreement_allows",
        "add_groups full",
        agreement={"valid_to": "2026-11-24"},
    ),
    Case(
        "it begins today",
        "full",
        15,
        "agreement_allows",
        "add_groups full",
        agreement={"valid_from": "2026-11-24"},
    ),
    Case(
        "its review is due today",
        "full",
        15,
        "agreement_allows",
        "add_groups full",
        agreement={"review_due": "2026-11-24"},
    ),
    Case(
        "its assessment expires today",
        "full",
        15,
        "agreement_allows",
        "add_groups full",
        agreement={"dpia_expires": "2026-11-24"},
    ),
    Case(
        "a draft for custody",
        "none",
        7,
        "agreement_not_in_force",
        "put_in_force summary",
        ask={"purpose": "custody"},
        agreement={"status": "draft"},
    ),
    Case(
        "expired, for a missing person",
        "none",
        7,
        "agreement_expired",
        "extend pointer",
        ask={"purpose": "missing_person"},
        agreement={"valid_to": "2026-11-23"},
    ),
]

PARTIES_AND_PURPOSE = [
    Case("there is no agreement", "none", 8, "no_agreement", "make_agreement full", agreement=None),
    Case(
        "the owner isn't in the agreement",
        "none",
        8,
        "no_agreement",
        "make_agreement full",
        label={"owner": "suffolk"},
    ),
    Case(
        "the requester is a partner only",
        "none",
        8,
        "no_agreement",
        "make_agreement full",
        agreement=parties(owner="essex", partner="kent", recipient="suffolk"),
    ),
    Case(
        "the agreement runs the other way",
        "none",
        8,
        "no_agreement",
        "make_agreement full",
        agreement=parties(owner="kent", recipient="essex"),
    ),
    Case(
        "the agreement is with another force",
        "none",
        8,
        "no_agreement",
        "make_agreement full",
        agreement=parties(owner="essex", recipient="suffolk"),
    ),
    Case(
        "no agreement, and restricted",
        "none",
        8,
        "no_agreement",
        "make_agreement pointer",
        label={"restricted": True},
        agreement=None,
    ),
    Case(
        "the purpose isn't in it",
        "none",
        8,
        "purpose_not_in_agreement",
        "allow_purpose full",
        ask={"purpose": "safeguarding"},
    ),
    Case(
        "another purpose is in it",
        "none",
        8,
        "purpose_not_in_agreement",
        "other_purpose:investigation full",
        ask={"purpose": "intelligence"},
    ),
    Case(
        "another purpose is in it at a summary",
        "none",
        8,
        "purpose_not_in_agreement",
        "other_purpose:custody summary",
        ask={"purpose": "firearms_licensing"},
    ),
    Case(
        "the purpose is in it at no level",
        "none",
        8,
        "purpose_not_in_agreement",
        "add_groups full",
        agreement={"purposes": {"investigation": {"level": "none"}}},
    ),
    Case(
        "the owner is suspended",
        "none",
        8,
        "owner_suspended",
        "reinstate_owner full",
        ask={"active": ["kent"]},
    ),
    Case(
        "the owner is suspended, and the record restricted",
        "none",
        8,
        "owner_suspended",
        "reinstate_owner pointer",
        ask={"active": ["kent"]},
        label={"restricted": True},
    ),
    Case(
        "the owner is suspended, and there is no agreement",
        "none",
        8,
        "owner_suspended",
        ask={"active": ["kent"]},
        agreement=None,
    ),
    Case(
        "a draft that doesn't name the purpose",
        "none",
        7,
        "agreement_not_in_force purpose_not_in_agreement",
        ask={"purpose": "safeguarding"},
        agreement={"status": "draft"},
    ),
]
