"""The gate's verdict: by a table, and for any counts."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena.governance.health.gate import weigh
from athena.governance.health.models import BOUNDS, BUCKETS, Budget, Counts, Outcome, bucket_of
from athena.platform.kernel.errors import InvalidInputError

TIMES = st.lists(st.floats(min_value=0, max_value=100_000), min_size=1, max_size=300)


def counted(requests: int, errors: int = 0, milliseconds: float = 100.0) -> Counts:
    counts = Counts()
    for number in range(requests):
        counts.add(milliseconds, failed=number < errors)
    return counts


@pytest.mark.parametrize(
    ("counts", "outcome", "said"),
    [
        (Counts(), Outcome.TOO_LITTLE, "0 requests are too few"),
        (counted(99), Outcome.TOO_LITTLE, "it takes 100"),
        (counted(99, errors=99), Outcome.TOO_LITTLE, "99 requests are too few"),
        (counted(100), Outcome.PASS, "0 failed (0 %"),
        (counted(100, errors=1), Outcome.PASS, "1 failed (1 %"),
        (counted(100, errors=2), Outcome.HOLD, "2 failed (2 %"),
        (counted(100, milliseconds=256), Outcome.PASS, "at most 256 milliseconds"),
        (counted(100, milliseconds=257), Outcome.HOLD, "at most 304 milliseconds"),
        (counted(100, milliseconds=20_000), Outcome.HOLD, "more than 16,384 milliseconds"),
    ],
)
def test_a_verdict(counts: Counts, outcome: Outcome, said: str) -> None:
    verdict = weigh(counts, Budget(100, 0.01, 256))
    assert verdict.outcome is outcome
    assert said in verdict.sentence
    assert verdict.sentence.startswith("Passed" if outcome is Outcome.PASS else "Held")
    assert verdict.figures.requests == counts.requests


def test_five_in_a_hundred_may_be_slow_and_six_may_not() -> None:
    for slow, outcome in ((5, Outcome.PASS), (6, Outcome.HOLD)):
        counts = counted(100 - slow)
        for _ in range(slow):
            counts.add(5_000, failed=False)
        assert weigh(counts, Budget(100, 0, 200)).outcome is outcome


@pytest.mark.parametrize(
    "budget",
    [(0, 0.01, 500), (1, -0.1, 500), (1, 1.1, 500), (1, float("nan"), 500), (1, 0.1, 0)],
)
def test_a_budget_that_means_nothing_is_refused(budget: tuple[int, float, int]) -> None:
    with pytest.raises(InvalidInputError):
        Budget(*budget)


def test_a_rate_is_what_was_written() -> None:
    assert Budget(1, 0.01, 1).rate == Budget(1, Fraction(1, 100), 1).rate == Fraction(1, 100)


@given(TIMES)
def test_the_bound_is_never_below_and_at_most_a_fifth_above(times: list[float]) -> None:
    counts = Counts()
    for milliseconds in times:
        counts.add(milliseconds, failed=False)
    true = sorted(times)[-(-len(times) * 95 // 100) - 1]
    bound = counts.p95()
    if bound is None:
        assert true > BOUNDS[-1]
    else:
        assert true <= bound <= max(1.0, true * 1.19)


@given(TIMES, st.integers(min_value=1, max_value=5))
def test_a_sum_over_processes_is_as_if_one_had_counted(times: list[float], processes: int) -> None:
    whole, parts = Counts(), [Counts() for _ in range(processes)]
    for place, milliseconds in enumerate(times):
        failed = place % 7 == 0
        whole.add(milliseconds, failed=failed)
        parts[place % processes].add(milliseconds, failed=failed)
    assert Counts.total((one.requests, one.errors, one.buckets) for one in parts) == whole
    assert sum(whole.buckets) == whole.requests == len(times)


def test_every_bucket_is_reached_from_its_bound() -> None:
    assert [bucket_of(bound) for bound in BOUNDS] == list(range(BUCKETS - 1))
    assert bucket_of(BOUNDS[-1] + 1) == BUCKETS - 1
