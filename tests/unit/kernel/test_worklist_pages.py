"""Pages of the worklist: what is stored and what waits beside it, in one order, none twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from athena.platform.kernel.worklist.listing import chosen, page, urgency
from athena.platform.kernel.worklist.models import STILL_TO_DO, ItemState
from athena.platform.kernel.worklist.schemas import ShownItem

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


def item(number: int, due_at: datetime | None, kind: str = "record_quality") -> ShownItem:
    """Return an item, as far as its place and its kind go."""
    return ShownItem(
        id=UUID(int=number),
        kind=kind,
        asks="Do it.",
        link="/api/v1/worklist",
        outcomes=(),
        record=None,
        assignee_role=None,
        assignee_team=None,
        assignee_member=None,
        clock="none",
        opened_at=NOON,
        due_at=due_at,
        is_overdue=False,
        opened_by=None,
        state="open",
        claimed_by=None,
        closed_by=None,
        closed_at=None,
        outcome=None,
        version=1,
    )


# Few distinct deadlines, so that many fall together.
DUE = st.integers(0, 5).map(lambda hours: NOON + timedelta(hours=hours))


@st.composite
def lists(draw: st.DrawFn) -> tuple[list[ShownItem], list[ShownItem]]:
    """Draw stored items, which all have a deadline, and others, of which some have none."""
    numbers = st.lists(st.integers(1, 10**6), max_size=24, unique=True)
    drawn, split = draw(numbers), draw(st.integers(0, 24))
    stored = [item(number, draw(DUE)) for number in drawn[:split]]
    others = [item(number, draw(DUE | st.none())) for number in drawn[split:]]
    return sorted(stored, key=urgency), sorted(others, key=urgency)


def read(
    stored: Sequence[ShownItem], others: Sequence[ShownItem], offset: int, limit: int
) -> list[ShownItem]:
    """Return a page as `listed` does, from a store that holds some items."""
    start = max(0, offset - len(others))
    return page(stored[start : limit + offset], start, others, offset, limit)


@given(lists(), st.integers(1, 9))
def test_pages_one_after_the_other_are_everything_in_order(
    both: tuple[list[ShownItem], list[ShownItem]], limit: int
) -> None:
    stored, others = both
    everything = sorted([*stored, *others], key=urgency)
    pages = [
        read(stored, others, offset, limit) for offset in range(0, len(everything) + limit, limit)
    ]
    assert [each for part in pages for each in part] == everything
    assert all(len(one) == limit for one, _ in pairwise(pages[: len(everything) // limit + 1]))
    assert pages[-1] == []


@given(lists(), st.integers(0, 40), st.integers(1, 40))
def test_any_page_is_that_part_of_everything(
    both: tuple[list[ShownItem], list[ShownItem]], offset: int, limit: int
) -> None:
    everything = sorted([*both[0], *both[1]], key=urgency)
    assert read(*both, offset, limit) == everything[offset : offset + limit]


def test_what_has_no_deadline_comes_last() -> None:
    late, soon, never = item(3, NOON), item(2, NOON + timedelta(days=900)), item(1, None)
    assert read([soon], [late, never], 0, 9) == [late, soon, never]


def test_what_waits_is_open_and_of_its_kind() -> None:
    vote, other = item(1, NOON, "governance_vote"), item(2, None, "governance_assess")
    assert chosen([other, vote], STILL_TO_DO, None) == [vote, other]
    assert chosen([other, vote], [ItemState.OPEN], {"governance_assess"}) == [other]
    assert chosen([other, vote], [ItemState.DONE, ItemState.CLAIMED], None) == []
