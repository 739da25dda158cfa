"""The compiled loops do what their plain descriptions say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from athena.sharing.search import compiled, compiled_columns, neighbourhood
from athena.sharing.search.expansion import NameIndex

letters = st.text("abcdest", min_size=2, max_size=9)
names = st.lists(letters, min_size=1, max_size=40, unique=True)


@settings(deadline=None)
@given(st.text("abcdest", min_size=1, max_size=64), st.text("abcdest", min_size=1, max_size=70))
def test_slips_are_counted_as_the_distance_says(typed: str, recorded: str) -> None:
    masks = np.zeros(256, np.uint64)
    for place, letter in enumerate(typed.encode()):
        masks[letter] |= np.uint64(1 << place)
    row = np.frombuffer(recorded.encode(), np.uint8)
    assert compiled._slips(masks, len(typed), row) == OSA.distance(typed, recorded)


@settings(deadline=None)
@given(names, letters)
def test_whoever_is_one_slip_away_is_found(recorded: list[str], typed: str) -> None:
    index = NameIndex(list(range(1, len(recorded) + 1)), recorded, [1] * len(recorded))
    found = {item.token for item in index.expand(typed, limit=1_000)}
    assert found >= {name for name in recorded if OSA.distance(typed, name) <= 1}


@settings(deadline=None)
@given(names, st.lists(letters, min_size=1, max_size=20))
def test_names_are_placed_as_a_sorted_list_places_them(
    recorded: list[str], wanted: list[str]
) -> None:
    ordered = np.sort(np.asarray(recorded, dtype=np.bytes_))
    asked = np.asarray(wanted, dtype=np.bytes_)
    places = compiled.first_places(
        ordered.view(np.uint8).reshape(len(ordered), -1),
        asked.view(np.uint8).reshape(len(asked), -1),
    )
    assert places.tolist() == np.searchsorted(ordered, asked).tolist()


@settings(deadline=None)
@given(st.lists(st.text("abcdest", min_size=1, max_size=24), min_size=1, max_size=12, unique=True))
def test_a_loop_files_names_as_columns_do(recorded: list[str]) -> None:
    tokens = np.sort(np.asarray(recorded, dtype=np.bytes_))
    sounds = neighbourhood.sound_hashes([token.decode() for token in tokens.tolist()])
    by_columns = neighbourhood.file_names(tokens, sounds)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbourhood, "WORTH_A_LOOP", 1)
        by_loop = neighbourhood.file_names(tokens, sounds)
    assert [part.tolist() for part in by_loop] == [part.tolist() for part in by_columns]


@settings(deadline=None)
@given(st.lists(st.integers(0, 2**46), max_size=60), st.integers(0, 70))
def test_each_value_is_taken_where_it_stands_first(values: list[int], most: int) -> None:
    first = compiled_columns.first_of_each(np.asarray(values, dtype=np.int64), most).tolist()
    assert first == [values.index(value) for value in dict.fromkeys(values)][:most]


@settings(deadline=None)
@given(st.lists(st.integers(0, 30), max_size=40), st.sets(st.integers(1, 30), max_size=20))
def test_terms_weigh_what_they_are_given(wanted: list[int], known: set[int]) -> None:
    terms = np.asarray(sorted(known), dtype=np.int64)
    weights = compiled_columns.weights_of(
        np.asarray(wanted, dtype=np.int64), terms, -terms / 10, missing=-2.5, otherwise=-7.0
    )
    expected = [-2.5 if term == 0 else -term / 10 if term in known else -7.0 for term in wanted]
    assert weights.tolist() == expected
