"""What slips cost: the likelier one is the cheaper one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from athena.sharing.search.closeness import COSTS
from athena.sharing.search.compiled import slip_tenths

names = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=14)


def cost(typed: str, *recorded: str) -> list[float]:
    names = np.asarray(recorded, dtype=np.bytes_)
    letters = names.view(np.uint8).reshape(len(names), -1)
    row = np.frombuffer(typed.encode(), np.uint8)
    return [tenths / 10 for tenths in slip_tenths(row, letters, np.arange(len(names)), COSTS)]


@settings(deadline=None)
@given(names, st.lists(names, min_size=1, max_size=8))
def test_only_the_same_name_costs_nothing(typed: str, recorded: list[str]) -> None:
    for name, value in zip(recorded, cost(typed, *recorded), strict=True):
        assert value >= 0
        assert (value < 1e-4) == (name == typed)


@settings(deadline=None)
@given(names, st.lists(names, min_size=1, max_size=8))
def test_a_name_costs_the_same_in_any_company(typed: str, recorded: list[str]) -> None:
    together = cost(typed, *recorded)
    alone = [cost(typed, name)[0] for name in recorded]
    assert together == pytest.approx(alone, abs=1e-4)


@pytest.mark.parametrize(
    ("typed", "likelier", "unlikelier"),
    [
        ("philip", "phillip", "philimp"),  # a double letter made single, a letter dropped
        ("jonh", "john", "joni"),  # neighbours exchanged, a letter replaced
        ("smyth", "smith", "smoth"),  # a vowel of like sound, another letter
        ("katherine", "catherine", "patherine"),  # the like sound at the front
        ("davod", "david", "davqd"),  # the next key, a far one
        ("morton", "marton", "motton"),  # a vowel for a vowel, a consonant for another
        ("allison", "alison", "albison"),
        ("barnet", "barnett", "barnets"),
    ],
)
def test_the_likelier_slip_is_cheaper(typed: str, likelier: str, unlikelier: str) -> None:
    near, far = cost(typed, likelier, unlikelier)
    assert 0 < near < far


def test_a_slip_in_the_first_letter_is_dearer_than_the_same_one_later() -> None:
    first, later = cost("tanner", "banner", "tanber")
    assert first > later > 0


def test_two_slips_cost_more_than_either() -> None:
    both, one, other = cost("hendersn", "anderson", "henderson", "andersn")
    assert both > max(one, other)
