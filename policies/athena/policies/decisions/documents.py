"""What the policy answers, validated before anyone believes it."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from athena.platform.kernel.identity import FieldGroup, Level


class LabelDecision(BaseModel):
    """What one label shows, and why; see docs/policy.md for the codes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)

    label: int
    level: Level
    groups: tuple[FieldGroup, ...]
    agreement: str
    clause: str
    reasons: tuple[str, ...] = Field(min_length=1)
    obligations: tuple[str, ...]
    withheld: tuple[FieldGroup, ...]
    expires_in: int = Field(gt=0, le=900)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.groups and self.level is not Level.FULL:
            raise ValueError("only the level full has groups")
        if set(self.groups) | set(self.withheld) != set(FieldGroup):
            raise ValueError("every group is either shown or withheld")
        if set(self.groups) & set(self.withheld):
            raise ValueError("no group is both shown and withheld")
        return self


class VisibilityDocument(BaseModel):
    """One decision for each label asked about."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    decisions: tuple[LabelDecision, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the document as the archive keeps it."""
        return self.model_dump(mode="json")
