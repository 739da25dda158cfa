"""Sharing a cost: to the penny, by the formula, whatever the order of the forces."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from athena.governance.apportionment.apportioning import (
    apportion,
    hold_within,
    largest_remainder,
    proportions,
)
from athena.governance.apportionment.models import (
    Bases,
    Bounded,
    Formula,
    Measure,
    formula_document,
    measures_of,
    parse_formula,
)
from athena.platform.kernel.errors import InvalidInputError
from athena.platform.kernel.identity import TenantId
from support.costs import Participants, bases_of, questions

Question = tuple[int, Formula, Participants]


def three(**values: tuple[int, int, int]) -> Participants:
    """Return three forces with their values."""
    return {
        TenantId(number): bases_of(
            number, **{name: each[number - 1] for name, each in values.items()}
        )
        for number in (1, 2, 3)
    }


def shared(pence: int, document: object, bases: Participants) -> list[int]:
    """Return the shares of a formula's document, by the number of the force."""
    found = apportion(pence, parse_formula(document), bases).pence()
    return [found[tenant] for tenant in sorted(found)]


HEADS = three(headcount=(500, 300, 200), population=(1, 1, 2))
BY_HEADS = {"kind": "measure", "measure": "headcount"}
BY_PEOPLE = {"kind": "measure", "measure": "population"}

TABLE = [
    ("equal", 100, {"kind": "equal"}, [34, 33, 33]),
    ("two pennies left over", 101, {"kind": "equal"}, [34, 34, 33]),
    ("nothing", 0, {"kind": "equal"}, [0, 0, 0]),
    ("one penny", 1, {"kind": "equal"}, [1, 0, 0]),
    ("by headcount", 1_000, BY_HEADS, [500, 300, 200]),
    ("the largest remainder", 7, BY_HEADS, [4, 2, 1]),
    (
        "fixed",
        1_000,
        {"kind": "fixed", "percentages": {"force-1": "12.5", "force-2": "25", "force-3": "62.5"}},
        [125, 250, 625],
    ),
    (
        "fixed, of some who take part",
        1_000,
        {
            "kind": "fixed",
            "percentages": {"force-1": 10, "force-2": 10, "force-3": 20, "force-4": 60},
        },
        [250, 250, 500],
    ),
    (
        "a blend",
        1_000,
        {
            "kind": "blend",
            "parts": [
                {"weight": 50, "formula": BY_HEADS},
                {"weight": 50, "formula": BY_PEOPLE},
            ],
        },
        [375, 275, 350],
    ),
    ("a cap", 1_000, {"kind": "bounded", "formula": BY_HEADS, "cap": 40}, [400, 360, 240]),
    ("a floor", 1_000, {"kind": "bounded", "formula": BY_HEADS, "floor": 30}, [400, 300, 300]),
    (
        "a floor of one alone",
        1_000,
        {"kind": "bounded", "formula": BY_HEADS, "floors": {"force-3": 60}},
        [250, 150, 600],
    ),
    (
        "a cap that moves another to its own",
        1_000,
        {"kind": "bounded", "formula": BY_HEADS, "caps": {"force-1": 20, "force-2": 35}},
        [200, 350, 450],
    ),
    (
        "floors that are the whole",
        3,
        {
            "kind": "bounded",
            "formula": BY_HEADS,
            "floors": {"force-1": 0, "force-2": 50, "force-3": 50},
        },
        [0, 2, 1],
    ),
]


