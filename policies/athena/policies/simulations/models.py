"""Values of a simulation: what is changed, who is asked for, and what would be otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from athena.platform.kernel.identity import Clearance, Purpose, Role
from athena.policies.agreements.document import Agreement
from athena.policies.decisions.documents import LabelDecision

Question = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Profile:
    """A kind of requester: a role and a clearance, in any force."""

    role: Role
    clearance: Clearance


@dataclass(frozen=True, slots=True)
class Asked:
    """What to simulate: agreements as they would be, and on which day."""

    drafts: Sequence[Agreement]
    on: date
    profiles: Sequence[Profile]
    last: int


@dataclass(frozen=True, slots=True)
class Difference:
    """A label that a requester would see otherwise for a purpose."""

    requester: str
    purpose: Purpose
    profile: Profile
    label: Mapping[str, Any]
    before: LabelDecision
    after: LabelDecision


@dataclass(frozen=True, slots=True)
class Consultations:
    """How many of the last consultations would have been decided otherwise."""

    examined: int
    decisions: int
    different: int
    different_decisions: int


@dataclass(frozen=True, slots=True)
class Counted:
    """A past decision, and how many of the last consultations relied on it."""

    decision_id: UUID
    consultations: int
