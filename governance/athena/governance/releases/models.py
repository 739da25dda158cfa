"""A release as it is stored: its plans, its rings and what was added to it; and black-outs."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from athena.governance.entries.models import Entry
from athena.governance.releases.document import Item, ReleaseDocument
from athena.governance.releases.machine import RingState, State
from athena.governance.releases.rollout import Rollout
from athena.platform.kernel.clock import show_time

REFERENCE = r"^REL-[0-9]{4,9}$"
"""How a release is named among people."""


class EntryKind(enum.StrEnum):
    """What can be added to a release."""

    CONFIRMATION = "confirmation"
    NOTICE = "notice"
    OBJECTION = "objection"
    OBJECTION_WITHDRAWN = "objection_withdrawn"
    STEP = "step"
    VERDICT = "verdict"
    VOTE_OPENED = "vote_opened"


ReleaseEntry = Entry[EntryKind]
"""Something that was added to a release, at a version of its plan."""


@dataclass(frozen=True, slots=True)
class Release:
    """A release and where it is in its life."""

    release_id: UUID
    number: int
    username: str
    state: State
    version: int
    title: str
    created_at: datetime

    @property
    def reference(self) -> str:
        """The name by which people know it, such as REL-0003."""
        return f"REL-{self.number:04}"


@dataclass(frozen=True, slots=True)
class StoredRing:
    """A ring of a plan: its forces, its window and where it is."""

    number: int
    name: str
    forces: tuple[str, ...]
    begins_at: datetime
    ends_at: datetime
    state: RingState
    notified_at: datetime | None
    live_at: datetime | None


@dataclass(frozen=True, slots=True)
class BlackOut:
    """A time in which nothing may go live for a force."""

    black_out_id: UUID
    tenant: str
    title: str
    begins_at: datetime
    ends_at: datetime
    username: str
    filed_at: datetime
    withdrawn_at: datetime | None = None

    def meets(self, forces: Sequence[str], begins: datetime, ends: datetime) -> bool:
        """Whether it stands in the way of something for some forces between two moments."""
        return (
            self.withdrawn_at is None
            and self.tenant in forces
            and self.begins_at < ends
            and begins < self.ends_at
        )

    @property
    def sentence(self) -> str:
        """What it says, for a person."""
        return (
            f"{self.tenant} has a black-out, '{self.title}', from {show_time(self.begins_at)} to "
            f"{show_time(self.ends_at)}"
        )


@dataclass(slots=True)
class Standing:
    """What the entries of a release add up to."""

    confirmed: dict[str, bool] = field(default_factory=dict)
    """By item, for the plan as it is now: whether the last word was go."""
    objections: dict[str, str] = field(default_factory=dict)
    """By force, why it objects; a withdrawn objection is gone."""

    def open_items(self, items: Sequence[Item]) -> list[Item]:
        """Return those of some items that nobody has confirmed, or that were last a no-go."""
        return [item for item in items if not self.confirmed.get(item.item, False)]


def standing(entries: Sequence[ReleaseEntry], version: int) -> Standing:
    """Return what entries add up to for a release whose plan has a version."""
    found = Standing()
    for entry in sorted(entries, key=lambda item: item.number):
        if entry.kind is EntryKind.CONFIRMATION and entry.version == version:
            found.confirmed[str(entry.document["item"])] = entry.document["answer"] == "go"
        elif entry.kind is EntryKind.OBJECTION:
            found.objections[entry.tenant] = str(entry.document["reason"])
        elif entry.kind is EntryKind.OBJECTION_WITHDRAWN:
            found.objections.pop(entry.tenant, None)
    return found


@dataclass(frozen=True, slots=True)
class WholeRelease:
    """A release with its plan as it is now, its rings and everything that was added to it."""

    release: Release
    document: ReleaseDocument
    digest: bytes
    rings: Sequence[StoredRing]
    entries: Sequence[ReleaseEntry]

    @property
    def rollout(self) -> Rollout:
        """How far it is rolled out."""
        return Rollout(self.release.state, tuple(ring.state for ring in self.rings))

    def standing(self) -> Standing:
        """Return what its entries add up to."""
        return standing(self.entries, self.release.version)
