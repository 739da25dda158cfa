"""The worklist as a member sees it: stored items, and what waits without being stored, in order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import UTC, datetime
from uuid import UUID

from athena.platform.kernel.desk import OpenWork
from athena.platform.kernel.identity import Subject
from athena.platform.kernel.worklist import service
from athena.platform.kernel.worklist.models import STILL_TO_DO, ItemState
from athena.platform.kernel.worklist.schemas import ShownItem

Waiting = Callable[[Subject], Awaitable[list[ShownItem]]]
"""What a feature above works out that waits for a member; it goes once it is done."""


async def nothing(_: Subject) -> list[ShownItem]:
    """Return that nothing waits beside what is stored."""
    return []


async def listed(
    work: OpenWork,
    waiting: Sequence[ShownItem],
    states: Sequence[ItemState] = STILL_TO_DO,
    kinds: Collection[str] | None = None,
    limit: int = 50,
    offset: int = 0,
) -> list[ShownItem]:
    """Return a page of everything that a member has to do, the most urgent first.

    ``waiting`` counts as open; ``kinds`` are those to be shown, all of them by default.
    """
    others = chosen(waiting, states, kinds)
    start = max(0, offset - len(others))
    stored = await service.list_items(work, states, limit + offset - start, start, kinds)
    return page([ShownItem.of(item) for item in stored], start, others, offset, limit)


def chosen(
    waiting: Sequence[ShownItem], states: Collection[ItemState], kinds: Collection[str] | None
) -> list[ShownItem]:
    """Return what waits of some states and kinds, the most urgent first."""
    return sorted(
        (
            item
            for item in waiting
            if ItemState.OPEN in states and (kinds is None or item.kind in kinds)
        ),
        key=urgency,
    )


def page(
    stored: Sequence[ShownItem], start: int, others: Sequence[ShownItem], offset: int, limit: int
) -> list[ShownItem]:
    """Merge stored items, of which ``start`` more come before, with others; return one page.

    ``start`` is at most ``offset`` less the number of the others, so nothing of the page is before.
    """
    if start and not stored:
        return []
    later = [item for item in others if not start or urgency(item) >= urgency(stored[0])]
    merged = sorted([*stored, *later], key=urgency)
    skipped = offset - start - (len(others) - len(later))
    return merged[skipped : skipped + limit]


def urgency(item: ShownItem) -> tuple[bool, datetime, UUID]:
    """Return what items are ordered by: the deadline, those without one last."""
    return item.due_at is None, item.due_at or datetime.max.replace(tzinfo=UTC), item.id
