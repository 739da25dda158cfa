"""Drafts of agreements to simulate, and nominals that they would show."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from athena.policies.agreements.document import Agreement
from athena.policies.agreements.founding import baseline
from athena.policies.simulations.schemas import Report
from athena.policies.simulations.service import asking, simulate
from athena.tenants.members.service import subject_by_username
from support.api import REASON, Platform
from support.expectations import LABELS
from support.records import create_nominal

OWNERS = ("hertfordshire", "norfolk", "bedfordshire")
FULL = {"level": "full", "groups": ["addresses", "assessments", "markers"]}


def draft(of: str, version: int = 2, **changes: Any) -> Agreement:
    """Return a draft of the next version of an agreement of the baseline, which nobody signed."""
    (found,) = (item for item in baseline() if item.reference == of)
    document = {
        **found.model_dump(mode="json"),
        "version": version,
        "status": "draft",
        "suspended_reason": None,
        "signatories": [],
        **changes,
    }
    return Agreement.model_validate_json(json.dumps(document))


def new_agreement(reference: str) -> Agreement:
    """Return a draft of Hertfordshire's that is new: Kent alone sees everything, for custody."""
    return draft(
        "ATH-ISA-03",
        1,
        id=str(uuid4()),
        reference=reference,
        parties=[
            {"tenant": "hertfordshire", "role": "owner"},
            {"tenant": "kent", "role": "recipient"},
        ],
        purposes={"custody": FULL},
        sensitive_processing=True,
    )


def everything(owner: str, label: str, number: int) -> dict[str, Any]:
    """Return a nominal with a row in every group, under a label."""
    fields = dict(LABELS[label])
    roles = fields.pop("roles", ["suspect"])
    return {
        "names": [{"given_names": f"{owner}{number}".title(), "surname": label.title()}],
        "date_of_birth": "1981-04-05",
        "identifiers": [{"kind": "probation_crn", "value": "X123456"}],
        "contacts": [{"kind": "telephone", "value": "07700 900123"}],
        "addresses": [{"location": {"street": "Elm Road", "postcode": "ZZ1 1ZZ"}}],
        "descriptions": [{"attribute": "hair", "value": "brown"}],
        "markers": [{"code": "violent"}],
        "assessments": [{"basis": "officer", "text": "Synthetic opinion."}],
        "involvements": [
            {"record_class": "custody", "record_number": f"{label}/{role}/{number}", "role": role}
            for role in roles
        ],
        **fields,
    }


async def load_nominals(platform: Platform) -> int:
    """Make nominals of three forces under every label, two of some; return how many."""
    made = 0
    for owner in OWNERS:
        for place, label in enumerate(LABELS):
            for number in range(1 + place % 2):
                await create_nominal(platform, owner, everything(owner, label, number))
                made += 1
    return made


async def simulated(platform: Platform, *drafts: Agreement, **options: Any) -> Report:
    """Simulate drafts as the client body."""
    asker = await subject_by_username(platform.runtime.database, "amo.admin")
    return await simulate(platform.runtime.gate, asker, asking(drafts, **options), REASON)