class TestTable:
    @pytest.mark.parametrize(
        ("pence", "document", "expected"),
        [row[1:] for row in TABLE],
        ids=[row[0] for row in TABLE],
    )
    def test_the_shares(self, pence: int, document: object, expected: list[int]) -> None:
        assert shared(pence, document, HEADS) == expected

    def test_each_share_says_why(self) -> None:
        document = {
            "kind": "blend",
            "parts": [
                {"weight": "60", "formula": {"kind": "bounded", "formula": BY_HEADS, "cap": 40}},
                {"weight": "40", "formula": {"kind": "equal"}},
            ],
        }
        first = apportion(100_000, parse_formula(document), HEADS).shares[0]
        assert first.sentence == (
            "Force 1 bears £373.34 of £1,000.00 (37.3333%): for 60% of the cost its headcount is "
            "500 of 1,000, within a floor of 0% and a cap of 40%, and for 40% of the cost an equal "
            "share among 3; rounded up to a whole penny."
        )

    def test_it_says_that_a_floor_or_a_cap_holds(self) -> None:
        capped = {"kind": "bounded", "formula": BY_HEADS, "cap": 40, "floor": "24.5"}
        first, second, third = apportion(1_000, parse_formula(capped), HEADS).shares
        assert "and the cap of 40% holds" in first.sentence
        assert "within a floor of 24.5% and a cap of 40%" in second.sentence
        assert "and the floor of 24.5% holds" in third.sentence

    def test_expenditure_is_said_in_pounds(self) -> None:
        bases = three(net_revenue_expenditure=(30_000_000_000, 20_000_000_000, 50_000_000_000))
        document = {"kind": "measure", "measure": "net_revenue_expenditure"}
        assert apportion(100, parse_formula(document), bases).shares[0].sentence == (
            "Force 1 bears £0.30 of £1.00 (30%): its net revenue expenditure is £300,000,000.00 "
            "of £1,000,000,000.00."
        )


REFUSED = {
    "a negative cost": (-1, {"kind": "equal"}, HEADS, "can't be negative"),
    "more than can be": (10**14 + 1, {"kind": "equal"}, HEADS, "at most"),
    "nobody": (1, {"kind": "equal"}, {}, "Nobody takes part"),
    "a missing basis": (1, {"kind": "measure", "measure": "usage"}, HEADS, "usage of Force 1"),
    "a missing basis, deep down": (
        1,
        {
            "kind": "bounded",
            "formula": {
                "kind": "blend",
                "parts": [
                    {"weight": 0, "formula": {"kind": "measure", "measure": "usage"}},
                    {"weight": 100, "formula": {"kind": "equal"}},
                ],
            },
        },
        HEADS,
        "usage of Force 1",
    ),
    "a basis that is zero for all": (1, BY_HEADS, three(headcount=(0, 0, 0)), "Nobody who"),
    "a negative basis": (1, BY_HEADS, three(headcount=(3, -1, 0)), "can't be negative"),
    "no percentage": (
        1,
        {"kind": "fixed", "percentages": {"force-1": 40, "force-2": 60}},
        HEADS,
        "no percentage for Force 3",
    ),
    "percentages that are zero": (
        1,
        {"kind": "fixed", "percentages": {"force-1": 0, "force-2": 0, "force-3": 0, "other": 100}},
        HEADS,
        "all zero",
    ),
    "percentages that aren't whole": (
        1,
        {"kind": "fixed", "percentages": {"force-1": 40, "force-2": "60.0001"}},
        HEADS,
        "these add up to 100.0001",
    ),
    "weights that aren't whole": (
        1,
        {"kind": "blend", "parts": [{"weight": 99, "formula": {"kind": "equal"}}]},
        HEADS,
        "these add up to 99",
    ),
    "floors beyond the whole": (
        1,
        {"kind": "bounded", "formula": {"kind": "equal"}, "floor": 34},
        HEADS,
        "floors of those",
    ),
    "caps below the whole": (
        1,
        {"kind": "bounded", "formula": {"kind": "equal"}, "cap": 33},
        HEADS,
        "caps of those",
    ),
    "a floor above the cap": (
        1,
        {"kind": "bounded", "formula": {"kind": "equal"}, "floor": 34, "caps": {"force-1": 1}},
        HEADS,
        "floor of force-1 is above its cap",
    ),
    "no kind": (1, {"measure": "headcount"}, HEADS, "can't be used"),
    "no such kind": (1, {"kind": "whim"}, HEADS, "can't be used"),
    "no such measure": (1, {"kind": "measure", "measure": "luck"}, HEADS, "can't be used"),
    "a field too many": (1, {"kind": "equal", "but": "not Kent"}, HEADS, "can't be used"),
    "no document": (1, "equal", HEADS, "can't be used"),
    "five decimals": (
        1,
        {"kind": "bounded", "formula": {"kind": "equal"}, "cap": "99.00001"},
        HEADS,
        "can't be used",
    ),
    "too deep": (
        1,
        {
            "kind": "bounded",
            "formula": {
                "kind": "bounded",
                "formula": {
                    "kind": "bounded",
                    "formula": {"kind": "bounded", "formula": {"kind": "equal"}},
                },
            },
        },
        HEADS,
        "at most 4 deep",
    ),
    "bounds in bounds": (
        1,
        {
            "kind": "bounded",
            "formula": {
                "kind": "blend",
                "parts": [
                    {"weight": 100, "formula": {"kind": "bounded", "formula": {"kind": "equal"}}}
                ],
            },
        },
        HEADS,
        "can't stand in other floors and caps",
    ),
}


