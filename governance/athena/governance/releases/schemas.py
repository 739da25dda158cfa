"""What the API takes and answers about releases."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field, model_validator

from athena.governance.changes.document import Line, Text, Window
from athena.governance.releases.document import ReleaseDocument
from athena.governance.releases.machine import RingState, RingStep, State, Step
from athena.governance.releases.models import (
    BlackOut,
    EntryKind,
    Release,
    StoredRing,
    WholeRelease,
)
from athena.platform.kernel.permits import Act

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Link = Annotated[str, Field(max_length=500, pattern=r"^https://[^\s\x00-\x1f\x7f]+$")]


class NewRelease(Act):
    """The plan of a new release, or the next version of one that is a draft."""

    document: dict[str, Any]


class Rescheduling(Act):
    """When a ring goes live instead."""

    window: Window


class Confirmation(Act):
    """What was found of an item of the checklist, with evidence for a go."""

    item: Annotated[str, Field(max_length=41)]
    answer: Literal["go", "no_go"] = "go"
    sha256: Sha256 | None = None
    """The checksum of a file that shows it; the file itself is kept elsewhere."""
    link: Link | None = None


class Review(Act):
    """What the review after the release found; it goes into each of its changes."""

    findings: Text


class NewBlackOut(Act):
    """A time in which nothing may go live for one's own force."""

    title: Line
    begins: AwareDatetime
    ends: AwareDatetime

    @model_validator(mode="after")
    def _runs_forward(self) -> Self:
        if self.ends <= self.begins:
            raise ValueError("a black-out can't end before it begins")
        return self


class BlackOutView(BaseModel):
    """A black-out that stands."""

    id: UUID
    force: str
    title: str
    begins: datetime
    ends: datetime
    filed_by: str
    filed_at: datetime

    @classmethod
    def of(cls, item: BlackOut) -> BlackOutView:
        """Return the view of a black-out."""
        return cls(
            id=item.black_out_id,
            force=item.tenant,
            title=item.title,
            begins=item.begins_at,
            ends=item.ends_at,
            filed_by=item.username,
            filed_at=item.filed_at,
        )


class ReleaseOverview(BaseModel):
    """A release in a list."""

    id: UUID
    reference: str
    title: str
    state: State
    version: int
    created_at: datetime

    @classmethod
    def of(cls, release: Release) -> ReleaseOverview:
        """Return the overview of a release."""
        return cls(
            id=release.release_id,
            reference=release.reference,
            title=release.title,
            state=release.state,
            version=release.version,
            created_at=release.created_at,
        )


class RingView(BaseModel):
    """A ring: where it is, and what still has to be confirmed before it goes live."""

    number: int
    name: str
    forces: list[str]
    begins: datetime
    ends: datetime
    state: RingState
    notified_at: datetime | None
    live_at: datetime | None
    open_items: list[str]
    can: Annotated[list[RingStep], Field(description="The steps legal for the reader now")]


class RingCheck(BaseModel):
    """What keeps a ring from going live now: nothing, where it may."""

    ring: int
    hindrances: list[str]


class Judgement(BaseModel):
    """What the health gate says of a ring."""

    ring: int
    outcome: str
    sentence: str


class EntryView(BaseModel):
    """Something that was added to the release."""

    number: int
    kind: EntryKind
    tenant: str
    username: str
    at: datetime
    version: int
    document: dict[str, Any]


class ReleaseView(ReleaseOverview):
    """A release with everything about it, and what the reader can do next."""

    document: ReleaseDocument
    digest: str
    rings: list[RingView]
    objections: dict[str, str]
    entries: list[EntryView]
    can: Annotated[list[Step], Field(description="The steps that are legal for the reader now")]


def ring_view(whole: WholeRelease, ring: StoredRing, can: tuple[RingStep, ...]) -> RingView:
    """Return the view of a ring."""
    items = whole.document.items_of(ring.number)
    return RingView(
        number=ring.number,
        name=ring.name,
        forces=list(ring.forces),
        begins=ring.begins_at,
        ends=ring.ends_at,
        state=ring.state,
        notified_at=ring.notified_at,
        live_at=ring.live_at,
        open_items=[item.item for item in whole.standing().open_items(items)],
        can=list(can),
    )


def release_view(whole: WholeRelease, rings: list[RingView], can: tuple[Step, ...]) -> ReleaseView:
    """Return the view of a release."""
    return ReleaseView(
        **ReleaseOverview.of(whole.release).model_dump(),
        document=whole.document,
        digest=whole.digest.hex(),
        rings=rings,
        objections=whole.standing().objections,
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
        can=list(can),
    )
