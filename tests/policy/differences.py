"""Every difference found between the oracle, written from docs/policy.md alone, and the policy.

Each is kept as the smallest question that shows it, with whose fault it was. Faults of the document
and of the oracle have been mended. A fault of the policy stands here with what the policy answers
until it is mended; `open_faults` tells which questions it may touch.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

Part = dict[str, Any]

Told = tuple[str, tuple[str, ...]]
"""The level and the reasons, sorted, of the one label asked about."""

NO_DECISION: Told = ("", ())
"""What stands for an evaluation that gives no valid decision, so that nobody is shown anything."""

AGREEMENT: Part = {
    "id": "3c1f0000-0000-4000-8000-000000000001",
    "reference": "ATH-ISA-901",
    "status": "in_force",
    "parties": [
        {"tenant": "essex", "role": "owner"},
        {"tenant": "kent", "role": "recipient"},
    ],
    "signatories": [
        {"tenant": "essex", "signed_on": "2026-03-16"},
        {"tenant": "kent", "signed_on": "2026-03-16"},
    ],
    "purposes": {
        "investigation": {"level": "full", "groups": ["contacts"]},
        "missing_person": {"level": "pointer", "groups": []},
    },
    "record_classes": ["nominal"],
    "subject_categories": ["suspect"],
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
LABEL: Part = {
    "id": 1,
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
REQUESTER: Part = {
    "tenant": "kent",
    "kind": "force",
    "roles": ["officer"],
    "clearance": "OFFICIAL-SENSITIVE",
}


def asked(
    *,
    requester: Part | None = None,
    label: Part | None = None,
    agreements: tuple[Part, ...] = ({},),
    **changes: object,
) -> Part:
    """Return what a Kent officer asks about a label of Essex, with changes; it would be full."""
    return {
        "requester": REQUESTER | (requester or {}),
        "active": ["essex", "kent"],
        "purpose": "investigation",
        "purposes": ["data_quality", "investigation", "missing_person"],
        "today": "2026-11-24",
        "agreements": [AGREEMENT | agreement for agreement in agreements],
        "labels": [LABEL | (label or {})],
        **changes,
    }


def without(whole: Part, name: str) -> Part:
    """Return a part without one of its own parts."""
    return {key: value for key, value in whole.items() if key != name}


@dataclass(frozen=True)
class Difference:
    """What was once answered in two ways, how it has to be answered, and whose fault it was."""

    name: str
    fault: Literal["document", "oracle", "policy"]
    question: Part
    answer: Told
    still: Told | None = None
    """What the policy answers as long as its fault isn't mended."""

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


ALLOWED: Told = ("full", ("agreement_allows",))

MENDED = (
    Difference(
        "the reasons about a question are told together and go before all others",
        "document",
        asked(
            requester={"kind": "oversight", "roles": ["auditor"], "clearance": "OFFICIAL"},
            label={"marking": "OFFICIAL-SENSITIVE", "handling": "R"},
            purpose="curiosity",
        ),
        ("none", ("not_a_force", "purpose_unknown", "role_sees_no_records")),
    ),
    Difference(
        "who may work on data quality is a reason about the question",
        "document",
        asked(label={"marking": "SECRET"}, purpose="data_quality", active=["essex"]),
        ("none", ("data_quality_needs_its_roles", "requester_suspended")),
    ),
    Difference(
        "an unknown label goes before the clearance",
        "document",
        asked(requester={"clearance": "OFFICIAL"}, label={"marking": "SECRET"}),
        ("none", ("label_unknown",)),
    ),
    Difference(
        "the clearance goes before data quality of others",
        "document",
        asked(
            requester={"clearance": "OFFICIAL", "roles": ["supervisor"]},
            label={"marking": "OFFICIAL-SENSITIVE"},
            purpose="data_quality",
        ),
        ("none", ("marking_above_clearance",)),
    ),
    Difference(
        "data quality of others goes before a suspended owner",
        "document",
        asked(requester={"roles": ["supervisor"]}, purpose="data_quality", active=["kent"]),
        ("none", ("data_quality_is_for_own_records",)),
    ),
    Difference(
        "a suspended owner goes before what its agreements say",
        "document",
        asked(agreements=({"status": "draft"},), active=["kent"]),
        ("none", ("owner_suspended",)),
    ),
    Difference(
        "a suspended owner goes before having no agreement",
        "document",
        asked(agreements=(), active=["kent"]),
        ("none", ("owner_suspended",)),
    ),
    Difference(
        "what would lower a pointer is told too",
        "document",
        asked(label={"handling": "C", "conditions": ["S2"]}, purpose="missing_person"),
        ("pointer", ("agreement_allows", "consult_originator_first", "handling_above_ceiling")),
    ),
    Difference(
        "the purposes are those that the question lists",
        "document",
        asked(purpose="curiosity", purposes=["curiosity"]),
        ("none", ("purpose_not_in_agreement",)),
    ),
    Difference(
        "of two agreements with one reference the lower id is used",
        "document",
        asked(
            agreements=(
                {"id": "3c1f0000-0000-4000-8000-000000000002", "handling_ceiling": "C"},
                {"purposes": {"investigation": {"level": "full", "groups": ["markers"]}}},
            ),
        ),
        ALLOWED,
    ),
    Difference(
        "an agreement without a status is neither in force nor free of suspension",
        "oracle",
        {**asked(), "agreements": [without(AGREEMENT, "status")]},
        ("none", ("agreement_not_in_force", "agreement_suspended")),
    ),
    Difference(
        "a category that is no text is one that no agreement covers",
        "oracle",
        asked(label={"categories": ["suspect", 0]}),
        ("none", ("category_not_in_agreement",)),
    ),
)

