"""The outcome of a vote: a pure function of the ballots and the constitution, with its sentence.

Nothing here reads the store or the clock. The same ballots, seats and constitution give the same
outcome to anyone, at any time: that is what a minute is verified by.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from athena.governance.bodies.constitution import Base, Constitution, Majority, Rule


class Choice(enum.StrEnum):
    """What a ballot says; to recuse is to stand aside because of an interest."""

    FOR = "for"
    AGAINST = "against"
    ABSTAIN = "abstain"
    RECUSE = "recuse"


class Duty(enum.StrEnum):
    """As what somebody casts a ballot; the chair's is the casting vote and no other."""

    MEMBER = "member"
    SUBSTITUTE = "substitute"
    CHAIR = "chair"


class Result(enum.StrEnum):
    """How a vote ended."""

    CARRIED = "carried"
    NOT_CARRIED = "not_carried"
    NO_QUORUM = "no_quorum"


@dataclass(frozen=True, slots=True)
class Seat:
    """A force's place in a vote, and how much its vote weighs where weights are by cost share."""

    tenant: str
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Ballot:
    """A ballot as it was cast; ``number`` is its place in the order of all ballots of the vote."""

    number: int
    tenant: str
    voter: str
    duty: Duty
    choice: Choice
    cast_at: datetime


@dataclass(frozen=True, slots=True)
class Voice:
    """What a seat said in the end; no choice is silence."""

    tenant: str
    weight: int
    choice: Choice | None
    voter: str | None


