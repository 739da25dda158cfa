"""Where a change stands follows from what was added to it; sums are exact to the penny."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena.governance.changes.document import parse_change
from athena.governance.changes.standing import (
    ChangeEntry,
    EntryKind,
    beyond_tolerance,
    check_no_open_vote,
    check_shares,
    standing,
)
from athena.governance.entries.models import Entry
from athena.platform.kernel.errors import ConflictError, InvalidInputError
from support.governance import ASSESSMENT, emergency, request

START = datetime(2026, 11, 25, tzinfo=UTC)
VOTE = UUID(int=1)
DECISION = {
    "vote": str(VOTE),
    "result": "carried",
    "sentence": "Carried.",
    "cost_pence": 100,
    "tolerance_percent": 10,
    "minute": "00",
}
PENCE = st.integers(0, 10**14)


def entries(*told: tuple[EntryKind, str, dict[str, Any]], version: int = 1) -> list[ChangeEntry]:
    """Return entries in the order written."""
    return [
        Entry(
            number, tenant, f"board.{tenant}", START + timedelta(minutes=number), kind, version,
            document,
        )
        for number, (kind, tenant, document) in enumerate(told, start=1)
    ]  # fmt: skip


def quote(pence: int) -> tuple[EntryKind, str, dict[str, Any]]:
    return EntryKind.QUOTE, "amo", {"supplier_reference": "Q-1", "one_off_pence": pence}


PREVIEWED = (EntryKind.PREVIEW, "amo", {"formula": "equal", "shares_pence": {"kent": 1}})


class TestFold:
    def test_the_last_quote_holds_and_takes_the_preview_away(self) -> None:
        found = standing(entries(quote(1), PREVIEWED, quote(2)), 1)
        assert found.quote is not None
        assert (found.quote.one_off_pence, len(found.quotes), found.preview) == (2, 2, None)

    def test_taking_part_takes_the_preview_away(self) -> None:
        joined: tuple[EntryKind, str, dict[str, Any]] = (EntryKind.OPT_IN, "essex", {})
        assert standing(entries(PREVIEWED), 1).preview is not None
        assert standing(entries(PREVIEWED, joined), 1).preview is None

    def test_an_assessment_is_of_a_version(self) -> None:
        filed = entries((EntryKind.ASSESSMENT, "kent", ASSESSMENT))
        assert standing(filed, 1).waiting_for(["essex", "kent"]) == ["essex"]
        assert standing(filed, 2).waiting_for(["essex", "kent"]) == ["essex", "kent"]

    def test_whoever_leaves_and_joins_again_joins_then(self) -> None:
        empty: dict[str, Any] = {}
        joined, left = (EntryKind.OPT_IN, "kent", empty), (EntryKind.OPT_OUT, "kent", empty)
        found = standing(entries(joined, joined, left, joined), 1)
        assert found.participants == {"kent": START + timedelta(minutes=4)}

    def test_a_vote_is_open_until_it_is_decided_or_cancelled(self) -> None:
        opened = (EntryKind.VOTE_OPENED, "amo", {"vote": str(VOTE)})
        cancelled = (EntryKind.VOTE_CANCELLED, "amo", {"vote": str(VOTE)})
        decided = (EntryKind.DECISION, "amo", DECISION)
        with pytest.raises(ConflictError):
            check_no_open_vote(standing(entries(opened), 1))
        for ended in (cancelled, decided):
            check_no_open_vote(standing(entries(opened, ended), 1))

    def test_the_last_decision_alone_carries(self) -> None:
        carried = (EntryKind.DECISION, "amo", DECISION)
        missed = (EntryKind.DECISION, "amo", DECISION | {"result": "no_quorum"})
        assert standing(entries(missed, carried), 1).carried is not None
        assert standing(entries(carried, missed), 1).carried is None

    def test_what_is_not_what_it_says_counts_for_nothing(self) -> None:
        broken = entries((EntryKind.ASSESSMENT, "kent", {}), (EntryKind.QUOTE, "amo", {"x": 1}))
        found = standing(broken, 1)
        assert (found.assessments, found.quote) == ({}, None)

    @given(st.permutations(range(6)))
    def test_rows_may_be_read_in_any_order(self, order: list[int]) -> None:
        told = entries(
            quote(1), PREVIEWED, quote(2), PREVIEWED, (EntryKind.OPT_IN, "kent", {}),
            (EntryKind.ATTACHMENT, "kent", {"name": "plan", "sha256": "a" * 64, "size": 1}),
        )  # fmt: skip
        assert standing([told[place] for place in order], 1) == standing(told, 1)


class TestMoney:
    @pytest.mark.parametrize(
        ("voted", "asked", "percent", "beyond"),
        [
            (1000, 1100, 10, False),
            (1000, 1101, 10, True),
            (1000, 900, 10, False),
            (1000, 899, 10, True),
            (1000, 1000, 0, False),
            (1000, 1001, 0, True),
            (0, 0, 10, False),
            (0, 1, 100, True),
        ],
    )
    def test_beyond_tolerance(self, voted: int, asked: int, percent: int, beyond: bool) -> None:
        assert beyond_tolerance(voted, asked, percent) is beyond

    @given(PENCE, PENCE, st.integers(0, 99))
    def test_a_wider_tolerance_never_reopens_more(
        self, voted: int, asked: int, percent: int
    ) -> None:
        assert beyond_tolerance(voted, asked, percent) or not beyond_tolerance(
            voted, asked, percent + 1
        )

    @given(st.dictionaries(st.sampled_from(("essex", "kent", "norfolk")), PENCE, min_size=1))
    def test_a_preview_adds_up_to_the_penny(self, shares: dict[str, int]) -> None:
        total = sum(shares.values())
        check_shares(shares, total, shares)
        for wrong in (total - 1, total + 1):
            with pytest.raises(InvalidInputError):
                check_shares(shares, wrong, shares)
        with pytest.raises(InvalidInputError):
            check_shares(shares, total, [*shares, "suffolk"])


class TestDocument:
    def test_the_examples_are_requests(self) -> None:
        assert parse_change(request()).affected == ("essex", "kent")
        assert parse_change(emergency()).missing() == []

    @pytest.mark.parametrize(
        ("changes", "told"),
        [
            ({"irreversible_data": True}, "forward recovery"),
            ({"kind": "standard"}, "catalogue entry"),
            ({"kind": "emergency"}, "why it can't wait"),
            ({"kind": "standard", "catalogue": "x-y", "optional": True}, "isn't optional"),
            ({"one_off_pence": -1}, "one_off_pence"),
            ({"one_off_pence": 1.5}, "one_off_pence"),
            ({"one_off_pence": 10**14 + 1}, "one_off_pence"),
            ({"impacts": {}}, "impacts"),
            ({"title": "jon\ud800"}, "title"),
            ({"title": "two\nlines"}, "title"),
            ({"worst_case": None}, "worst_case"),
            ({"window": {"begins": "2027-01-01T00:00", "ends": "2027-01-02T00:00"}}, "window"),
        ],
        ids=str,
    )
    def test_each_fault_is_named(self, changes: dict[str, Any], told: str) -> None:
        with pytest.raises(InvalidInputError) as refused:
            parse_change(request(**changes))
        assert told in refused.value.detail
