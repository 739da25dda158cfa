"""The plan of a release as a document: what goes to whom, when, and how it is undone."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StrictInt, ValidationError, model_validator

from athena.governance.changes.document import Line, Part, Slug, Text, WayBack, Window
from athena.governance.health.gate import Budget
from athena.platform.kernel.errors import InvalidInputError

ChangeName = Annotated[str, Field(pattern=r"^CR-[0-9]{4,9}$")]
Environment = Literal["training", "pre_live", "live"]

GATES: tuple[Environment, ...] = ("training", "pre_live")
"""The environments that a release passes before any force has it."""


class Ring(Part):
    """The forces that get the release together, and when."""

    name: Line
    forces: tuple[Slug, ...] = Field(min_length=1, max_length=100)
    window: Window


class Item(Part):
    """Something that must be confirmed before a ring goes live; without a ring, before any does."""

    item: Slug
    text: Line
    environment: Environment
    ring: Annotated[int, Field(ge=1, le=100)] | None = None

    @model_validator(mode="after")
    def _rings_are_live(self) -> Self:
        if self.ring is not None and self.environment != "live":
            raise ValueError("rings are in the live environment; name a ring for its items only")
        return self


class Health(Part):
    """How well a ring must do before the next one goes live."""

    minimum_requests: StrictInt = Field(ge=1, le=100_000_000)
    """So many requests of the ring's forces must have been counted; fewer tell nothing."""
    errors_per_thousand: StrictInt = Field(ge=0, le=1000)
    p95_milliseconds: StrictInt = Field(ge=1, le=600_000)

    def budget(self) -> Budget:
        """Return the budget by which the health gate judges."""
        return Budget(
            minimum_requests=self.minimum_requests,
            error_rate=Fraction(self.errors_per_thousand, 1000),
            p95_milliseconds=self.p95_milliseconds,
        )


class ReleaseDocument(Part):
    """One version of a release's plan."""

    title: Line
    description: Text
    changes: tuple[ChangeName, ...] = Field(min_length=1, max_length=100)
    features: tuple[Slug, ...] = Field(default=(), max_length=100)
    """The features of the platform that it switches, by their short names."""
    rings: tuple[Ring, ...] = Field(min_length=1, max_length=100)
    """In the order in which they go live."""
    checklist: tuple[Item, ...] = Field(default=(), max_length=200)
    health: Health | None = None
    way_back: WayBack | None = None

    @model_validator(mode="after")
    def _is_clear(self) -> Self:
        for what, names in {
            "change": self.changes,
            "feature": self.features,
            "force": self.forces,
            "item of the checklist": [item.item for item in self.checklist],
        }.items():
            if twice := {name for name in names if list(names).count(name) > 1}:
                raise ValueError(f"each {what} stands once; look at: {', '.join(sorted(twice))}")
        begins = [ring.window.begins for ring in self.rings]
        if begins != sorted(begins):
            raise ValueError("a ring can't begin before the ring ahead of it")
        if any((item.ring or 0) > len(self.rings) for item in self.checklist):
            raise ValueError("the checklist names a ring that isn't there")
        return self

    @property
    def forces(self) -> tuple[str, ...]:
        """Every force in a ring, ring by ring."""
        return tuple(force for ring in self.rings for force in ring.forces)

    @property
    def window(self) -> Window:
        """From the first ring's beginning to the last end."""
        return Window(
            begins=min(ring.window.begins for ring in self.rings),
            ends=max(ring.window.ends for ring in self.rings),
        )

    def items_of(self, ring: int) -> list[Item]:
        """Return what must be confirmed before a ring goes live."""
        return [item for item in self.checklist if item.ring in (None, ring)]

    def missing(self) -> list[str]:
        """Return what keeps it from being planned, in people's words."""
        environments = {item.environment for item in self.checklist}
        return [
            words
            for words, is_missing in {
                "a plan of backing out, or of forward recovery where data can't be undone": (
                    self.way_back is None
                ),
                "a health budget": self.health is None,
                **{
                    f"an item of the checklist for the environment {gate.replace('_', '-')}": (
                        gate not in environments
                    )
                    for gate in (*GATES, "live")
                },
            }.items()
            if is_missing
        ]


def parse_release(document: Mapping[str, Any]) -> ReleaseDocument:
    """Return the plan that a document is, or InvalidInputError with every fault."""
    try:
        return ReleaseDocument.model_validate(document)
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
            f"The release can't be accepted as it stands: {told}.", errors=errors
        ) from None
