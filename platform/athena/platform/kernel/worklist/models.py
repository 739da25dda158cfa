"""Items of the worklist: their kinds, states and assignees."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from athena.platform.kernel.identity import Role, TenantId


class ItemState(enum.StrEnum):
    """An item is open, then claimed by a member, then closed in one of two ways."""

    OPEN = "open"
    CLAIMED = "claimed"
    DONE = "done"
    CANCELLED = "cancelled"


STILL_TO_DO = (ItemState.OPEN, ItemState.CLAIMED)


class ItemKind(enum.StrEnum):
    """What must be done; a feature adds its own kinds here, with their entry in `KINDS`."""

    BREAK_GLASS_NOTICE = "break_glass_notice"
    BREAK_GLASS_REVIEW = "break_glass_review"
    CORRECTION_OVERDUE = "correction_overdue"
    LINK_CONFLICT = "link_conflict"
    LINK_SUGGESTION = "link_suggestion"
    PACE_REVIEW = "pace_review"
    PARTNER_SUBMISSION = "partner_submission"
    RECORD_QUALITY = "record_quality"
    REFERRAL_ANSWERED = "referral_answered"
    REFERRAL_OVERDUE = "referral_overdue"


@dataclass(frozen=True, slots=True)
class KindOfItem:
    """What a kind of item asks for, how it may end, and whether its opener may end it."""

    sentence: str
    outcomes: tuple[str, ...]
    four_eyes: bool = False


KINDS: Mapping[ItemKind, KindOfItem] = {
    ItemKind.BREAK_GLASS_NOTICE: KindOfItem(
        "A record was opened in an emergency: look into it, and review it among the emergencies.",
        ("noted", "questioned"),
        four_eyes=True,
    ),
    ItemKind.BREAK_GLASS_REVIEW: KindOfItem(
        "A record was opened in an emergency: decide whether that was justified.",
        ("justified", "not_justified"),
        four_eyes=True,
    ),
    ItemKind.CORRECTION_OVERDUE: KindOfItem(
        "A partner hasn't acknowledged that what it was told is wrong: see that it corrects it.",
        ("acknowledged", "told_otherwise", "left_open"),
    ),
    ItemKind.LINK_CONFLICT: KindOfItem(
        "Links chain a record to one that it was decided not to be: look at each, and decide.",
        ("decided", "left_open"),
    ),
    ItemKind.LINK_SUGGESTION: KindOfItem(
        "A record may be of the same person as another: decide whether it is.",
        ("same", "not_same", "left_open"),
    ),
    ItemKind.PACE_REVIEW: KindOfItem(
        "A review of a detention is due (Police and Criminal Evidence Act 1984, s.40).",
        ("continued", "released", "postponed"),
    ),
    ItemKind.PARTNER_SUBMISSION: KindOfItem(
        "A partner submitted unassessed information: assess it among the submissions.",
        ("accepted", "declined", "left_open"),
    ),
    ItemKind.RECORD_QUALITY: KindOfItem(
        "A record needs putting right.",
        ("put_right", "nothing_wrong"),
    ),
    ItemKind.REFERRAL_ANSWERED: KindOfItem(
        "A partner declines a referral or asks for more: see which, and do what is needed.",
        ("referred_again", "withdrawn", "nothing_more"),
    ),
    ItemKind.REFERRAL_OVERDUE: KindOfItem(
        "A partner hasn't answered a referral in time: turn to it, or withdraw the referral.",
        ("answered", "withdrawn", "left_open"),
    ),
}

TOLD_TO_OTHERS = frozenset({ItemKind.BREAK_GLASS_NOTICE, ItemKind.BREAK_GLASS_REVIEW})
"""The kinds that one force may open for another; `work.tell_owner` holds the same list."""


@dataclass(frozen=True, slots=True)
class RecordReference:
    """Which record something is about: its class, its owner and its id, never what it says."""

    record_class: str
    owner: TenantId
    record_id: UUID


@dataclass(frozen=True, slots=True)
class Assignee:
    """Who shall do it: a role, a team or a member of the force; made by one of the three ways."""

    role: Role | None = None
    team: str | None = None
    member: UUID | None = None

    def __post_init__(self) -> None:
        if sum(part is not None for part in (self.role, self.team, self.member)) != 1:
            raise ValueError("an assignee is a role, a team or a member")

    def __str__(self) -> str:
        if self.role is not None:
            return self.role.value.replace("_", " ")
        return f"team {self.team}" if self.team is not None else "one member"


@dataclass(frozen=True, slots=True)
class Item:
    """An item as it is stored."""

    item_id: UUID
    kind: str
    record: RecordReference | None
    assignee: Assignee
    clock: str
    opened_at: datetime
    due_at: datetime
    opened_by: UUID
    opened_by_tenant: TenantId
    four_eyes: bool
    state: ItemState
    claimed_by: UUID | None
    claimed_at: datetime | None
    closed_by: UUID | None
    closed_at: datetime | None
    outcome: str | None
    version: int
