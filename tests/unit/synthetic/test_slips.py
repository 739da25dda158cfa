"""Slips stay slips: one letter, or an accent, never another name."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from athena.records.synthetic.slips import slip, without_accents

NAMES = st.text("ABCDEFGabcdefgłéñ'-", min_size=1, max_size=30)


@given(NAMES, st.integers())
def test_a_slip_is_one_edit_away_and_keeps_both_ends(name: str, seed: int) -> None:
    slipped = slip(random.Random(seed), name)
    assert OSA.distance(name, slipped) <= 1
    assert slipped[0] == name[0]
    if len(name) < 4:
        assert slipped == name


def test_every_kind_of_slip_is_made() -> None:
    slipped = {slip(random.Random(seed), "Abcd") for seed in range(400)}
    assert {"Acd", "Abd", "Abbcd", "Abccd", "Acbd", "Abdc", "Axcd", "Abxd"} <= slipped


@pytest.mark.parametrize(
    ("name", "plain"), [("Zoë", "Zoe"), ("Gonçalves", "Goncalves"), ("O'Neill", "O'Neill")]
)
def test_accents_are_left_off(name: str, plain: str) -> None:
    assert without_accents(name) == plain
