"""What the policy answers, validated before anyone believes it."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from athena.platform.kernel.identity import FieldGroup, Level
from athena.policies.decisions.reasons import Obligation, Reason

OWN_FORCE_CLAUSE = "own_force"
"""The clause of a decision that rests on ownership instead of an agreement."""

AgreementReference = Annotated[
    str, Field(pattern=r"^([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})?$")
]
"""The id of an agreement, or nothing."""


class LabelDecision(BaseModel):
    """What one label shows, and why; see docs/policy.md for the rules and codes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    label: int
    level: Level
    groups: tuple[FieldGroup, ...]
    agreement: AgreementReference
    clause: str
    reasons: tuple[Reason, ...] = Field(min_length=1)
    obligations: tuple[Obligation, ...]
    withheld: tuple[FieldGroup, ...]
    expires_in: int = Field(gt=0, le=900)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.groups and self.level is not Level.FULL:
            raise ValueError("only the level full has groups")
        if sorted(self.groups + self.withheld) != sorted(FieldGroup):
            raise ValueError("every group is either shown or withheld, and told once")
        own = self.clause == OWN_FORCE_CLAUSE
        if self.level is Level.NONE:
            if self.clause or self.agreement:
                raise ValueError("what shows nothing rests on no agreement")
        elif own == bool(self.agreement) or not self.clause:
            raise ValueError("what shows something rests on ownership or on an agreement")
        return self


class VisibilityDocument(BaseModel):
    """One decision for each label asked about, in that order."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    decisions: tuple[LabelDecision, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the document as the archive keeps it."""
        return self.model_dump(mode="json")