OPEN = (
    Difference(
        "a signature on no day",
        "policy",
        asked(
            agreements=(
                {
                    "signatories": [
                        {"tenant": "essex", "signed_on": "2026-03-16"},
                        {"tenant": "kent", "signed_on": None},
                    ]
                },
            )
        ),
        ("none", ("agreement_unsigned",)),
        still=ALLOWED,
    ),
    Difference(
        "an end that isn't written as a day",
        "policy",
        asked(agreements=({"valid_to": "31/03/2026"},)),
        ("none", ("agreement_expired",)),
        still=ALLOWED,
    ),
    Difference(
        "a beginning on no day",
        "policy",
        asked(agreements=({"valid_from": None},)),
        ("none", ("agreement_not_yet_valid",)),
        still=ALLOWED,
    ),
    Difference(
        "a review that is due some day",
        "policy",
        asked(agreements=({"review_due": "tomorrow"},)),
        ("none", ("agreement_review_overdue",)),
        still=ALLOWED,
    ),
    Difference(
        "an impact assessment that expires on no day of the calendar",
        "policy",
        asked(agreements=({"dpia_expires": "2031-02-30"},)),
        ("none", ("agreement_assessment_expired",)),
        still=ALLOWED,
    ),
    Difference(
        "an object in the place of the list of those that take part",
        "policy",
        asked(active={"one": "kent", "another": "essex"}),
        ("none", ("requester_suspended",)),
        still=ALLOWED,
    ),
    Difference(
        "a requester without a force",
        "policy",
        {**asked(), "requester": without(REQUESTER, "tenant")},
        ("none", ("requester_suspended",)),
        still=("none", ("no_agreement",)),
    ),
    Difference(
        "an agreement without an id",
        "policy",
        {**asked(), "agreements": [without(AGREEMENT, "id")]},
        ("none", ("no_agreement",)),
        still=NO_DECISION,
    ),
    Difference(
        "an agreement without a reference",
        "policy",
        {**asked(), "agreements": [without(AGREEMENT, "reference")]},
        ("none", ("no_agreement",)),
        still=NO_DECISION,
    ),
)

_AGREEMENT_DAYS = ("valid_from", "valid_to", "review_due", "dpia_expires")
_LISTS = (
    "active",
    "agreements",
    "categories",
    "conditions",
    "groups",
    "parties",
    "record_classes",
    "roles",
    "signatories",
    "subject_categories",
)


def open_faults(question: Part) -> set[str]:
    """Return the kinds of open fault that may touch the answer to a question."""
    return {kind for kind, touches in _TOUCHES.items() if touches(question)}


def _has_a_day_that_isnt_one(question: Part) -> bool:
    days = [question["today"]] if "today" in question else []
    for agreement in _agreements(question):
        signatories = agreement.get("signatories")
        signed = signatories if isinstance(signatories, list) else []
        days += [agreement[name] for name in _AGREEMENT_DAYS if name in agreement]
        days += [part["signed_on"] for part in signed if _has(part, "signed_on")]
    return not all(_is_day(day) for day in days)


def _is_day(value: object) -> bool:
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        return False
    try:
        return bool(date.fromisoformat(value))
    except ValueError:
        return False


def _has_an_object_for_a_list(question: Part) -> bool:
    return isinstance(question.get("purposes"), dict) or any(
        isinstance(part.get(name), dict) for part in _objects(question) for name in _LISTS
    )


def _has_a_requester_without_a_force(question: Part) -> bool:
    return not _has(question.get("requester"), "tenant")


def _has_an_agreement_without_a_name(question: Part) -> bool:
    return not all(
        re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", str(agreement.get("id")))
        and isinstance(agreement.get("reference"), str)
        and agreement["reference"]
        for agreement in _agreements(question)
    )


_TOUCHES: dict[str, Callable[[Part], bool]] = {
    "a day that isn't one": _has_a_day_that_isnt_one,
    "an object for a list": _has_an_object_for_a_list,
    "a requester without a force": _has_a_requester_without_a_force,
    "an agreement without a name": _has_an_agreement_without_a_name,
}


def _agreements(question: Part) -> list[Part]:
    agreements = question.get("agreements")
    return (
        [agreement for agreement in agreements if isinstance(agreement, dict)]
        if isinstance(agreements, list)
        else []
    )


def _has(part: object, name: str) -> bool:
    return isinstance(part, dict) and name in part


def _objects(part: object) -> Iterator[Part]:
    """Yield every object in a question, the question itself among them."""
    if isinstance(part, dict):
        yield part
    for inner in (
        part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    ):
        yield from _objects(inner)