@dataclass(frozen=True, slots=True)
class SetAside:
    """A ballot that doesn't count, and why."""

    number: int
    why: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a vote ended, with everything that led there."""

    result: Result
    sentence: str
    voices: tuple[Voice, ...]
    set_aside: tuple[SetAside, ...]
    entitled: int
    present: int
    needed: int
    casting: Choice | None

    def weight(self, choice: Choice | None) -> int:
        """Return the weight of the seats that made a choice."""
        return sum(voice.weight for voice in self.voices if voice.choice is choice)


def outcome(
    ballots: Iterable[Ballot],
    constitution: Constitution,
    rule: Rule,
    seats: Sequence[Seat],
    closed_at: datetime,
) -> Outcome:
    """Return the outcome of a vote that closed at a moment.

    ``rule`` is the constitution's for this class of decision and its cost. Of each voter the last
    ballot counts; a member's goes before a substitute's, whichever came first. What was cast at
    the moment of closing or later is set aside, and so is what nobody was entitled to cast.
    """
    weighed = constitution.weighting == "cost_share"
    tenants = {seat.tenant for seat in seats}
    heard, set_aside = _heard(sorted(ballots, key=_place), constitution, tenants, closed_at)
    voices = tuple(
        _voice(seat, seat.weight if weighed else 1, heard, constitution, set_aside)
        for seat in sorted(seats, key=lambda seat: seat.tenant)
    )
    casting = _casting(heard, voices, constitution, set_aside)
    return _decide(voices, tuple(set_aside), casting, constitution, rule, weighed=weighed)


def _place(ballot: Ballot) -> int:
    return ballot.number


_Heard = Mapping[tuple[str, Duty], Ballot]


def _heard(
    ballots: Iterable[Ballot],
    constitution: Constitution,
    tenants: set[str],
    closed_at: datetime,
) -> tuple[_Heard, list[SetAside]]:
    """Return the last ballot that counts of each seat's member and substitutes, and the chair's."""
    heard: dict[tuple[str, Duty], Ballot] = {}
    aside: list[SetAside] = []
    for ballot in ballots:
        why = _flaw(ballot, constitution, tenants, closed_at)
        if why:
            aside.append(SetAside(ballot.number, why))
            continue
        seat = "" if ballot.duty is Duty.CHAIR else ballot.tenant
        before = heard.get((seat, ballot.duty))
        if before is not None:
            aside.append(SetAside(before.number, f"ballot {ballot.number} took its place"))
        heard[seat, ballot.duty] = ballot
    return heard, aside


def _flaw(
    ballot: Ballot, constitution: Constitution, tenants: set[str], closed_at: datetime
) -> str:
    if ballot.cast_at >= closed_at:
        return "it came after the vote had closed"
    if ballot.duty is Duty.CHAIR:
        if constitution.casting_vote == "none":
            return "the constitution knows no casting vote"
        if ballot.choice is Choice.ABSTAIN:
            return "a casting vote is for or against"
        return ""
    if ballot.tenant not in tenants:
        return "its force has no seat in this vote"
    if ballot.duty is Duty.SUBSTITUTE and not constitution.substitutes:
        return "the constitution knows no substitutes"
    return ""


def _voice(
    seat: Seat, weight: int, heard: _Heard, constitution: Constitution, aside: list[SetAside]
) -> Voice:
    member = heard.get((seat.tenant, Duty.MEMBER))
    substitute = heard.get((seat.tenant, Duty.SUBSTITUTE))
    counted = member or substitute
    if member is not None and substitute is not None:
        if member.choice is Choice.RECUSE and constitution.recusal.by == "person":
            counted = substitute
            aside.append(SetAside(member.number, "the member stood aside and the substitute voted"))
        else:
            aside.append(SetAside(substitute.number, "the member has voted"))
    if counted is None:
        return Voice(seat.tenant, weight, None, None)
    return Voice(seat.tenant, weight, counted.choice, counted.voter)


def _casting(
    heard: _Heard, voices: Sequence[Voice], constitution: Constitution, aside: list[SetAside]
) -> Choice | None:
    if constitution.casting_vote == "none":
        return None
    ballot = heard.get(("", Duty.CHAIR))
    if ballot is None or ballot.choice is Choice.RECUSE:
        return None
    stands_aside = {item.voter for item in heard.values() if item.choice is Choice.RECUSE} | {
        voice.voter for voice in voices if voice.choice is Choice.RECUSE
    }
    if ballot.voter in stands_aside:
        aside.append(SetAside(ballot.number, "the chair stands aside"))
        return None
    return ballot.choice


def _decide(
    voices: tuple[Voice, ...],
    set_aside: tuple[SetAside, ...],
    casting: Choice | None,
    constitution: Constitution,
    rule: Rule,
    *,
    weighed: bool,
) -> Outcome:
    aside = sum(voice.choice is Choice.RECUSE for voice in voices)
    entitled = len(voices) - (aside if constitution.recusal.leaves_quorum else 0)
    takes_part = {Choice.FOR, Choice.AGAINST}
    if constitution.abstaining_is_taking_part:
        takes_part.add(Choice.ABSTAIN)
    present = sum(voice.choice in takes_part for voice in voices)
    needed = rule.quorum.needed(entitled)

    def weight(*choices: Choice | None) -> int:
        return sum(voice.weight for voice in voices if voice.choice in choices)

    yes, no = weight(Choice.FOR), weight(Choice.AGAINST)
    base = {
        Base.CAST: yes + no,
        Base.PRESENT: yes + no + weight(Choice.ABSTAIN),
        Base.ENTITLED: yes + no + weight(Choice.ABSTAIN, None),
    }[rule.base]
    tied = rule.majority is Majority.SIMPLE and yes > 0 and 2 * yes == base
    if present < needed:
        result = Result.NO_QUORUM
    elif _carries(rule, yes, base) or (tied and casting is Choice.FOR):
        result = Result.CARRIED
    else:
        result = Result.NOT_CARRIED
    sentence = " ".join(
        (
            _said(result, voices, weighed=weighed),
            _quorum_said(present, entitled, needed),
            _majority_said(result, rule, casting if tied else None, tied=tied),
        )
    ).strip()
    return Outcome(
        result, sentence, voices, _in_order(set_aside), entitled, present, needed, casting
    )


def _in_order(set_aside: Iterable[SetAside]) -> tuple[SetAside, ...]:
    return tuple(sorted(set_aside, key=lambda item: item.number))


def _carries(rule: Rule, yes: int, base: int) -> bool:
    if yes == 0:
        return False
    if rule.majority is Majority.SIMPLE:
        return 2 * yes > base
    if rule.majority is Majority.UNANIMOUS:
        return yes == base
    assert rule.portion is not None  # a qualified majority has one
    return yes * rule.portion.of >= base * rule.portion.parts


def _said(result: Result, voices: Sequence[Voice], *, weighed: bool) -> str:
    words = {
        Result.CARRIED: "Carried",
        Result.NOT_CARRIED: "Not carried",
        Result.NO_QUORUM: "No decision, for want of a quorum",
    }[result]
    told = []
    for choice, name in {
        Choice.FOR: "for",
        Choice.AGAINST: "against",
        Choice.ABSTAIN: "abstained",
        Choice.RECUSE: "stood aside",
        None: "silent",
    }.items():
        those = [voice for voice in voices if voice.choice is choice]
        if those or choice in (Choice.FOR, Choice.AGAINST):
            weight = f" (weight {sum(voice.weight for voice in those):,})" if weighed else ""
            told.append(f"{len(those)} {name}{weight}")
    return f"{words}: {', '.join(told)}."


def _quorum_said(present: int, entitled: int, needed: int) -> str:
    seats = "seat" if entitled == 1 else "seats"
    return f"{present} of {entitled} {seats} took part, and {needed} had to."


def _majority_said(result: Result, rule: Rule, casting: Choice | None, *, tied: bool) -> str:
    if result is Result.NO_QUORUM:
        return ""
    asked = f"It took {rule.words()}"
    if not tied:
        return f"{asked}."
    if casting is None:
        return f"{asked}; it was a tie, and nobody's casting vote broke it."
    return f"{asked}; it was a tie, and the chair's casting vote was {casting.value}."
