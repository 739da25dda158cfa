"""What a submission takes, and how the partner and the force read it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field, model_validator

from athena.platform.kernel.identity import Purpose
from athena.platform.kernel.permits import Act, line_of_text
from athena.records.nominals.schemas import LocationDraft
from athena.sharing.ppss.person_checks.schemas import Part, PersonAsked
from athena.sharing.ppss.submissions.models import (
    STILL_OPEN,
    DeclinedBecause,
    Status,
    Submission,
    SubmissionKind,
    SubmissionState,
)

MOST_SUBMISSIONS = 200
_LONGEST_CONCERN = 4000


def _words(text: str) -> str:
    words = text.strip()
    if not words or not all(letter.isprintable() or letter == "\n" for letter in words):
        raise ValueError("Write printable characters, on as many lines as it needs.")
    return words


class Content(Part):
    """What is submitted, word for word: information that nobody has assessed."""

    person: PersonAsked
    case_reference: Annotated[str, line_of_text(64)] = Field(
        description="The partner's own reference of the case"
    )
    concern: Annotated[str, Field(max_length=_LONGEST_CONCERN), AfterValidator(_words)] | None = (
        Field(default=None, description="For a safeguarding concern: what it is, in words")
    )
    address: LocationDraft | None = Field(
        default=None, description="For a change of address: where the person lives now"
    )
    moved_on: date | None = Field(default=None, description="Since when, where that is known")


class SubmissionDraft(Content):
    """What a partner submits to one force."""

    force: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,40}$")] = Field(
        description="Which force it is for, by its short name", examples=["essex"]
    )
    kind: SubmissionKind
    purpose: Purpose

    @model_validator(mode="after")
    def _words_fit_the_kind(self) -> Self:
        if self.kind is SubmissionKind.SAFEGUARDING_CONCERN:
            if self.concern is None or self.address is not None or self.moved_on is not None:
                raise ValueError("A safeguarding concern has a concern and no address.")
        elif self.address is None or self.concern is not None:
            raise ValueError("A change of address has an address and no concern.")
        elif not self.address.model_dump(exclude_defaults=True):
            raise ValueError("Say where the address is.")
        return self

    @property
    def content(self) -> Content:
        """What of it is kept sealed."""
        return Content.model_validate(self.model_dump(include=set(Content.model_fields)))


class StatusView(BaseModel):
    """What became of a submission so far."""

    submission_id: UUID
    force: str
    kind: SubmissionKind
    status: SubmissionState
    received_at: datetime
    changed_at: datetime
    declined_because: DeclinedBecause | None

    @classmethod
    def of(cls, status: Status) -> StatusView:
        """Return the view of a status."""
        return cls(
            submission_id=status.submission_id,
            force=status.force,
            kind=status.kind,
            status=status.state,
            received_at=status.received_at,
            changed_at=status.changed_at,
            declined_because=status.declined_because,
        )


class SubmissionView(StatusView):
    """A submission in its force's intake queue; times are UTC."""

    partner: str
    agreement_id: UUID
    agreement: str | None
    purpose: str
    submitted_by: str
    submitted_role: str
    due_at: datetime
    is_overdue: bool
    assessed_by: UUID | None

    @classmethod
    def in_queue(cls, item: Submission, titles: Mapping[UUID, str]) -> SubmissionView:
        """Return the view of a submission; ``titles`` of agreements."""
        return cls(
            **StatusView.of(item.status).model_dump(),
            partner=item.partner,
            agreement_id=item.agreement_id,
            agreement=titles.get(item.agreement_id),
            purpose=item.purpose,
            submitted_by=item.submitted_by,
            submitted_role=item.submitted_role,
            due_at=item.due_at,
            is_overdue=item.status.state in STILL_OPEN and item.due_at < datetime.now(UTC),
            assessed_by=item.assessed_by,
        )


class OpenedSubmission(BaseModel):
    """A submission with its words: unassessed information, from a partner, not from a record."""

    submission: SubmissionView
    content: Content | None = Field(description="null once the time for keeping it is over")


class Decline(Act):
    """Why a submission is declined: ``because`` is told to the partner, ``reason`` is logged."""

    because: DeclinedBecause
