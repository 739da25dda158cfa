"""The worklist's use cases: open, tell another force, list, claim, release, close, cancel.

Each takes a transaction that is open and logged already, and never commits: an item that a
feature opens is stored with what the feature did, or not at all. The store logs every change of an
item itself and tells its assignee through the outbox.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from uuid import UUID

from athena.platform.kernel.clocks.models import Due
from athena.platform.kernel.desk import OpenChange, OpenWork
from athena.platform.kernel.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    RefusedError,
)
from athena.platform.kernel.identity import Role
from athena.platform.kernel.worklist import repository
from athena.platform.kernel.worklist.models import (
    KINDS,
    STILL_TO_DO,
    TOLD_TO_OTHERS,
    Assignee,
    Item,
    ItemKind,
    ItemState,
    KindOfItem,
    RecordReference,
)

MOST_ITEMS = 200
"""The most items that one page of the list holds."""

_TEAM = re.compile(r"[a-z][a-z0-9_-]{1,40}")
_NOT_THERE = "There is no such item in your worklist; list it to see what is."


async def open_item(
    work: OpenWork,
    kind: ItemKind,
    assignee: Assignee,
    due: Due,
    record: RecordReference | None = None,
) -> UUID:
    """Open an item for the member's own force and return its id; its assignee is told."""
    return await repository.add(work, kind, record, assignee, due, four_eyes=KINDS[kind].four_eyes)


async def tell_owner(
    work: OpenWork, kind: ItemKind, record: RecordReference, role: Role, due: Due
) -> UUID:
    """Open an item for the other force that owns a record, and return its id.

    Only kinds of `TOLD_TO_OTHERS` cross, and only to supervisors, records managers and data
    protection officers; the store holds the same lists and refuses anything else.
    """
    if kind not in TOLD_TO_OTHERS or record.owner == work.subject.tenant_id:
        raise InvalidInputError("Items of this kind are for one's own force: open it there.")
    return await repository.tell_owner(work, kind, record, role, due)


async def list_items(
    work: OpenWork,
    states: Sequence[ItemState] = STILL_TO_DO,
    limit: int = 50,
    offset: int = 0,
    kinds: Collection[str] | None = None,
) -> list[Item]:
    """Return the items that the member can act on or has opened, the most urgent first."""
    return await repository.page(work, states, limit, offset, kinds)


async def show(work: OpenWork, item_id: UUID) -> Item:
    """Return an item that the member can act on or has opened, or NotFoundError."""
    item = await repository.find(work, item_id)
    if item is None:
        raise NotFoundError(_NOT_THERE)
    return item


async def claim(work: OpenChange, item_id: UUID, version: int | None = None) -> Item:
    """Take an open item on; ConflictError where somebody else has."""
    item = await _current(work, item_id, version)
    if item.state is not ItemState.OPEN:
        raise ConflictError("The item isn't open any more; show it to see who has it.")
    _refuse_own(work, item)
    return await _move(work, item, ItemState.CLAIMED)


async def release(work: OpenChange, item_id: UUID, version: int | None = None) -> Item:
    """Give a claimed item back, one's own or that of a colleague who can't finish it."""
    item = await _current(work, item_id, version)
    if item.state is not ItemState.CLAIMED:
        raise ConflictError("The item isn't claimed, so there is nothing to give back.")
    return await _move(work, item, ItemState.OPEN)


async def close(work: OpenChange, item_id: UUID, outcome: str, version: int | None = None) -> Item:
    """Say how an item ended; ConflictError where somebody else has claimed it."""
    item = await _current(work, item_id, version)
    _still_to_do(work, item)
    _refuse_own(work, item)
    outcomes = kind_of(item).outcomes
    if outcome not in outcomes:
        raise InvalidInputError(
            f"Give one of these outcomes: {', '.join(outcomes)}.", field="/outcome"
        )
    return await _move(work, item, ItemState.DONE, outcome)


async def is_to_do(work: OpenWork, kind: ItemKind, record: RecordReference) -> bool:
    """Return whether the member sees an item of a kind about a record that still is to do."""
    return bool(await repository.about(work, kind, record))


async def settle(
    work: OpenChange, kind: ItemKind, record: RecordReference, outcome: str
) -> list[UUID]:
    """Close the items about a record that what the member just did has answered; return their ids.

    An item that a colleague has claimed, or that is for others to work on, is left to them: what
    the member did holds nevertheless.
    """
    settled = []
    for item in await repository.about(work, kind, record):
        theirs = item.claimed_by not in (None, work.subject.member_id)
        if theirs or _is_only_opener(work, item):
            continue
        await close(work, item.item_id, outcome, item.version)
        settled.append(item.item_id)
    return settled


async def cancel(work: OpenChange, item_id: UUID, version: int | None = None) -> Item:
    """Say that an item needs no doing any more; refused where a second person must decide."""
    item = await _current(work, item_id, version)
    _still_to_do(work, item)
    if item.four_eyes:
        raise RefusedError("This item can't be cancelled; close it with an outcome.")
    return await _move(work, item, ItemState.CANCELLED)


async def join_team(work: OpenChange, team: str, member: UUID) -> None:
    """Add a member to a team of the force; a team is there as soon as it has a member."""
    if not _TEAM.fullmatch(team):
        raise InvalidInputError(
            "Name a team in 2 to 41 small letters, digits, hyphens and underscores.", field="/team"
        )
    await repository.join_team(work, team, member)


async def leave_team(work: OpenChange, team: str, member: UUID) -> None:
    """Take a member out of a team; NotFoundError where it wasn't in it."""
    if not await repository.leave_team(work, team, member):
        raise NotFoundError("The member isn't in this team.")


def kind_of(item: Item) -> KindOfItem:
    """Return what an item's kind asks for; a kind of a newer version of the platform is kept."""
    try:
        return KINDS[ItemKind(item.kind)]
    except ValueError:
        raise ConflictError(
            "This version of the platform doesn't know the item's kind; bring it up to date."
        ) from None


async def _current(work: OpenChange, item_id: UUID, version: int | None) -> Item:
    item = await show(work, item_id)
    if version is not None and version != item.version:
        raise ConflictError("The item has changed since you saw it; show it again.")
    return item


def _still_to_do(work: OpenChange, item: Item) -> None:
    if item.state not in STILL_TO_DO:
        raise ConflictError("The item is closed already.")
    if item.claimed_by not in (None, work.subject.member_id):
        raise ConflictError("A colleague has claimed the item; it must be given back first.")


def _refuse_own(work: OpenChange, item: Item) -> None:
    if item.four_eyes and item.opened_by == work.subject.member_id:
        raise RefusedError("You opened this item, so somebody else must decide on it.")


async def _move(work: OpenChange, item: Item, state: ItemState, outcome: str | None = None) -> Item:
    moved = await repository.move(work, item.item_id, item.version, state, outcome)
    if not moved:
        if _is_only_opener(work, item):
            raise RefusedError("You opened this item for others; it is theirs to work on.")
        raise ConflictError("The item has changed since you saw it; show it again.")
    return await show(work, item.item_id)


def _is_only_opener(work: OpenChange, item: Item) -> bool:
    """Whether the member sees an item for having opened it, though it is assigned to others."""
    assignee = item.assignee
    return (
        item.opened_by == work.subject.member_id
        and item.claimed_by != work.subject.member_id
        and assignee.member != work.subject.member_id
        and (assignee.role is None or assignee.role not in work.subject.roles)
    )
