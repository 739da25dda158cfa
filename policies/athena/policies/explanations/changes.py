"""One change at a time to a question, to ask the policy what would show more.

Nothing here knows a rule: each change is put to the engine, and those after which a label shows
strictly more are told. So an explanation can't promise what the policy wouldn't give.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from athena.platform.kernel.identity import Clearance, FieldGroup, Level, Purpose, Role

Question = Mapping[str, Any]
"""The input of a decision, as the archive keeps it."""


class ChangeKind(enum.StrEnum):
    """What could be otherwise, in the order in which it is told."""

    SIGN = "sign"
    PUT_IN_FORCE = "put_in_force"
    BEGIN = "begin"
    EXTEND = "extend"
    REVIEW = "review"
    RENEW_ASSESSMENT = "renew_assessment"
    ALLOW_PURPOSE = "allow_purpose"
    ADD_GROUPS = "add_groups"
    COVER_RECORD_CLASS = "cover_record_class"
    COVER_CATEGORIES = "cover_categories"
    RAISE_MARKING_CEILING = "raise_marking_ceiling"
    RAISE_HANDLING_CEILING = "raise_handling_ceiling"
    COVER_SENSITIVE = "cover_sensitive"
    POINT_AT_RESTRICTED = "point_at_restricted"
    MAKE_AGREEMENT = "make_agreement"
    LIFT_LOCK = "lift_lock"
    LIFT_RESTRICTION = "lift_restriction"
    NAME_MEMBER = "name_member"
    CONSULT_ORIGINATOR = "consult_originator"
    REINSTATE_OWNER = "reinstate_owner"
    REINSTATE_REQUESTER = "reinstate_requester"
    OTHER_PURPOSE = "other_purpose"
    OTHER_ROLE = "other_role"
    RAISE_CLEARANCE = "raise_clearance"


@dataclass(frozen=True, slots=True)
class Change:
    """One change, in words, and the question as it would then be."""

    kind: ChangeKind
    says: str
    question: Question = field(repr=False)
    agreement: str = ""
    """The id of the agreement that would have to change, where one would."""
    value: str = ""
    """The purpose, role or clearance that would be needed."""


RECORD_CLASSES = ["nominal", "investigation", "intelligence", "custody", "case"]
CATEGORIES = ["suspect", "convicted", "victim", "witness", "other"]
READING_ROLES = (
    Role.OFFICER,
    Role.SUPERVISOR,
    Role.RECORDS_MANAGER,
    Role.DATA_PROTECTION_OFFICER,
)

_FULL = {"level": Level.FULL.value, "groups": [group.value for group in FieldGroup]}
_NEW_AGREEMENT = "00000000-0000-4000-8000-000000000000"


def changes(question: Question) -> Iterator[Change]:
    """Yield every single change that a question allows, in the order of `ChangeKind`.

    A change that alters nothing isn't among them.
    """
    yield from _of_agreements(question)
    yield from _new_agreement(question)
    yield from _of_labels(question)
    yield from _of_tenants(question)
    yield from _of_the_request(question)


def signed(agreement: Mapping[str, Any], day: str) -> dict[str, Any]:
    """Return an agreement as if every party had signed it on a day."""
    parties = dict.fromkeys(party["tenant"] for party in agreement.get("parties", []))
    return {
        **agreement,
        "signatories": [
            {"tenant": party, "office": "Assumed", "signed_on": day} for party in parties
        ],
    }


def offers_to(agreement: Mapping[str, Any], tenant: str) -> list[str]:
    """Return the owners that share with a tenant by an agreement."""
    parties = agreement.get("parties", [])
    if not any(
        party.get("tenant") == tenant and party.get("role") == "recipient" for party in parties
    ):
        return []
    return [party["tenant"] for party in parties if party.get("role") == "owner"]


_Alter = Callable[[Mapping[str, Any], str, str], dict[str, Any]]
"""Makes the fields of an agreement that change, for the question's day and purpose; or none."""


def _signing(agreement: Mapping[str, Any], day: str, _: str) -> dict[str, Any]:
    have = {
        signatory["tenant"]
        for signatory in agreement.get("signatories", [])
        if signatory["signed_on"] <= day
    }
    wanted = signed(agreement, day)["signatories"]
    return {} if {item["tenant"] for item in wanted} <= have else {"signatories": wanted}


