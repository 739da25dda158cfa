"""A typed name leads to the recorded names it may mean, the closest first."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from athena.sharing.search.expansion import NameIndex

RECORDED = (
    "smith", "smyth", "smithson", "schmidt", "jones", "robert", "bob", "rob", "william", "margaret",
    "alexander", "alex", "mohammed", "muhamad", "siobhan", "shevaun", "niamh", "catherine",
    "kathryn", "john", "jon", "joan", "j", "oneill", "neil", "chowdhury", "szymanski", "thompson",
    "wojciechowski", "lee", "leigh", "philip",
)  # fmt: skip

UNHURRIED = settings(deadline=None)  # how long it takes is no property of an expansion

letters = "abcdefghijklmnopqrstuvwxyz"
names = st.text(letters, min_size=1, max_size=64)


def index_of(*tokens: str) -> NameIndex:
    return NameIndex(range(1, len(tokens) + 1), tokens, [1] * len(tokens))


@pytest.fixture(scope="module")
def index() -> NameIndex:
    return index_of(*RECORDED)


def means(index: NameIndex, typed: str) -> dict[str, str]:
    return {item.token: item.how for item in index.expand(typed)}


@pytest.mark.parametrize(
    ("typed", "meant", "how"),
    [
        ("smith", "smith", "exact"),
        ("smirh", "smith", "spelt alike"),
        ("smitth", "smith", "spelt alike"),
        ("thomson", "thompson", "sounds alike"),
        ("mohamed", "mohammed", "spelt alike"),
        ("muhammod", "mohammed", "sounds alike"),
        ("chevonne", "siobhan", "short or full form"),
        ("neve", "niamh", "short or full form"),
        ("chaudhry", "chowdhury", "sounds alike"),
        ("shimanski", "szymanski", "sounds alike"),
        ("katherin", "catherine", "sounds alike"),
        ("peggy", "margaret", "short or full form"),
        ("bill", "william", "short or full form"),
        ("bobby", "rob", "short or full form"),
        ("sasha", "alexander", "short or full form"),
        ("mo", "mohammed", "short or full form"),
        ("alexan", "alexander", "begins alike"),
        ("alexandros", "alex", "begins alike"),
        ("j", "john", "initial"),
        ("james", "j", "initial"),
        ("wojcechowsky", "wojciechowski", "sounds alike"),
    ],
)
def test_a_typed_name_leads_to_the_one_meant(
    index: NameIndex, typed: str, meant: str, how: str
) -> None:
    assert means(index, typed)[meant] == how


def test_a_stranger_is_not_meant(index: NameIndex) -> None:
    assert means(index, "zbigniew") == {}
    assert "jones" not in means(index, "smith")


def test_the_closest_comes_first(index: NameIndex) -> None:
    found = index.expand("smith")
    assert [item.token for item in found[:2]] == ["smith", "smyth"]
    assert found[0].log_p == 0.0
    assert [item.log_p for item in found] == sorted((item.log_p for item in found), reverse=True)


def test_a_term_keeps_its_number() -> None:
    index = NameIndex([700, 8, 91], ["smith", "abbott", "jones"], [1, 1, 1])
    assert [(item.term_id, item.token) for item in index.expand("jones")] == [(91, "jones")]
    assert [(item.term_id, item.token) for item in index.expand("smith")] == [(700, "smith")]


def test_common_names_are_kept_sooner_but_rank_no_higher() -> None:
    near = [f"anderso{letter}" for letter in letters]
    index = NameIndex(range(1, 27), near, [1] * 25 + [1_000_000])
    few = index.expand("anderson", limit=5)
    assert few[0].token == "anderson"
    assert "andersoz" in [item.token for item in few]
    assert few[-1].log_p <= few[1].log_p


def test_a_known_name_is_kept_however_rare() -> None:
    near = [f"anderso{letter}" for letter in letters]
    index = NameIndex(range(1, 27), near, [1 if token == "anderson" else 10**9 for token in near])
    found = index.expand("anderson", limit=3)
    assert len(found) == 3
    assert found[0].token == "anderson"


@UNHURRIED
@given(st.lists(names, min_size=1, max_size=12, unique=True))
def test_every_recorded_name_means_itself_first(tokens: list[str]) -> None:
    index = index_of(*tokens)
    for token in tokens:
        first = index.expand(token)[0]
        assert (first.token, first.log_p, first.how) == (token, 0.0, "exact")


@UNHURRIED
@given(st.text(letters, min_size=5, max_size=20), st.data())
def test_two_letters_lost_are_found_again(recorded: str, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(recorded) - 1))
    typed = recorded[:first] + recorded[first + 1 :]
    second = data.draw(st.integers(0, len(typed) - 1))
    typed = typed[:second] + typed[second + 1 :]
    found = index_of(recorded).expand(typed)
    assert [item.token for item in found] == [recorded]
    assert found[0].log_p < 0 or typed == recorded


@UNHURRIED
@given(names)
def test_any_typed_name_is_answered_within_the_limit(typed: str) -> None:
    found = index_of(*RECORDED).expand(typed, limit=7)
    assert len(found) <= 7
    assert all(item.log_p <= 0 and item.typed == typed for item in found)


def test_an_empty_dictionary_knows_nothing() -> None:
    assert index_of().expand("smith") == []
    assert len(index_of()) == 0


def test_nothing_typed_means_nothing(index: NameIndex) -> None:
    assert index.expand("") == []


def test_a_saved_index_answers_as_the_one_built(index: NameIndex, tmp_path: Path) -> None:
    index.save(tmp_path / "names")
    opened = NameIndex.open(tmp_path / "names")
    assert len(opened) == len(index)
    for typed in (*RECORDED, "smiht", "peggy", "alexan", "zbigniew"):
        assert opened.expand(typed) == index.expand(typed)


def test_saving_overwrites_nothing_and_opening_needs_something(
    index: NameIndex, tmp_path: Path
) -> None:
    index.save(tmp_path / "names")
    with pytest.raises(FileExistsError):
        index.save(tmp_path / "names")
    with pytest.raises(FileNotFoundError):
        NameIndex.open(tmp_path / "elsewhere")
