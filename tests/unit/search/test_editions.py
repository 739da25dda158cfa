"""Editions of the dictionary in files: whole or not there, of this store, private."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from athena.records.names.repository import RegisterState
from athena.sharing.search.dictionary import NameDictionary, PairIndex
from athena.sharing.search.editions import Shelf

STATE = RegisterState(store="7-00000001-5", cleanings=2, horizon=900)
TERMS = [(7, "smith"), (1, "jones"), (4_000_000, "zbigniew"), (12, "peggy")]
MASK = (1 << 23) - 1
PAIRS = [7 << 23 | 1, 1 << 23 | 4_000_000, 12 << 23]


@pytest.fixture
def built() -> NameDictionary:
    return NameDictionary.build(TERMS, PAIRS)


@pytest.fixture
def shelf(tmp_path: Path, built: NameDictionary) -> Shelf:
    shelf = Shelf(tmp_path / "dictionary" / "store")
    with shelf.building() as free:
        assert free
        shelf.publish(STATE, built.arrays())
    return shelf


def current(shelf: Shelf) -> Path:
    return shelf.folder / (shelf.current_name() or "")


def test_an_opened_edition_answers_as_what_was_built(shelf: Shelf, built: NameDictionary) -> None:
    edition = shelf.open(STATE)
    assert edition is not None
    assert (edition.header.terms, edition.header.pairs) == (4, 3)
    opened = NameDictionary.opened(edition.arrays)
    for typed in ("smith", "smiht", "margaret", "j", "zbig", "nobody"):
        assert opened.expand(typed) == built.expand(typed)
    surnames, given_names = ({pair >> 23 for pair in PAIRS} | {5}, {pair & MASK for pair in PAIRS})
    (found,) = opened.likely_pairs(of_weight(surnames, 0.0), of_weight(given_names, 0.0), -1.0)
    assert sorted(found[0].tolist()) == sorted(PAIRS)
    assert opened.given_with(7).tolist() == [1]
    assert opened.surnames_with(4_000_000).tolist() == [1]


def test_only_its_owner_can_read_it(shelf: Shelf) -> None:
    assert stat.S_IMODE(shelf.folder.stat().st_mode) == 0o700
    for path in shelf.folder.rglob("*"):
        if path.name != "lock":
            wanted = 0o700 if path.is_dir() else 0o600
            assert stat.S_IMODE(path.stat().st_mode) == wanted, path


def test_an_arrays_file_is_mapped_and_not_read(shelf: Shelf) -> None:
    edition = shelf.open(STATE)
    assert edition is not None
    for array in edition.arrays.values():
        assert isinstance(array.base, np.memmap)
        assert not array.flags.writeable


@pytest.mark.parametrize(
    "state",
    [replace(STATE, store="another server's"), replace(STATE, cleanings=3)],
    ids=["another store", "cleaned since"],
)
def test_an_edition_of_something_else_is_not_opened(shelf: Shelf, state: RegisterState) -> None:
    assert shelf.open(state) is None


@pytest.mark.parametrize(
    ("place", "content"),
    [
        ("header.json", None),
        ("header.json", "nonsense"),
        ("pairs.npy", None),
        ("tokens.npy", ""),
        ("../current", "edition-that-is-gone"),
        ("../current", ""),
    ],
)
def test_a_damaged_edition_counts_as_not_there(
    shelf: Shelf, place: str, content: str | None
) -> None:
    path = current(shelf) / place
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    assert shelf.open(STATE) is None


def test_a_header_that_was_changed_counts_for_nothing(shelf: Shelf) -> None:
    path = current(shelf) / "header.json"
    changed = path.read_text().replace('"horizon": 900', '"horizon": 1')
    assert changed != path.read_text()
    path.write_text(changed)
    assert shelf.open(STATE) is None


def test_a_changed_byte_is_told(shelf: Shelf) -> None:
    header, wrong = shelf.check()
    assert header is not None
    assert wrong == []
    path = current(shelf) / "pairs.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert shelf.check()[1] == ["pairs.npy"]


def test_the_next_edition_replaces_the_last_and_who_has_that_keeps_it(
    shelf: Shelf, built: NameDictionary
) -> None:
    held = shelf.open(STATE)
    assert held is not None
    (shelf.folder / "unfinished-edition-of-somebody-who-died").mkdir()
    with shelf.building():
        name = shelf.publish(replace(STATE, horizon=1000), built.arrays())
    assert shelf.current_name() == name != held.name
    left = {path.name for path in shelf.folder.iterdir()}
    assert left == {"current", "lock", name}
    assert NameDictionary.opened(held.arrays).expand("smith") == built.expand("smith")


def test_one_builds_at_a_time(shelf: Shelf) -> None:
    with shelf.building() as first, Shelf(shelf.folder).building() as second:
        assert first
        assert not second
    with Shelf(shelf.folder).building() as free:
        assert free


pairs = st.sets(st.integers(0, 2**46 - 1), max_size=40)


@settings(deadline=None)
@given(recorded=pairs, others=pairs, least=st.integers(-12, 0))
def test_exactly_the_recorded_pairs_that_weigh_enough_are_likely(
    recorded: set[int], others: set[int], least: int
) -> None:
    index = PairIndex(np.asarray(sorted(recorded), dtype=np.int64))
    surnames = {pair >> 23 for pair in recorded | others}
    given_names = {pair & MASK for pair in recorded | others}
    (terms, weights), first = of_weight(surnames, 6.0), of_weight(given_names, 6.0)
    found, summed = index.likely((terms, weights), first, float(least))
    expected = {
        pair: weight + other
        for surname, weight in zip(terms.tolist(), weights.tolist(), strict=True)
        for given_name, other in zip(*(column.tolist() for column in first), strict=True)
        if (pair := surname << 23 | given_name) in recorded and weight + other >= least
    }
    assert dict(zip(found.tolist(), summed.tolist(), strict=True)) == expected


def of_weight(terms: set[int], most: float) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return terms with weights that fall from 0 to minus the most."""
    weights = -np.linspace(0.0, most, len(terms))
    return np.asarray(sorted(terms), dtype=np.int64), weights