def _beginning(agreement: Mapping[str, Any], day: str, _: str) -> dict[str, Any]:
    begun = str(agreement.get("valid_from", day)) <= day and "valid_from" in agreement
    return {} if begun else {"valid_from": day}


def _moving_on(name: str) -> _Alter:
    return lambda agreement, day, _: {} if agreement.get(name, "") >= day else {name: day}


def _setting(name: str, value: Any) -> _Alter:
    return lambda agreement, *_: {} if agreement.get(name) == value else {name: value}


def _covering(name: str, values: list[str]) -> _Alter:
    return lambda agreement, *_: {} if {*values} <= {*agreement.get(name, [])} else {name: values}


def _terms(agreement: Mapping[str, Any], purpose: str) -> dict[str, Any]:
    purposes = agreement.get("purposes", {})
    return {"purposes": {**purposes, purpose: {**purposes.get(purpose, {}), **_FULL}}}


def _allowing(agreement: Mapping[str, Any], _: str, purpose: str) -> dict[str, Any]:
    return {} if purpose in agreement.get("purposes", {}) else _terms(agreement, purpose)


def _widening(agreement: Mapping[str, Any], _: str, purpose: str) -> dict[str, Any]:
    return _terms(agreement, purpose) if purpose in agreement.get("purposes", {}) else {}


_AGREEMENT_CHANGES: list[tuple[ChangeKind, str, _Alter]] = [
    (ChangeKind.SIGN, "Every party signs {0}.", _signing),
    (ChangeKind.PUT_IN_FORCE, "{0} is put in force.", _setting("status", "in_force")),
    (ChangeKind.BEGIN, "{0} begins by that day.", _beginning),
    (ChangeKind.EXTEND, "{0} is extended to that day.", _moving_on("valid_to")),
    (ChangeKind.REVIEW, "{0} is reviewed.", _moving_on("review_due")),
    (
        ChangeKind.RENEW_ASSESSMENT,
        "The data protection impact assessment of {0} is renewed.",
        _moving_on("dpia_expires"),
    ),
    (ChangeKind.ALLOW_PURPOSE, "{0} allows the purpose {1}.", _allowing),
    (ChangeKind.ADD_GROUPS, "{0} shows the purpose {1} every group.", _widening),
    (
        ChangeKind.COVER_RECORD_CLASS,
        "{0} covers the record class.",
        _covering("record_classes", RECORD_CLASSES),
    ),
    (
        ChangeKind.COVER_CATEGORIES,
        "{0} covers everything that the person is to the record.",
        _covering("subject_categories", CATEGORIES),
    ),
    (
        ChangeKind.RAISE_MARKING_CEILING,
        "{0} covers the marking OFFICIAL-SENSITIVE.",
        _setting("marking_ceiling", "OFFICIAL-SENSITIVE"),
    ),
    (
        ChangeKind.RAISE_HANDLING_CEILING,
        "{0} covers handling code C.",
        _setting("handling_ceiling", "C"),
    ),
    (
        ChangeKind.COVER_SENSITIVE,
        "{0} covers sensitive processing.",
        _setting("sensitive_processing", True),
    ),
    (
        ChangeKind.POINT_AT_RESTRICTED,
        "{0} shows restricted records as a pointer.",
        _setting("restricted_level", "pointer"),
    ),
]


def _of_agreements(question: Question) -> Iterator[Change]:
    agreements = question["agreements"]
    tenant, day, purpose = question["requester"]["tenant"], question["today"], question["purpose"]
    for kind, says, alter in _AGREEMENT_CHANGES:
        for place, agreement in enumerate(agreements):
            fields = alter(agreement, day, purpose) if offers_to(agreement, tenant) else {}
            if not fields:
                continue
            changed = [*agreements[:place], {**agreement, **fields}, *agreements[place + 1 :]]
            yield Change(
                kind,
                says.format(agreement.get("reference", "The agreement"), _words(purpose)),
                {**question, "agreements": changed},
                agreement=str(agreement.get("id", "")),
            )


