"""What the API takes and answers about change requests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from athena.governance.apportionment.schemas import Year
from athena.governance.bodies.constitution import Pence
from athena.governance.changes.document import (
    Assessment,
    Attachment,
    ChangeDocument,
    Comment,
    Line,
    Preview,
    Quote,
    Slug,
    Text,
    Window,
)
from athena.governance.changes.machine import Kind, State, Step
from athena.governance.changes.models import Change, WholeChange
from athena.governance.changes.standing import EntryKind
from athena.platform.kernel.permits import Act


class NewChange(Act):
    """A request, and for which user group it is raised where it is for one."""

    document: dict[str, Any]
    body: Slug | None = None


class NewVersion(Act):
    """The whole document of the next version."""

    document: dict[str, Any]


class Submission(Act):
    """Hands a request in; a normal change is assessed by a time."""

    assess_by: AwareDatetime | None = None


class Scheduling(Act):
    """When the change is to be made."""

    window: Window


class Finish(Act):
    """How the work ended."""

    result: Literal["implemented", "backed_out"]


class Closing(Act):
    """What the review found: it feeds later changes."""

    review: Text


class NewAssessment(Act):
    """A force's impact assessment of the version as it is now."""

    assessment: Assessment


class NewQuote(Act):
    """The supplier's next quote."""

    quote: Quote


class AskedPreview(BaseModel):
    """What each force would pay: worked out by a formula and a year's bases, or else stated.

    Either way the vote binds them in the accounts once it has carried. The annual cost is shared
    like the one-off one, unless its shares are stated too.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    formula: Line
    financial_year: Year | None = None
    shares_pence: Annotated[dict[Slug, Pence], Field(min_length=1, max_length=100)] | None = None
    annual_shares_pence: (
        Annotated[
            dict[Slug, Pence],
            Field(min_length=1, max_length=100, description="Of a whole year of the annual cost"),
        ]
        | None
    ) = None
    annual_until: Annotated[
        Year | None, Field(description="The annual cost's last financial year; else the tenth")
    ] = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.financial_year is None and self.shares_pence is None:
            raise ValueError("name a financial year to have the shares worked out, or state them")
        return self


class NewPreview(Act):
    """What each force would pay."""

    preview: AskedPreview


class NewComment(Act):
    """A contribution to the discussion."""

    comment: Comment


class NewAttachment(Act):
    """A file by its checksum."""

    attachment: Attachment


class ChangeOverview(BaseModel):
    """A change in a list."""

    id: UUID
    reference: str
    title: str
    kind: Kind
    state: State
    raised_by: str
    body: str | None
    version: int
    raised_at: datetime
    submitted_at: datetime | None
    assess_by: datetime | None

    @classmethod
    def of(cls, change: Change) -> ChangeOverview:
        """Return the overview of a change."""
        return cls(
            id=change.change_id,
            reference=change.reference,
            title=change.title,
            kind=change.kind,
            state=change.state,
            raised_by=change.tenant,
            body=change.body,
            version=change.version,
            raised_at=change.raised_at,
            submitted_at=change.submitted_at,
            assess_by=change.assess_by,
        )


class VersionView(BaseModel):
    """A version of the document, with the digest that votes name."""

    version: int
    digest: str
    written_by: str
    at: datetime
    document: ChangeDocument


class EntryView(BaseModel):
    """Something that was added to the change."""

    number: int
    kind: EntryKind
    tenant: str
    username: str
    at: datetime
    version: int
    document: dict[str, Any]


class DecisionView(BaseModel):
    """How a vote on the change ended; the minute is known by its digest."""

    vote: UUID
    result: str
    sentence: str
    cost_pence: int
    minute: str
    charge: Annotated[str | None, Field(description="What it bound in the accounts, by reference")]
    annual_charge: Annotated[str | None, Field(description="What it bound of each year's cost")]


class ChangeView(ChangeOverview):
    """A change with everything about it, and what the reader can do next."""

    document: ChangeDocument
    versions: list[VersionView]
    entries: list[EntryView]
    assessments: dict[str, Assessment]
    waiting_for: list[str]
    quote: Quote | None
    cost_pence: int
    preview: Preview | None
    participants: dict[str, datetime]
    attachments: list[Attachment]
    open_vote: UUID | None
    decisions: list[DecisionView]
    can: Annotated[list[Step], Field(description="The steps that are legal for the reader now")]


def change_view(whole: WholeChange, can: Sequence[Step]) -> ChangeView:
    """Return the view of a change."""
    stands = whole.standing()
    change = whole.change
    assessing = change.kind is Kind.NORMAL and change.state is State.ASSESS
    return ChangeView(
        **ChangeOverview.of(change).model_dump(),
        document=whole.document,
        versions=[
            VersionView(
                version=item.version,
                digest=item.digest.hex(),
                written_by=item.username,
                at=item.at,
                document=item.document,
            )
            for item in whole.versions
        ],
        entries=[
            EntryView(
                number=item.number,
                kind=item.kind,
                tenant=item.tenant,
                username=item.username,
                at=item.at,
                version=item.version,
                document=dict(item.document),
            )
            for item in whole.entries
        ],
        assessments=stands.assessments,
        waiting_for=stands.waiting_for(whole.document.affected) if assessing else [],
        quote=stands.quote,
        cost_pence=whole.cost_pence(),
        preview=stands.preview,
        participants=stands.participants,
        attachments=stands.attachments,
        open_vote=stands.open_vote,
        decisions=[
            DecisionView(
                vote=item.vote,
                result=item.result,
                sentence=item.sentence,
                cost_pence=item.cost_pence,
                minute=item.minute,
                charge=item.charge,
                annual_charge=item.annual_charge,
            )
            for item in stands.decisions
        ],
        can=list(can),
    )
