"""Every difference found between the oracle, written from docs/policy.md alone, and the policy.

Each is kept as the smallest question that shows it, with whose fault it was. Faults of the document
and of the oracle and of the policy have been mended alike, and each must stay so.
"""

from __future__ import annotations

from dataclasses import dataclass
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
    ),
    Difference(
        "an end that isn't written as a day",
        "policy",
        asked(agreements=({"valid_to": "31/03/2026"},)),
        ("none", ("agreement_expired",)),
    ),
    Difference(
        "a beginning on no day",
        "policy",
        asked(agreements=({"valid_from": None},)),
        ("none", ("agreement_not_yet_valid",)),
    ),
    Difference(
        "a review that is due some day",
        "policy",
        asked(agreements=({"review_due": "tomorrow"},)),
        ("none", ("agreement_review_overdue",)),
    ),
    Difference(
        "an impact assessment that expires on no day of the calendar",
        "policy",
        asked(agreements=({"dpia_expires": "2031-02-30"},)),
        ("none", ("agreement_assessment_expired",)),
    ),
    Difference(
        "an object in the place of the list of those that take part",
        "policy",
        asked(active={"one": "kent", "another": "essex"}),
        ("none", ("requester_suspended",)),
    ),
    Difference(
        "a requester without a force",
        "policy",
        {**asked(), "requester": without(REQUESTER, "tenant")},
        ("none", ("requester_suspended",)),
    ),
    Difference(
        "an agreement without an id",
        "policy",
        {**asked(), "agreements": [without(AGREEMENT, "id")]},
        ("none", ("no_agreement",)),
    ),
    Difference(
        "an agreement without a reference",
        "policy",
        {**asked(), "agreements": [without(AGREEMENT, "reference")]},
        ("none", ("no_agreement",)),
    ),
)
