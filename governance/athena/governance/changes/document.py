"""A change request as a document: everything that must be known before anyone decides on it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
    model_validator,
)

from athena.governance.bodies.constitution import Pence
from athena.governance.changes.machine import Kind
from athena.platform.kernel.errors import InvalidInputError

Line = Annotated[str, Field(min_length=3, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
Text = Annotated[str, Field(min_length=3, max_length=8000, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]+$")]
Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,40}$")]
Module = Literal["case", "custody", "intelligence", "investigation"]


class Part(BaseModel):
    """A piece of a request: immutable, with no field unknown to us."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class WayBack(Part):
    """What is done when it goes wrong: back out, or recover forward where data can't be undone."""

    kind: Literal["back_out", "forward_recovery"]
    plan: Text


class Window(Part):
    """When the change is wished to be made."""

    begins: AwareDatetime
    ends: AwareDatetime

    @model_validator(mode="after")
    def _runs_forward(self) -> Self:
        if self.ends <= self.begins:
            raise ValueError("the window can't end before it begins")
        return self


class ChangeDocument(Part):
    """One version of a change request. What it must hold is ITIL's request for change."""

    kind: Kind
    title: Line
    description: Text
    expected_outcome: Text
    implementation_plan: Text
    irreversible_data: StrictBool
    """Whether it changes data in a way that can't be undone."""
    way_back: WayBack
    worst_case: Text
    window: Window | None = None
    modules: tuple[Module, ...] = ()
    impacts: dict[Slug, Line] = Field(min_length=1, max_length=100)
    """The impact on each force that is affected; those forces assess."""
    dpia_needed: StrictBool
    """Whether a data protection impact assessment is needed (Data Protection Act 2018, s.64)."""
    dpia_reference: Line | None = None
    one_off_pence: Pence
    annual_pence: Pence = 0
    optional: StrictBool = False
    """An enhancement that each force takes or leaves; the cost is shared among those that take."""
    catalogue: Slug | None = None
    """The entry of the catalogue by which a standard change was authorised beforehand."""
    emergency_reason: Text | None = None

    @model_validator(mode="after")
    def _way_back_fits(self) -> Self:
        if self.irreversible_data and self.way_back.kind != "forward_recovery":
            raise ValueError(
                "data that can't be undone needs a plan of forward recovery, not of backing out"
            )
        return self

    @model_validator(mode="after")
    def _kind_fits(self) -> Self:
        if (self.kind is Kind.STANDARD) != (self.catalogue is not None):
            raise ValueError("a standard change names its catalogue entry, and no other does")
        if (self.kind is Kind.EMERGENCY) != (self.emergency_reason is not None):
            raise ValueError("an emergency change says why it can't wait, and no other does")
        if self.optional and self.kind is Kind.STANDARD:
            raise ValueError("a standard change isn't optional: it was authorised for all")
        return self

    @property
    def affected(self) -> tuple[str, ...]:
        """The forces on which it has an impact, in the alphabet's order."""
        return tuple(sorted(self.impacts))

    def missing(self) -> list[str]:
        """Return what keeps it from being submitted, in people's words."""
        return [
            words
            for words, is_missing in {
                "the reference of the data protection impact assessment": self.dpia_needed
                and self.dpia_reference is None,
                "the window": self.window is None,
            }.items()
            if is_missing
        ]


class Assessment(Part):
    """A force's impact assessment: four views, and where the force stands."""

    operational: Text
    technical: Text
    data_protection: Text
    training: Text
    position: Literal["supports", "supports_with_conditions", "objects"]
    conditions: Text | None = None

    @model_validator(mode="after")
    def _conditions_are_stated(self) -> Self:
        if (self.position == "supports_with_conditions") != (self.conditions is not None):
            raise ValueError("conditions are stated where there are any, and only there")
        return self


class Quote(Part):
    """What the supplier asks, by the supplier's own reference. Each quote replaces the last."""

    supplier_reference: Line
    one_off_pence: Pence
    annual_pence: Pence = 0
    valid_until: datetime | None = None


class Preview(Part):
    """What each force would pay, by a formula, shown before the vote; it binds once it carried."""

    formula: Line
    """The formula's version, such as blended/2, or any words where the shares were stated."""
    financial_year: str | None = None
    """Whose frozen bases the platform worked the shares out by; none where they were stated."""
    shares_pence: dict[Slug, Pence] = Field(min_length=1, max_length=100)
    """Of the one-off cost, to the penny."""
    annual_formula: Line | None = None
    """The formula of the annual cost, where there is one; without, it isn't bound."""
    annual_shares_pence: dict[Slug, Pence] | None = None
    """Of a whole year of the annual cost, to the penny."""
    annual_until: str | None = None
    """The last financial year of the annual cost."""

    def weight(self, force: str) -> int:
        """Return what a force would pay at once and in a first year, as a vote weighs it."""
        return self.shares_pence.get(force, 0) + (self.annual_shares_pence or {}).get(force, 0)


class Attachment(Part):
    """A file that belongs to the request, by its checksum; the file itself is kept elsewhere."""

    name: Line
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    size: Annotated[int, Field(ge=0, le=1 << 50)]


class Comment(Part):
    """A contribution to the discussion."""

    text: Text


def parse_change(document: Mapping[str, Any]) -> ChangeDocument:
    """Return the change request that a document is, or InvalidInputError with every fault."""
    try:
        return ChangeDocument.model_validate(document)
    except ValidationError as error:
        errors = [
            {
                "field": "/" + "/".join(("document", *(str(part) for part in detail["loc"]))),
                "detail": detail["msg"].removeprefix("Value error, "),
            }
            for detail in error.errors()[:20]
        ]
        told = "; ".join(f"{entry['field']}: {entry['detail']}" for entry in errors[:3])
        raise InvalidInputError(
            f"The change request can't be accepted as it stands: {told}.", errors=errors
        ) from None
