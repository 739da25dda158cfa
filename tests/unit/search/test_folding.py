"""Duplicates among hits: none is lost, none is doubled, each stands under its nominal or alone."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from athena.platform.kernel.identity import Level, NominalId, TenantId
from athena.sharing.search.folding import folded, gathered
from athena.sharing.search.ranking import Ranked
from athena.sharing.search.schemas import Hit

KENT = TenantId(1)


def key(number: int) -> NominalId:
    return NominalId(UUID(int=number))


def ranked(number: int, score: float) -> Ranked:
    return Ranked(KENT, key(number), score, ())


def hit(item: Ranked) -> Hit:
    return Hit(
        id=item.nominal_id,
        owner_force="kent",
        disclosure=Level.FULL,
        nominal=None,
        score=item.score,
        explanation=[],
        agreement_id=None,
        agreement=None,
        reasons=[],
        obligations=[],
        withheld=[],
    )


@st.composite
def searches(draw: st.DrawFn) -> tuple[list[Ranked], dict[NominalId, NominalId]]:
    """Draw hits in their order, and merges of which some hits are part; none is a chain."""
    count = draw(st.integers(1, 12))
    order = draw(st.permutations(range(count)))
    hits = [ranked(number, 1 - place / 20) for place, number in enumerate(order)]
    survivors = draw(st.sets(st.integers(0, count + 3), min_size=1, max_size=4))
    others = [number for number in range(count + 4) if number not in survivors]
    merged = draw(st.sets(st.sampled_from(others))) if others else set()
    survivor = st.sampled_from(sorted(survivors))
    return hits, {key(number): key(draw(survivor)) for number in sorted(merged)}


@given(searches())
def test_gathering_loses_nobody_and_puts_duplicates_behind_their_nominal(
    search: tuple[list[Ranked], dict[NominalId, NominalId]],
) -> None:
    hits, survivors = search
    found = gathered(hits, survivors)
    assert sorted(item.nominal_id for item in found) == sorted(item.nominal_id for item in hits)
    ids = [item.nominal_id for item in found]
    heads = [
        survivors[item] if survivors.get(item) in ids else item for item in ids
    ]  # whom each stands under
    assert [head for place, head in enumerate(heads) if head not in heads[:place]] == [
        item for item, head in zip(ids, heads, strict=True) if item == head
    ], "each group is together and led by its nominal"
    best = [max(item.score for item in hits if heads[ids.index(item.nominal_id)] == head)
            for head in dict.fromkeys(heads)]  # fmt: skip
    assert best == sorted(best, reverse=True), "a group stands where its best hit stood"


@given(searches(), st.data())
def test_folding_a_page_shows_each_of_its_hits_once(
    search: tuple[list[Ranked], dict[NominalId, NominalId]], data: st.DataObject
) -> None:
    hits, survivors = search
    first = data.draw(st.integers(0, len(hits)))
    page = [hit(item) for item in gathered(hits, survivors)[first:]]
    shown = folded(page, survivors)
    everybody = [item for top in shown for item in (top, *top.duplicates)]
    assert sorted(str(item.id) for item in everybody) == sorted(str(item.id) for item in page)
    for top in shown:
        assert all(item.merged_into == top.id for item in top.duplicates)
        if top.merged_into is not None:
            assert top.merged_into not in {item.id for item in page}, "its nominal isn't here"


def test_a_group_is_among_the_best_matches_where_one_of_it_is() -> None:
    poor, good = ranked(1, 0.2), ranked(2, 0.9)
    (shown,) = folded([hit(poor), hit(good)], {key(2): key(1)})
    assert shown.id == key(1)
    assert shown.is_good
    assert not hit(poor).is_good
