"""Pairs make groups, and how good the groups are is counted by pairs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from athena.platform.benchmarks.linking_febrl import quality
from athena.sharing.linking.assignment import Pair
from athena.sharing.linking.grouping import grouped

RECORDS = [f"rec-{number}" for number in range(8)]
PAIRS = st.lists(
    st.tuples(st.sampled_from(RECORDS), st.sampled_from(RECORDS), st.floats(-5, 5)), max_size=20
)


@given(PAIRS)
def test_each_record_is_in_one_group_and_pairs_decide_which(pairs: list[Pair]) -> None:
    groups = grouped(RECORDS, pairs, 0.0)
    assert sorted(record for group in groups for record in group) == RECORDS
    place = {record: number for number, group in enumerate(groups) for record in group}
    for one, other, bits in pairs:
        assert bits < 0 or place[one] == place[other]
    joins = {frozenset(pair[:2]) for pair in pairs if pair[2] >= 0 and pair[0] != pair[1]}
    assert len(groups) >= len(RECORDS) - len(joins)


def test_quality_counts_pairs_and_people_found_whole() -> None:
    found = quality(
        [
            ["rec-1-org", "rec-1-dup-0", "rec-1-dup-1"],
            ["rec-2-org", "rec-2-dup-0", "rec-3-org"],
            ["rec-2-dup-1"],
            ["rec-4-org"],
        ]
    )
    assert found["pairs"] == 6
    assert found["precision"] == round(4 / 6, 5)
    assert found["recall"] == round(4 / 6, 5)
    assert found["f1"] == round(4 / 6, 5)
    assert (found["people_with_more_than_two"], found["whole_of_more"]) == (2, 1)
    assert found["groups_by_size"] == {1: 2, 3: 2}
