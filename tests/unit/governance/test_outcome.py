"""Votes, by a table written by hand: ballots and a constitution on the left, the outcome right."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena.governance.bodies.constitution import Constitution, DecisionClass, Rule
from athena.governance.votes.outcome import (
    Ballot,
    Choice,
    Duty,
    Outcome,
    Result,
    Seat,
    outcome,
)

CLOSED = datetime(2026, 11, 25, 12, tzinfo=UTC)
NINE = ("beds", "cambs", "essex", "herts", "kent", "norfolk", "suffolk", "warks", "wmercia")

SIMPLE: dict[str, Any] = {
    "decision": "change_normal",
    "quorum": {"portion": {"parts": 1, "of": 2}},
    "majority": "simple",
}
TWO_THIRDS = SIMPLE | {"majority": "qualified", "portion": {"parts": 2, "of": 3}}
UNANIMOUS = SIMPLE | {"majority": "unanimous"}


def constitution(rule: dict[str, Any], **changes: Any) -> Constitution:
    """Return a constitution with one rule: casting vote, substitutes, recusal of the seat."""
    return Constitution.model_validate(
        {
            "weighting": "one_each",
            "substitutes": True,
            "abstaining_is_taking_part": True,
            "casting_vote": "chair",
            "early_close": "at_will",
            "deadline_hours": 72,
            "quote_tolerance_percent": 10,
            "shares_before_vote": False,
            "optional_changes": "all_seats",
            "rules": [rule],
        }
        | changes
    )


@dataclass(frozen=True)
class Case:
    """A vote: each ballot is ``tenant[/duty] choice [late]``, cast in the order written."""

    name: str
    ballots: str
    expected: Result
    rule: dict[str, Any] = field(default_factory=lambda: SIMPLE)
    changes: dict[str, Any] = field(default_factory=dict)
    seats: Sequence[str] = NINE
    weights: dict[str, int] = field(default_factory=dict)
    says: str = ""

    def run(self) -> Outcome:
        """Return the outcome of the case."""
        law = constitution(self.rule, **self.changes)
        rule = law.rule_for(DecisionClass.CHANGE_NORMAL, 0)
        assert rule is not None
        return outcome(
            cast(self.ballots),
            law,
            rule,
            [Seat(tenant, self.weights.get(tenant, 1)) for tenant in self.seats],
            CLOSED,
        )


def cast(written: str) -> list[Ballot]:
    """Return the ballots of a case; `*5 for` stands for the first five forces."""
    ballots: list[Ballot] = []
    for line in filter(None, (part.strip() for part in written.split(","))):
        who, choice, *late = line.split()
        tenants = NINE[: int(who[1:])] if who.startswith("*") else [who]
        for tenant in tenants:
            name, _, duty = tenant.partition("/")
            after = late == ["late"]
            ballots.append(
                Ballot(
                    number=len(ballots) + 1,
                    tenant=name,
                    voter=f"{duty or 'member'}.{name}",
                    duty=Duty(duty or "member"),
                    choice=Choice(choice),
                    cast_at=CLOSED + timedelta(seconds=1 if after else -100 + len(ballots)),
                )
            )
    return ballots


Y, N, Q = Result.CARRIED, Result.NOT_CARRIED, Result.NO_QUORUM
NO_CHAIR = {"casting_vote": "none"}
PRESENT, ENTITLED = {"base": "present"}, {"base": "entitled"}
PERSON = {"recusal": {"by": "person", "leaves_quorum": True}}
STAYS = {"recusal": {"by": "seat", "leaves_quorum": False}}
WEIGHTED = {"weighting": "cost_share"}
FIVE = {"quorum": {"seats": 5}}
FOUR = NINE[:4]

CASES = [
    # Quorum
    Case("half of nine is five", "*5 for", Y, says="5 of 9 seats took part, and 5 had to"),
    Case("quorum just missed", "*4 for", Q, says="4 of 9 seats took part, and 5 had to"),
    Case("nobody votes", "", Q, says="9 silent"),
    Case("a number of seats just reached", "*5 for", Y, SIMPLE | FIVE),
    Case("a number of seats just missed", "*4 for", Q, SIMPLE | FIVE),
    Case("portion and number: the larger one", "*5 for", Q,
         SIMPLE | {"quorum": {"portion": {"parts": 1, "of": 3}, "seats": 6}}),
    Case("two thirds of seven is five", "*4 for", Q,
         SIMPLE | {"quorum": {"portion": {"parts": 2, "of": 3}}}, seats=NINE[:7]),
    Case("abstaining fills the quorum", "*3 for, herts abstain, kent abstain", Y),
    Case("abstaining doesn't fill the quorum", "*3 for, herts abstain, kent abstain", Q,
         changes={"abstaining_is_taking_part": False}),
    Case("no seat at all", "", Q, seats=()),
    # Simple majorities and their base
    Case("five to four", "*5 for, norfolk against, suffolk against, warks against, wmercia against",
         Y),
    Case("four to five", "*9 against, beds for, cambs for, essex for, herts for", N),
    Case("abstentions weigh nothing of votes cast",
         "*2 for, essex against, herts abstain, kent abstain", Y),
    Case("abstentions weigh as no of those present",
         "*2 for, essex against, herts abstain, kent abstain", N, SIMPLE | PRESENT),
    Case("absence weighs as no of those entitled", "*5 for", Y, SIMPLE | ENTITLED),
    Case("four of nine entitled are too few", "*4 for, kent against", N, SIMPLE | ENTITLED),
    Case("all abstain: nobody wanted it", "*9 abstain", N),
    # Ties
    Case("a tie without a casting vote", "*2 for, essex against, herts against", N,
         changes=NO_CHAIR, seats=FOUR, says="nobody's casting vote broke it"),
    Case("a tie, and the chair says yes", "*2 for, essex against, herts against, amo/chair for", Y,
         seats=FOUR, says="the chair's casting vote was for"),
    Case("a tie, and the chair says no",
         "*2 for, essex against, herts against, amo/chair against", N, seats=FOUR),
    Case("a tie, and the chair is silent", "*2 for, essex against, herts against", N, seats=FOUR),
    Case("a casting vote that the constitution doesn't know",
         "*2 for, essex against, herts against, amo/chair for", N, changes=NO_CHAIR, seats=FOUR),
    Case("the chair doesn't undo a majority", "*3 for, herts against, amo/chair against", Y,
         seats=FOUR),
    Case("a casting vote makes no quorum", "beds for, cambs against, amo/chair for", Q),
    Case("a casting vote breaks no tie of a qualified majority",
         "*2 for, essex against, herts against, amo/chair for", N, TWO_THIRDS, seats=FOUR),
    Case("the chair may change the casting vote",
         "*2 for, essex against, herts against, amo/chair against, amo/chair for", Y, seats=FOUR),
    Case("a tie of those present, by abstaining", "*2 for, essex abstain, herts abstain", N,
         SIMPLE | PRESENT, NO_CHAIR, FOUR, says="it was a tie"),
    # Qualified and unanimous
    Case("two thirds, exactly", "*6 for, suffolk against, warks against, wmercia against", Y,
         TWO_THIRDS),
    Case("two thirds, just missed",
         "*5 for, norfolk against, suffolk against, warks against, wmercia abstain", N, TWO_THIRDS),
    Case("two thirds of all seats, by five of nine", "*5 for", N, TWO_THIRDS | ENTITLED),
    Case("unanimous", "*9 for", Y, UNANIMOUS),
    Case("one no breaks unanimity", "*8 for, wmercia against", N, UNANIMOUS),
    Case("unanimous of votes cast, one abstains", "*8 for, wmercia abstain", Y, UNANIMOUS),
    Case("unanimous of those present, one abstains", "*8 for, wmercia abstain", N,
         UNANIMOUS | PRESENT),
    Case("unanimous of all, one is silent", "*8 for", N, UNANIMOUS | ENTITLED),
    Case("unanimous of all, one stands aside", "*8 for, wmercia recuse", Y, UNANIMOUS | ENTITLED),
    # Standing aside
    Case("recusal lowers the quorum", "*4 for, suffolk recuse, warks recuse", Y,
         says="4 of 7 seats took part, and 4 had to"),
    Case("recusal leaves the quorum as it is", "*4 for, suffolk recuse, warks recuse", Q,
         changes=STAYS),
    Case("everyone stands aside", "*9 recuse", Q),
    Case("the seat stands aside with its member", "*4 for, kent recuse, kent/substitute for", Y,
         says="1 stood aside"),
    Case("the person stands aside, the substitute votes",
         "*2 for, essex against, herts recuse, herts/substitute for", Y,
         changes=PERSON, seats=FOUR, says="3 for, 1 against"),
    Case("member and substitute both stand aside",
         "*2 for, essex against, herts recuse, herts/substitute recuse", Y,
         changes=PERSON, seats=FOUR, says="1 stood aside"),
    Case("a chair who stands aside casts nothing",
         "*2 for, essex against, herts against, amo/chair for, amo/chair recuse", N, seats=FOUR),
    # Substitutes
    Case("a substitute for an absent member", "*4 for, kent/substitute for", Y),
    Case("member and substitute both vote: the member's counts",
         "*4 for, kent against, kent/substitute for, norfolk against, suffolk against, "
         "warks against", N, says="4 for, 4 against"),
    Case("the member's counts though it came first", "*4 for, kent/substitute against, kent for", Y,
         says="5 for, 0 against"),
    Case("no substitutes in this body", "*4 for, kent/substitute for", Q,
         changes={"substitutes": False}),
    # Late, changed and foreign ballots
    Case("a late ballot doesn't count", "*4 for, kent for late", Q),
    Case("a late change leaves the ballot before it", "*5 for, kent against late", Y,
         says="5 for, 0 against"),
    Case("the last ballot counts", "*5 for, kent against, herts against, essex against", N,
         says="2 for, 3 against"),
    Case("changed and changed back", "*5 for, kent against, kent for", Y, says="5 for, 0 against"),
    Case("a force without a seat", "*4 for, gwent for", Q),
    # Weights
    Case("the heavier side wins", "beds for, cambs against, essex against", Y,
         changes=WEIGHTED, seats=NINE[:3], weights={"beds": 60, "cambs": 20, "essex": 20},
         says="1 for (weight 60), 2 against (weight 40)"),
    Case("weights tie to the penny", "beds for, cambs against, essex against", N,
         changes=WEIGHTED | NO_CHAIR, seats=NINE[:3],
         weights={"beds": 3_199_999_999, "cambs": 1_600_000_000, "essex": 1_599_999_999}),
    Case("a quorum is of seats, not of weight", "beds for", Q,
         changes=WEIGHTED, seats=NINE[:3], weights={"beds": 98, "cambs": 1, "essex": 1}),
    Case("a force that pays nothing weighs nothing", "beds for, cambs for, essex against", N,
         changes=WEIGHTED, seats=NINE[:3], weights={"beds": 0, "cambs": 0, "essex": 5}),
    Case("weights are ignored where each has one", "beds for, cambs against, essex against", N,
         seats=NINE[:3], weights={"beds": 60, "cambs": 20, "essex": 20}),
]  # fmt: skip


def test_the_table_is_long_enough_and_each_case_has_its_name() -> None:
    assert len(CASES) >= 40
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_outcome(case: Case) -> None:
    found = case.run()
    assert found.result is case.expected, found.sentence
    assert case.says in found.sentence


@pytest.mark.parametrize(
    ("ballots", "changes", "why"),
    [
        ("kent for late", {}, "it came after the vote had closed"),
        ("kent for, kent against", {}, "ballot 2 took its place"),
        ("kent for, kent/substitute for", {}, "the member has voted"),
        ("kent/substitute for", {"substitutes": False}, "the constitution knows no substitutes"),
        ("gwent for", {}, "its force has no seat in this vote"),
        ("amo/chair for", NO_CHAIR, "the constitution knows no casting vote"),
        ("amo/chair abstain", {}, "a casting vote is for or against"),
        ("kent recuse, kent/substitute for", PERSON, "the member stood aside"),
    ],
)
def test_a_ballot_that_does_not_count_says_why(
    ballots: str, changes: dict[str, Any], why: str
) -> None:
    (aside,) = Case("", ballots, Q, changes=changes).run().set_aside
    assert why in aside.why


def test_a_chair_who_stands_aside_as_a_member_has_no_casting_vote() -> None:
    law = constitution(SIMPLE)
    ballots = cast("*2 for, essex against, norfolk against")
    ballots.append(Ballot(5, "kent", "chair.kent", Duty.MEMBER, Choice.RECUSE, ballots[0].cast_at))
    ballots.append(Ballot(6, "kent", "chair.kent", Duty.CHAIR, Choice.FOR, ballots[0].cast_at))
    seats = [Seat(name) for name in ("beds", "cambs", "essex", "kent", "norfolk")]
    found = outcome(ballots, law, law.rules[0], seats, CLOSED)
    assert found.result is N
    assert found.casting is None


BALLOTS = st.lists(
    st.tuples(
        st.sampled_from((*NINE, "gwent")),
        st.sampled_from(Duty),
        st.sampled_from(Choice),
        st.integers(min_value=-50, max_value=3),
    ),
    max_size=40,
).map(
    lambda drawn: [
        Ballot(number, tenant, f"{duty}.{tenant}", duty, choice, CLOSED + timedelta(seconds=at))
        for number, (tenant, duty, choice, at) in enumerate(drawn, start=1)
    ]
)
RULES = st.builds(
    lambda rule, base, parts, seats: Rule.model_validate(
        rule | base | {"quorum": {"portion": {"parts": parts, "of": 9}, "seats": seats}}
    ),
    st.sampled_from((SIMPLE, TWO_THIRDS, UNANIMOUS)),
    st.sampled_from(({}, PRESENT, ENTITLED)),
    st.integers(1, 9),
    st.none() | st.integers(1, 9),
)
LAWS = st.builds(
    lambda weighting, substitutes, abstaining, casting, by, leaves: constitution(
        SIMPLE,
        weighting=weighting,
        substitutes=substitutes,
        abstaining_is_taking_part=abstaining,
        casting_vote=casting,
        recusal={"by": by, "leaves_quorum": leaves},
    ),
    st.sampled_from(("one_each", "cost_share")),
    st.booleans(),
    st.booleans(),
    st.sampled_from(("none", "chair")),
    st.sampled_from(("seat", "person")),
    st.booleans(),
)
SEATS = st.lists(
    st.builds(Seat, st.sampled_from(NINE), st.integers(0, 10**14)), unique_by=lambda s: s.tenant
)


class TestInvariants:
    @given(BALLOTS, LAWS, RULES, SEATS, st.randoms(use_true_random=False))
    def test_the_order_in_which_rows_are_read_changes_nothing(
        self,
        ballots: list[Ballot],
        law: Constitution,
        rule: Rule,
        seats: list[Seat],
        chance: random.Random,
    ) -> None:
        found = outcome(ballots, law, rule, seats, CLOSED)
        chance.shuffle(ballots)
        chance.shuffle(seats)
        assert outcome(ballots, law, rule, seats, CLOSED) == found

    @given(BALLOTS, LAWS, RULES, SEATS)
    def test_each_seat_has_one_voice_and_each_ballot_one_fate(
        self, ballots: list[Ballot], law: Constitution, rule: Rule, seats: list[Seat]
    ) -> None:
        found = outcome(ballots, law, rule, seats, CLOSED)
        assert [voice.tenant for voice in found.voices] == sorted(seat.tenant for seat in seats)
        aside = [item.number for item in found.set_aside]
        assert len(aside) == len(set(aside))
        spoke = sum(voice.choice is not None for voice in found.voices)
        chairs = sum(ballot.duty is Duty.CHAIR and ballot.number not in aside for ballot in ballots)
        assert len(ballots) - len(aside) == spoke + chairs
        assert chairs <= 1

    @given(BALLOTS, LAWS, RULES, SEATS)
    def test_late_ballots_change_nothing(
        self, ballots: list[Ballot], law: Constitution, rule: Rule, seats: list[Seat]
    ) -> None:
        in_time = [ballot for ballot in ballots if ballot.cast_at < CLOSED]
        with_late = outcome(ballots, law, rule, seats, CLOSED)
        without = outcome(in_time, law, rule, seats, CLOSED)
        assert (with_late.result, with_late.sentence, with_late.voices) == (
            without.result,
            without.sentence,
            without.voices,
        )

    @given(
        st.lists(st.sampled_from(Choice), min_size=8, max_size=8),
        st.lists(st.integers(0, 10**14), min_size=9, max_size=9),
        LAWS,
        RULES,
    )
    def test_a_seat_that_turns_from_no_to_yes_never_undoes_what_was_carried(
        self, others: list[Choice], weights: list[int], law: Constitution, rule: Rule
    ) -> None:
        seats = [Seat(*pair) for pair in zip(NINE, weights, strict=True)]

        def found(first: Choice) -> Result:
            written = zip(NINE, (first, *others), strict=True)
            ballots = cast(", ".join(f"{tenant} {choice.value}" for tenant, choice in written))
            return outcome(ballots, law, rule, seats, CLOSED).result

        before, after = found(Choice.AGAINST), found(Choice.FOR)
        assert (before is Result.NO_QUORUM) == (after is Result.NO_QUORUM)
        assert before is not Result.CARRIED or after is Result.CARRIED

    @given(BALLOTS, LAWS, RULES, SEATS)
    def test_nothing_carries_without_a_yes_and_a_quorum(
        self, ballots: list[Ballot], law: Constitution, rule: Rule, seats: list[Seat]
    ) -> None:
        found = outcome(ballots, law, rule, seats, CLOSED)
        assert (found.result is Result.NO_QUORUM) == (found.present < found.needed)
        if found.result is Result.CARRIED:
            assert found.weight(Choice.FOR) > 0