class TestRefused:
    @pytest.mark.parametrize("name", REFUSED)
    def test_it_is_said(self, name: str) -> None:
        pence, document, bases, words = REFUSED[name]
        with pytest.raises(InvalidInputError, match=words) as refused:
            shared(pence, document, bases)
        assert refused.value.extra["field"].startswith("/")
        assert refused.value.detail.endswith(".")


class TestAlways:
    @settings(deadline=None)
    @given(questions())
    def test_it_adds_up_to_the_penny(self, question: Question) -> None:
        pence, formula, bases = question
        exact = proportions(formula, bases)
        found = apportion(pence, formula, bases)
        assert sum(share.pence for share in found.shares) == pence
        assert {share.tenant_id for share in found.shares} == set(bases)
        assert sum(exact.values()) == 1
        for share in found.shares:  # nobody bears a penny more or less than its exact part
            assert share.pence >= 0
            assert abs(share.pence - pence * exact[share.tenant_id]) < 1

    @settings(deadline=None)
    @given(questions(), st.randoms())
    def test_the_order_of_the_forces_does_not_matter(
        self, question: Question, random: Random
    ) -> None:
        pence, formula, bases = question
        numbers = list(bases)
        random.shuffle(numbers)
        assert apportion(pence, formula, {number: bases[number] for number in numbers}) == (
            apportion(pence, formula, bases)
        )

    @settings(deadline=None)
    @given(questions(), st.data())
    def test_whoever_is_measured_more_never_bears_less(
        self, question: Question, data: st.DataObject
    ) -> None:
        """With everything else as it was. A floor or a cap may then move others either way.

        In whole pence too, but for the penny that rounding may give to one whom a bound moved.
        """
        pence, formula, bases = question
        tenant = data.draw(st.sampled_from(sorted(bases)))
        measure = data.draw(st.sampled_from(sorted(measures_of(formula)) or [Measure.HEADCOUNT]))
        more = bases[tenant].values[measure] + data.draw(st.integers(1, 10**9))
        grown = bases | {
            tenant: replace(bases[tenant], values={**bases[tenant].values, measure: more})
        }
        before, after = proportions(formula, bases), proportions(formula, grown)
        assert after[tenant] >= before[tenant]
        bounded = "bounded" in str(formula_document(formula))
        if not bounded:
            assert all(after[other] <= before[other] for other in bases if other != tenant)
        was = apportion(pence, formula, bases).pence()[tenant]
        assert apportion(pence, formula, grown).pence()[tenant] >= was - bounded

    @settings(deadline=None)
    @given(questions(), st.integers(1, 10**12))
    def test_a_dearer_cost_costs_nobody_less_but_for_rounding(
        self, question: Question, more: int
    ) -> None:
        """Whole pence by largest remainder may step back by one: the Alabama paradox."""
        pence, formula, bases = question
        if pence + more > 10**14:
            more, pence = pence, 10**14 - pence
        before = apportion(pence, formula, bases).pence()
        after = apportion(pence + more, formula, bases).pence()
        assert all(after[tenant] >= before[tenant] - 1 for tenant in bases)

    @settings(deadline=None)
    @given(questions(most=12))
    def test_one_who_is_measured_more_than_another_bears_no_less(self, question: Question) -> None:
        pence, _, bases = question
        for measure in Measure:
            formula = parse_formula({"kind": "measure", "measure": measure.value})
            found = apportion(pence, formula, bases).pence()
            for one in bases:
                for other in bases:
                    if bases[one].values[measure] > bases[other].values[measure]:
                        assert found[one] >= found[other]

    @settings(deadline=None)
    @given(questions())
    def test_floors_and_caps_are_kept(self, question: Question) -> None:
        _, formula, bases = question
        exact = proportions(formula, bases)
        if isinstance(formula, Bounded):
            for tenant, each in bases.items():
                lowest, highest = formula.bounds(each.force)
                assert lowest <= exact[tenant] <= highest

    @settings(deadline=None)
    @given(questions(most=8))
    def test_a_formula_survives_being_stored(self, question: Question) -> None:
        pence, formula, bases = question
        again = parse_formula(formula_document(formula))
        assert again == formula
        assert apportion(pence, again, bases) == apportion(pence, formula, bases)

    @settings(deadline=None)
    @given(questions(most=12))
    def test_every_share_has_its_sentence(self, question: Question) -> None:
        pence, formula, bases = question
        for share in apportion(pence, formula, bases).shares:
            assert share.sentence.startswith(f"{share.name} bears £")
            assert share.sentence.endswith(".")


