"""PACE 1984: reviews of detention (s.40) and how long it may last (s.41 to s.44)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena.platform.kernel.clock import LONDON
from athena.platform.kernel.clocks.models import Interval
from athena.platform.kernel.clocks.pace import DetentionStage, detention_limit, review_due
from athena.platform.kernel.errors import InvalidInputError

MOMENTS = st.integers(0, 2_200_000_000).map(
    lambda seconds: datetime(1990, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
MINUTES = st.integers(0, 24 * 60).map(lambda minutes: timedelta(minutes=minutes))
HOUR = timedelta(hours=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=LONDON)


class TestReviews:
    @given(MOMENTS)
    def test_the_first_is_due_six_hours_after_the_authorisation(self, start: datetime) -> None:
        assert review_due(start).at == start + 6 * HOUR

    @given(MOMENTS, st.lists(MINUTES, min_size=1, max_size=8))
    def test_no_gap_is_longer_than_the_law_allows(
        self, start: datetime, gaps: list[timedelta]
    ) -> None:
        """Whatever was late, the due times themselves are never more than nine hours apart."""
        reviews: list[datetime] = []
        dues = [review_due(start).at]
        for gap in gaps:
            reviews.append((reviews[-1] if reviews else start) + gap)
            dues.append(review_due(start, reviews).at)
        for (due, following), review in zip(pairwise(dues), reviews, strict=True):
            assert following - due <= 9 * HOUR
            assert following == min(due, review) + 9 * HOUR

    @given(MOMENTS, MINUTES)
    def test_an_early_review_brings_the_next_one_forward(
        self, start: datetime, after: timedelta
    ) -> None:
        if after <= 6 * HOUR:
            assert review_due(start, [start + after]).at == start + after + 9 * HOUR

    def test_a_postponed_review_doesnt_put_off_the_next(self) -> None:
        start = at("2026-05-01T10:00")
        late = start + 8 * HOUR
        assert review_due(start, [late]).at == start + 15 * HOUR

    def test_over_the_night_when_clocks_go_back(self) -> None:
        """Authorised at 22:00 BST, six hours later it is 03:00 GMT."""
        due = review_due(at("2026-10-24T22:00"))
        assert f"{due.at.astimezone(LONDON):%H:%M %Z}" == "03:00 GMT"
        assert due.clock == "pace_review"

    def test_over_the_night_when_clocks_go_forward(self) -> None:
        due = review_due(at("2026-03-28T22:00"))
        assert f"{due.at.astimezone(LONDON):%H:%M %Z}" == "05:00 BST"

    def test_reviews_out_of_order_are_refused(self) -> None:
        start = at("2026-05-01T10:00")
        with pytest.raises(InvalidInputError):
            review_due(start, [start + 5 * HOUR, start + 4 * HOUR])


class TestDetention:
    @given(MOMENTS, st.sampled_from(DetentionStage))
    def test_without_hospital_it_is_the_hours_of_the_stage(
        self, start: datetime, stage: DetentionStage
    ) -> None:
        assert detention_limit(start, stage).at == start + stage.value * HOUR

    @given(
        MOMENTS,
        st.sampled_from(DetentionStage),
        st.lists(st.tuples(st.integers(-600, 8000), st.integers(0, 900)), max_size=6),
    )
    def test_exactly_the_hours_of_the_stage_count(
        self, start: datetime, stage: DetentionStage, absences: list[tuple[int, int]]
    ) -> None:
        """Counted minute by minute: what is in no interval adds up to the stage's hours."""
        away = [(begin, begin + length) for begin, length in absences]
        minute = timedelta(minutes=1)
        excluded = [Interval(start + a * minute, start + b * minute) for a, b in away]
        limit = detention_limit(start, stage, excluded)
        total = int((limit.at - start) / minute)
        out = {m for a, b in away for m in range(max(a, 0), min(b, total))}
        assert total - len(out) == stage.value * 60

    def test_over_the_night_when_clocks_go_back(self) -> None:
        due = detention_limit(at("2026-10-24T14:00"), DetentionStage.ORDINARY)
        assert f"{due.at.astimezone(LONDON):%d %H:%M %Z}" == "25 13:00 GMT"

    def test_over_the_night_when_clocks_go_forward(self) -> None:
        due = detention_limit(at("2026-03-28T14:00"), DetentionStage.SUPERINTENDENT)
        assert f"{due.at.astimezone(LONDON):%d %H:%M %Z}" == "30 03:00 BST"

    def test_an_interval_that_ends_before_it_starts_is_refused(self) -> None:
        with pytest.raises(InvalidInputError):
            Interval(at("2026-05-01T10:00"), at("2026-05-01T09:00"))
