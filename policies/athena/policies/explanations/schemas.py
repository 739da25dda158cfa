"""What an explanation tells, as the API and the command line give it."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from athena.platform.kernel.identity import FieldGroup, Level
from athena.policies.explanations.changes import ChangeKind
from athena.policies.roles.actions import Action


class AskedOfNominal(BaseModel):
    """Whose view of which nominal is to be explained; it stands in no URL."""

    model_config = ConfigDict(extra="forbid")

    nominal_id: UUID
    member: str | None = Field(
        default=None, max_length=100, description="A user name, for example officer.kent"
    )


class Told(BaseModel):
    """A part of an explanation."""

    model_config = ConfigDict(frozen=True)


class Requester(Told):
    """For whom the decision was made: never a name."""

    tenant: str
    kind: str
    roles: tuple[str, ...]
    clearance: str


class RoleRule(Told):
    """What a role of the requester may do with records, by the role table of today."""

    role: str
    kind: str
    allows: tuple[Action, ...]


class AgreementNamed(Told):
    """An agreement as the decision saw it."""

    id: str
    reference: str
    version: int | None
    title: str


class Standing(Told):
    """An agreement by which a force shares with the requester, and what counts against it.

    ``level`` and ``groups`` are what it shows of a plain record that it covers.
    """

    owner: str
    agreement: AgreementNamed
    level: Level
    groups: tuple[FieldGroup, ...]
    reasons: tuple[str, ...]


class Because(Told):
    """A reason of the decision, with its sentence and the rule behind it."""

    code: str
    sentence: str
    rule: int | None


class Rule(Told):
    """A rule of docs/policy.md."""

    number: int
    title: str


class Wider(Told):
    """A single change after which the label shows strictly more, and how much."""

    kind: ChangeKind
    change: str
    agreement: str
    value: str
    level: Level
    gained: tuple[FieldGroup, ...]


class LabelShown(Told):
    """What a record's label says, whoever owns it."""

    id: int
    owner: str
    record_class: str
    marking: str
    handling: str
    conditions: tuple[str, ...]
    categories: tuple[str, ...]
    sensitive: bool
    restricted: bool
    sealed: bool = False
    """Whether no emergency opens the record."""
    listed: bool = False
    """Whether this is a record that is restricted to named members or teams."""
    named: bool = False
    """Whether the requester, or a team of theirs, is one of those."""
    emergency: bool = False
    """Whether the requester has opened the record in an emergency that isn't over."""


class LabelExplained(Told):
    """Why a label shows what it shows, and what would show more."""

    label: LabelShown
    level: Level
    groups: tuple[FieldGroup, ...]
    withheld: tuple[FieldGroup, ...]
    scopes: tuple[str, ...]
    agreement: AgreementNamed | None
    clause: str
    decided_by: Rule | None
    """None where the record is locked against the requester: a lock is stronger than every rule."""
    reasons: tuple[Because, ...]
    obligations: tuple[str, ...]
    more: tuple[Wider, ...]


class Grant(Told):
    """Where the decision was last relied on."""

    grant_set_id: UUID | None
    policy_revision: int | None
    at: datetime | None


class Explanation(Told):
    """The whole chain of a decision: role, agreement, rule, grant and label."""

    decision_id: UUID
    decided_at: datetime
    input_digest: str
    bundle_revision: str
    replayed: bool = True
    """Always true: a decision that doesn't repeat is an error, never an explanation."""
    today: date
    purpose: str
    requester: Requester
    role_rules: tuple[RoleRule, ...]
    grant: Grant | None
    agreements: tuple[Standing, ...]
    labels: tuple[LabelExplained, ...]
    hidden_labels: bool
    """Whether labels that show the asker nothing are left out."""
    locked: bool | None
    """Whether the record asked about is locked against the requester: nothing of it shows.

    None where the asker isn't told, and for a past decision, which knows no record.
    """
