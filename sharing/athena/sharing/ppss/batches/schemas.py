"""What a batch of person checks takes, and how its progress and its results are told."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field

from athena.platform.kernel.identity import Purpose
from athena.platform.kernel.permits import check_reason, line_of_text
from athena.sharing.ppss.person_checks.schemas import Part, PersonAsked

MOST_ITEMS = 10_000
"""How many checks a batch has at most."""


class BatchItem(Part):
    """One question, under the name by which the partner finds its answer again."""

    reference: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,64}$")] = Field(
        description="The partner's own reference in this batch; no name of a person"
    )
    person: PersonAsked
    case_reference: Annotated[str, line_of_text(64)]


def _each_once(items: list[BatchItem]) -> list[BatchItem]:
    if len({item.reference for item in items}) < len(items):
        raise ValueError("Give each check a reference of its own.")
    return items


class Batch(Part):
    """Questions about many persons, all for one purpose and one reason."""

    purpose: Purpose
    reason: Annotated[str, AfterValidator(check_reason)]
    checks: Annotated[
        list[BatchItem], Field(min_length=1, max_length=MOST_ITEMS), AfterValidator(_each_once)
    ]


class State(enum.StrEnum):
    """How far a batch is."""

    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    CANCELLED = "cancelled"


class Progress(BaseModel):
    """How far a batch is. None of it depends on who was found."""

    batch_id: UUID
    address: str = Field(description="Where its progress is told")
    state: State
    received: int
    answered: int
    refused: int
    left: int
    received_at: datetime
    paused_until: datetime | None
    paused_because: str | None = Field(description="The problem that stops it for the moment")


class Batches(BaseModel):
    """A partner's own batches, the newest first."""

    batches: list[Progress]


class ResultLine(BaseModel):
    """A line of the results: what a single check would have been answered, or why it wasn't."""

    number: int
    reference: str
    status: Literal["answered", "refused", "gone"]
    problem: str | None = None
    answer: dict[str, Any] | None = Field(
        default=None, description="The answer of a person check; see there"
    )
