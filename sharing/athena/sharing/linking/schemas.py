"""Links as the API tells them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from athena.platform.kernel.permits import Act
from athena.records.nominals.schemas import Disclosed
from athena.sharing.linking.models import Verdict


class Step(BaseModel):
    """One step of the waterfall: a field, the level at which it agrees, its weight in bits."""

    field: str
    level: str
    bits: float


class Link(BaseModel):
    """Another nominal that may be the same person, as far as policy shows it."""

    id: UUID
    owner_force: str
    outcome: str | None = Field(description="linked or suggested; nothing if only decided")
    decision: Verdict | None
    probability: float | None = Field(
        description="Left out where a field that counted isn't shown of both nominals"
    )
    steps: list[Step]
    nominal: Disclosed


class Pointer(BaseModel):
    """A force that may hold a record of the same person which isn't shown."""

    owner_force: str
    unit: str
    telephone: str


class Links(BaseModel):
    """The links of a nominal."""

    links: list[Link]
    suggestions_live: bool = Field(
        description="Whether your force has suggestions; if not, only what people decided is here"
    )
    pointers: list[Pointer]
    person: list[UUID] = Field(
        description="The nominals that stand for one person, by the links visible to you"
    )


class Waiting(BaseModel):
    """A suggestion that nobody has decided."""

    id: UUID
    other_id: UUID
    other_force: str
    suggested_at: datetime | None


class Decision(BaseModel):
    """What a person decides of two nominals; the reason comes in the header."""

    nominal_id: UUID
    other_id: UUID
    verdict: Verdict


class Decided(BaseModel):
    """What became of a decision."""

    verdict: Verdict
    contradicted_by: list[UUID] = Field(
        description="The nominals whose links still join the two, if any do"
    )


class NewThresholds(Act):
    """From which probability pairs are suggested, and from which they are linked, if ever."""

    suggested_from: float = Field(gt=0, lt=1)
    linked_from: float | None = Field(default=None, gt=0.5, lt=1)

    @model_validator(mode="after")
    def _in_order(self) -> NewThresholds:
        if self.linked_from is not None and self.linked_from < self.suggested_from:
            raise ValueError("what is linked must be at least as likely as what is suggested")
        return self


class SetThresholds(BaseModel):
    """The thresholds that hold."""

    suggested_from: float
    linked_from: float | None
    set_at: datetime
    set_by: str
    reason: str
