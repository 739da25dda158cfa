"""A hundred cases and more, written by hand: the true reason, its rule, and what would help.

Kent asks about Essex's label under the agreement of conftest, on 24 November 2026, with the
changes given. ``helps`` names one single change after which more is shown, and the level then;
where it is empty, no single change helps.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Fields = Mapping[str, Any]


@dataclass(frozen=True)
class Case:
    """One decision, and how it must be explained."""

    name: str
    level: str
    rule: int
    reasons: str
    helps: str = ""
    ask: Fields = field(default_factory=dict)
    label: Fields = field(default_factory=dict)
    agreement: Fields | None = field(default_factory=dict)
    """Changes of the agreement; None where there is none."""
    second: Fields | None = None
    """Changes that make another agreement."""


OWN = {"owner": "kent"}
SECRET = {"marking": "OFFICIAL-SENSITIVE"}
OFFICIAL = {"clearance": "OFFICIAL"}
S2 = {"handling": "C", "conditions": ["S2"]}
ESSEX = {"tenant": "essex", "signed_on": "2026-03-16"}
KENT = {"tenant": "kent", "signed_on": "2026-03-16"}
SHELTER = {"tenant": "shelter", "signed_on": "2026-03-16"}
EVERY_GROUP = [
    "addresses",
    "assessments",
    "contacts",
    "descriptions",
    "identifiers",
    "involvements",
    "markers",
]


def roles(*names: str) -> Fields:
    """Return who asks by his roles."""
    return {"roles": list(names)}


def parties(**by_role: str) -> Fields:
    """Return an agreement's parties, all of which have signed."""
    return {
        "parties": [
            {"tenant": tenant, "role": role}
            for role, tenants in by_role.items()
            for tenant in tenants.split()
        ],
        "signatories": [
            {"tenant": tenant, "signed_on": "2026-03-16"}
            for tenants in by_role.values()
            for tenant in tenants.split()
        ],
    }