class TestRounding:
    def test_the_alabama_paradox_is_real(self) -> None:
        """Why the property above allows a penny: a dearer cost takes one from the third force."""
        weights = {1: 6, 2: 6, 3: 2}
        assert largest_remainder(10, weights)[3] == 2
        assert largest_remainder(11, weights)[3] == 1

    @settings(deadline=None)
    @given(st.dictionaries(st.integers(), st.integers(1, 10**6), min_size=1, max_size=60))
    def test_weights_that_are_the_shares_come_back(self, weights: dict[int, int]) -> None:
        assert largest_remainder(sum(weights.values()), weights) == weights


class TestHoldWithin:
    @settings(deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.integers(0, 1000),
                *(st.fractions(0, 1, max_denominator=1000) for _ in range(2)),
            ),
            min_size=1,
            max_size=20,
        )
    )
    def test_it_holds_everyone_or_says_that_it_cannot(
        self, drawn: list[tuple[int, Fraction, Fraction]]
    ) -> None:
        whole = sum(weight for weight, _, _ in drawn)
        if whole == 0:
            return
        parts = {TenantId(i): Fraction(each[0], whole) for i, each in enumerate(drawn)}
        bounds = {
            TenantId(i): (min(one, other), max(one, other))
            for i, (_, one, other) in enumerate(drawn)
        }
        least = sum(lowest for lowest, _ in bounds.values())
        most = sum(bounds[key][1] if part else bounds[key][0] for key, part in parts.items())
        if not least <= 1 <= most:
            with pytest.raises(InvalidInputError):
                hold_within(parts, bounds)
            return
        held = hold_within(parts, bounds)
        assert sum(held.values()) == 1
        factors = set()
        for key, part in held.items():
            assert bounds[key][0] <= part <= bounds[key][1]
            if bounds[key][0] < part < bounds[key][1]:
                factors.add(part / parts[key])
        assert len(factors) <= 1, "whoever meets no bound is scaled by the same factor"


def test_bases_are_named_by_their_force() -> None:
    assert bases_of(4, usage=2) == Bases("force-4", "Force 4", {Measure.USAGE: 2})
