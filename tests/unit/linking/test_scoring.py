"""Scores add up, packaged weights are sane, and rules hold back pairs that scores would link."""

from __future__ import annotations

import math

import pytest

from athena.sharing.linking.assignment import one_to_one
from athena.sharing.linking.comparisons import COMPARISONS
from athena.sharing.linking.outcomes import Outcome, Thresholds, conclude
from athena.sharing.linking.persons import Person, Place, make_name
from athena.sharing.linking.rules import Bar
from athena.sharing.linking.scoring import Scorer
from athena.sharing.linking.weights import packaged_weights

HOME = Place(premises="4", street="elm road", town="brindlemere", postcode="zz11zz")
SCORER = Scorer(packaged_weights())


def somebody(
    given: str = "Zebulon",
    surname: str = "Quillfeather",
    born: str = "19900601",
    sex: str = "M",
    number: str = "",
) -> Person:
    """Return a person at one home with one telephone."""
    numbers = {"pnc_id": number} if number else {}
    return Person((make_name(given, surname),), born, sex, (HOME,), ("07700900461",), numbers)


def outcome(one: Person, other: Person, thresholds: Thresholds | None = None) -> Outcome:
    """Return what two persons come to."""
    return conclude(one, other, SCORER.score(one, other), thresholds or Thresholds()).outcome


class TestScores:
    def test_the_waterfall_adds_up(self) -> None:
        score = SCORER.score(somebody(), somebody(given="Zeb", born="19900106"))
        steps = sum(step.bits for step in score.steps)
        assert score.bits == pytest.approx(score.prior_bits + steps)
        assert score.probability == pytest.approx(1 / (1 + 2**-score.bits))

    def test_the_order_of_a_pair_changes_nothing(self) -> None:
        one, other = somebody(), somebody(given="Zebulun", surname="Quilfeather")
        assert SCORER.score(one, other).bits == pytest.approx(SCORER.score(other, one).bits)

    def test_a_rare_name_says_more_than_a_common_one(self) -> None:
        frequencies = packaged_weights().fields["surname"].frequencies
        common = max(frequencies, key=lambda name: frequencies[name])
        rare = SCORER.score(somebody(), somebody()).bits
        assert SCORER.score(somebody(surname=common), somebody(surname=common)).bits < rare

    def test_nothing_in_common_to_compare_is_the_prior(self) -> None:
        score = SCORER.score(Person(), somebody())
        assert (score.steps, score.bits) == ((), score.prior_bits)


class TestWeights:
    def test_agreement_never_weighs_less_than_difference(self) -> None:
        for field, weights in packaged_weights().fields.items():
            levels = [weights.levels[level.key] for level in COMPARISONS[field].levels]
            same, differs = levels[0].bits, weights.levels["differs"].bits
            assert same > 0 > differs, field
            assert all(math.isfinite(level.bits) for level in levels)

    def test_they_say_what_they_were_made_from(self) -> None:
        provenance = packaged_weights().provenance
        assert provenance.seed
        assert {"splink", "duckdb"} <= provenance.versions.keys()


class TestRules:
    @pytest.mark.parametrize(
        ("one", "other", "bar"),
        [
            (somebody(), somebody(given="Barnabas"), Bar.TWINS),
            (somebody("Paula", sex="F"), somebody("Paul"), Bar.TWINS),
            (somebody(), somebody(born="19620227"), Bar.GENERATIONS),
            (somebody(), somebody(given="Barnabas", born="19770715"), Bar.HOUSEHOLD),
        ],
    )
    def test_a_household_isnt_one_person(self, one: Person, other: Person, bar: Bar) -> None:
        concluded = conclude(one, other, SCORER.score(one, other), Thresholds(0.01, 0.51))
        assert concluded.barred is bar
        assert concluded.outcome is Outcome.NOTHING

    def test_a_number_in_common_lifts_it_to_a_suggestion_and_no_higher(self) -> None:
        one = somebody(number="1990/0000001X")
        other = somebody(given="Barnabas", number="1990/0000001X")
        assert outcome(one, other, Thresholds(0.01, 0.51)) is Outcome.SUGGESTED

    def test_a_slip_in_the_date_is_no_generation(self) -> None:
        assert outcome(somebody(), somebody(born="19700601")) is Outcome.SUGGESTED


class TestOutcomes:
    def test_nothing_is_linked_unless_thresholds_say_so(self) -> None:
        assert outcome(somebody(), somebody()) is Outcome.SUGGESTED
        assert outcome(somebody(), somebody(), Thresholds(0.5, 0.99)) is Outcome.LINKED

    def test_one_to_one_takes_the_likeliest(self) -> None:
        pairs = [("a", "x", 5.0), ("a", "y", 9.0), ("b", "y", 8.0), ("b", "x", -1.0)]
        assert one_to_one(pairs, 0.0) == [("a", "y", 9.0)]
