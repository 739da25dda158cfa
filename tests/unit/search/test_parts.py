"""What was registered since an edition was built is found as if it stood in the edition."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from athena.sharing.search import choosing, dictionary, expansion, plan
from athena.sharing.search.dictionary import NameDictionary, contains
from athena.sharing.search.plan import make_plan
from athena.sharing.search.query import Asked, understand

FEW = 4
"""How many names or pairs of a kind are kept in these tests, so that a few dozen are too many."""


class Register(NamedTuple):
    """Names, their pairs, and which of both were there when the edition was built."""

    tokens: list[str]
    pairs: set[int]
    early: set[int]
    early_pairs: set[int]

    def whole(self) -> NameDictionary:
        return NameDictionary.build(list(enumerate(self.tokens, start=1)), self.pairs)

    def in_parts(self) -> NameDictionary:
        terms = list(enumerate(self.tokens, start=1))
        base = NameDictionary.build(
            [term for term in terms if term[0] in self.early], self.early_pairs
        )
        late = [term for term in terms if term[0] not in self.early]
        pairs = np.unique(np.asarray(sorted(self.pairs), dtype=np.int64))
        return base.with_new(
            np.asarray([token for _, token in late], dtype=np.bytes_),
            np.asarray([number for number, _ in late], dtype=np.int32),
            pairs[~contains(base.pairs.pairs, pairs)],
        )


@st.composite
def registers(draw: st.DrawFn) -> Register:
    """Draw names that are near each other, some with many partners, and any split of them."""
    tokens = draw(
        st.lists(st.text("abe", min_size=1, max_size=5), min_size=1, max_size=40, unique=True)
    )
    numbers = st.integers(1, len(tokens))
    pairs = draw(st.sets(st.tuples(st.integers(0, len(tokens)), numbers), max_size=60))
    packed = {family << 23 | first for family, first in pairs}
    early = draw(st.sets(numbers))
    early_pairs = draw(st.sets(st.sampled_from(sorted(packed)))) if packed else set()
    return Register(tokens, packed, early, early_pairs)


typed = st.text("abe", min_size=1, max_size=6)


@pytest.fixture(autouse=True, scope="module")
def few() -> Iterator[None]:
    """Cut off after a few, so that what is cut off counts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choosing, "MOST_OF_WAY", dict.fromkeys(choosing.MOST_OF_WAY, FEW))
        patch.setattr(expansion, "MOST_COMPARED", FEW)
        patch.setattr(expansion, "MOST_EXPANSIONS", FEW)
        patch.setattr(dictionary.NameDictionary.meant_by, "__defaults__", (FEW,))
        for name in ("MOST_PAIRS", "MOST_FAMILIES", "MOST_OF_FAMILY", "MOST_SURNAMES_ALONE"):
            patch.setattr(plan, name, FEW)
        yield


@settings(deadline=None, max_examples=100)
@given(registers(), typed, st.integers(1, FEW))
def test_a_name_is_taken_for_the_same(register: Register, name: str, limit: int) -> None:
    assert register.in_parts().expand(name, limit) == register.whole().expand(name, limit)


@settings(deadline=None, max_examples=100)
@given(registers(), st.integers(0, 40))
def test_a_name_has_the_same_partners(register: Register, term: int) -> None:
    parts, whole = register.in_parts(), register.whole()
    assert parts.given_with(term).tolist() == whole.given_with(term).tolist()
    assert parts.surnames_with(term).tolist() == whole.surnames_with(term).tolist()


@settings(deadline=None, max_examples=100)
@given(
    registers(),
    st.one_of(st.none(), typed),
    typed,
    st.sampled_from([{}, {"year_of_birth": 1980}, {"date_of_birth": "1980-03-12"}]),
)
def test_the_same_is_looked_up_in_the_same_order(
    register: Register, first: str | None, family: str, born: dict[str, Any]
) -> None:
    query = understand(Asked(given_name=first, surname=family, **born))
    parts, whole = make_plan(query, register.in_parts()), make_plan(query, register.whole())
    for ranges in ("narrow", "wide", "days", "pointers"):
        assert getattr(parts, ranges).tolist() == getattr(whole, ranges).tolist()
    assert (parts.good, parts.surname_terms, parts.given_terms) == (
        whole.good,
        whole.surname_terms,
        whole.given_terms,
    )