def _new_agreement(question: Question) -> Iterator[Change]:
    tenant, today = question["requester"]["tenant"], question["today"]
    sharing = {
        owner for agreement in question["agreements"] for owner in offers_to(agreement, tenant)
    }
    owners = dict.fromkeys(
        label["owner"]
        for label in question["labels"]
        if isinstance(label.get("owner"), str) and label["owner"] not in {tenant, *sharing}
    )
    if not owners:
        return
    later = (date.fromisoformat(today) + timedelta(days=365)).isoformat()
    agreement = signed(
        {
            "id": _NEW_AGREEMENT,
            "reference": "A new agreement",
            "status": "in_force",
            "parties": [
                *({"tenant": owner, "role": "owner"} for owner in owners),
                {"tenant": tenant, "role": "recipient"},
            ],
            "purposes": {question["purpose"]: _FULL},
            "record_classes": RECORD_CLASSES,
            "subject_categories": CATEGORIES,
            "marking_ceiling": "OFFICIAL-SENSITIVE",
            "handling_ceiling": "C",
            "sensitive_processing": True,
            "restricted_level": "pointer",
            "onward_sharing": False,
            "valid_from": today,
            "valid_to": later,
            "review_due": later,
            "dpia_expires": later,
        },
        today,
    )
    yield Change(
        ChangeKind.MAKE_AGREEMENT,
        f"The owner makes an agreement with {tenant} that covers the record.",
        {**question, "agreements": [*question["agreements"], agreement]},
    )


def _of_labels(question: Question) -> Iterator[Change]:
    labels = question["labels"]
    if any(label.get("restricted") is True for label in labels):
        lifted = [{**label, "restricted": False, "listed": False} for label in labels]
        yield Change(
            ChangeKind.LIFT_RESTRICTION,
            "The owner lifts the restriction of the record.",
            {**question, "labels": lifted},
        )
    if any(label.get("listed") is True and label.get("named") is not True for label in labels):
        yield Change(
            ChangeKind.NAME_MEMBER,
            "The owner names the member, or a team of theirs, in the record's restriction.",
            {**question, "labels": [{**label, "named": True} for label in labels]},
        )
    if any("S2" in label.get("conditions", []) for label in labels):
        consulted = [
            {**label, "conditions": [c for c in label.get("conditions", []) if c != "S2"]}
            for label in labels
        ]
        yield Change(
            ChangeKind.CONSULT_ORIGINATOR,
            "The originator is consulted and takes condition S2 off the record.",
            {**question, "labels": consulted},
        )


def _of_tenants(question: Question) -> Iterator[Change]:
    active, tenant = list(question["active"]), question["requester"]["tenant"]
    owners = {label.get("owner") for label in question["labels"]} - {*active, tenant, None}
    if owners:
        yield Change(
            ChangeKind.REINSTATE_OWNER,
            "The owner force takes part in the consortium again.",
            {**question, "active": [*active, *sorted(owners)]},
        )
    if tenant not in active:
        yield Change(
            ChangeKind.REINSTATE_REQUESTER,
            "The requester's force takes part in the consortium again.",
            {**question, "active": [*active, tenant]},
        )


def _of_the_request(question: Question) -> Iterator[Change]:
    requester = question["requester"]
    for purpose in Purpose:
        if purpose != question["purpose"]:
            yield Change(
                ChangeKind.OTHER_PURPOSE,
                f"The purpose is {_words(purpose)}, where that is truly why.",
                {**question, "purpose": purpose.value},
                value=purpose.value,
            )
    for role in READING_ROLES:
        if role not in requester.get("roles", []):
            roles = sorted({*requester.get("roles", []), role.value})
            yield Change(
                ChangeKind.OTHER_ROLE,
                f"The member is also a {_words(role)}.",
                {**question, "requester": {**requester, "roles": roles}},
                value=role.value,
            )
    if requester.get("clearance") != Clearance.OFFICIAL_SENSITIVE:
        cleared = {**requester, "clearance": Clearance.OFFICIAL_SENSITIVE.value}
        yield Change(
            ChangeKind.RAISE_CLEARANCE,
            "The member is cleared for OFFICIAL-SENSITIVE.",
            {**question, "requester": cleared},
            value=Clearance.OFFICIAL_SENSITIVE.value,
        )


def _words(code: str) -> str:
    return str(code).replace("_", " ")
