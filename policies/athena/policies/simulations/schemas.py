"""The report of a simulation, as JSON and as what the command line prints it from."""

from __future__ import annotations

import enum
from datetime import date

from pydantic import BaseModel, ConfigDict, Field

from athena.platform.kernel.identity import Clearance, FieldGroup, Level, Purpose, Role
from athena.policies.agreements.document import Agreement

MOST_AGREEMENTS = 20
MOST_PAST = 10_000
"""What one call may ask for; the command line takes more."""


class AskedToSimulate(BaseModel):
    """Agreements as they would be, on which day and for which roles, and why it is asked."""

    model_config = ConfigDict(extra="forbid")

    agreements: list[Agreement] = Field(min_length=1, max_length=MOST_AGREEMENTS)
    on: date | None = Field(
        default=None, description="The day; without it the first on which all have begun"
    )
    roles: list[Role] = Field(default=[Role.OFFICER], min_length=1)
    last: int = Field(
        default=0, ge=0, le=MOST_PAST, description="Decide this many past consultations again"
    )
    reason: str


class Reported(BaseModel):
    """A part of the report."""

    model_config = ConfigDict(frozen=True)


class Becomes(enum.StrEnum):
    """How what is seen of a label changes."""

    VISIBLE = "visible"
    INVISIBLE = "invisible"
    MORE = "more"
    LESS = "less"
    OTHERWISE = "otherwise"
    """As much, but of other groups, or under other obligations."""


class DraftNamed(Reported):
    """An agreement that is simulated, and the stored version that it would replace."""

    reference: str
    version: int
    title: str
    replaces: int | None
    assumed: tuple[str, ...]
    """What the simulation takes for granted though the document doesn't say it."""


class Shown(Reported):
    """What a label shows."""

    level: Level
    groups: tuple[FieldGroup, ...]
    obligations: tuple[str, ...]


class LabelCounted(Reported):
    """A label, and how many nominals carry it."""

    id: int
    owner: str
    record_class: str
    marking: str
    handling: str
    conditions: tuple[str, ...]
    categories: tuple[str, ...]
    sensitive: bool
    restricted: bool
    nominals: int


class Asker(Reported):
    """A role and a clearance in the requesting force."""

    role: Role
    clearance: Clearance


class Change(Reported):
    """A label that a requesting force would see otherwise for a purpose."""

    requester: str
    purpose: Purpose
    label: LabelCounted
    becomes: Becomes
    before: Shown
    after: Shown
    gained: tuple[FieldGroup, ...]
    lost: tuple[FieldGroup, ...]
    askers: tuple[Asker, ...]


class Total(Reported):
    """How many nominals of an owner force change for a requesting force and a purpose.

    For the asker who sees most: each nominal counts once in each line.
    """

    requester: str
    purpose: Purpose
    owner: str
    becomes: Becomes
    level: Level
    nominals: int
    gained: tuple[FieldGroup, ...]
    lost: tuple[FieldGroup, ...]


class ConsultationsReport(Reported):
    """How many of the last consultations would have been decided otherwise."""

    examined: int
    decisions: int
    different: int
    different_decisions: int


class Report(Reported):
    """What changed agreements or a changed policy would show, and to whom."""

    on: date
    agreements: tuple[DraftNamed, ...]
    bundle_revision: str
    simulated_revision: str
    assumptions: tuple[str, ...]
    askers: tuple[Asker, ...]
    nominals: int
    labels: int
    totals: tuple[Total, ...]
    changes: tuple[Change, ...]
    consultations: ConsultationsReport
