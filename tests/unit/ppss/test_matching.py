"""When somebody found is the person asked about, and when patterns of asking stop a partner."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest

from athena.platform.kernel.identity import NominalId, Purpose, TenantId
from athena.sharing.ppss.limits.models import Cause, Recent, Thresholds
from athena.sharing.ppss.person_checks.matching import ask_for, judge
from athena.sharing.ppss.person_checks.sandbox import PEOPLE, look_up
from athena.sharing.ppss.person_checks.schemas import PersonAsked, Result
from athena.sharing.ppss.person_checks.service import initial, person_digest
from athena.sharing.search.explaining import FieldMatch
from athena.sharing.search.ranking import Ranked

NAMES = (
    FieldMatch("surname", "x", "x", "exact", 0.0),
    FieldMatch("given_name", "x", "x", "exact", 0.0),
)
BORN = FieldMatch("date_of_birth", "x", "x", "exact", 0.0)


def found(
    number: int, score: float = 0.99, owner: int = 1, explanation: tuple[FieldMatch, ...] = ()
) -> Ranked:
    return Ranked(
        TenantId(owner), NominalId(UUID(int=number)), score, explanation or (*NAMES, BORN)
    )


@pytest.mark.parametrize(
    ("ranked", "result", "told"),
    [
        ([], Result.NO_MATCH, 0),
        ([found(1)], Result.MATCH, 1),
        ([found(1), found(2, owner=2)], Result.MATCH, 2),
        ([found(1), found(2)], Result.POSSIBLE, 0),
        ([found(1), found(2, 0.6)], Result.MATCH, 1),
        ([found(1, 0.84)], Result.POSSIBLE, 0),
        ([found(1, 0.49)], Result.NO_MATCH, 0),
        ([found(1, explanation=NAMES)], Result.POSSIBLE, 0),
        ([found(1, explanation=(BORN,))], Result.POSSIBLE, 0),
        ([found(1, explanation=(NAMES[0], BORN))], Result.POSSIBLE, 0),
        (
            [found(1, explanation=(*NAMES, FieldMatch("date_of_birth", "x", "y", "slip", -1)))],
            Result.POSSIBLE,
            0,
        ),
        (
            [found(1, explanation=(NAMES[0], FieldMatch("given_name", "x", "", "-", -2.5), BORN))],
            Result.POSSIBLE,
            0,
        ),
    ],
)
def test_a_match_is_proved_and_the_only_one_of_its_force(
    ranked: list[Ranked], result: Result, told: int
) -> None:
    verdict = judge(ranked)
    assert (verdict.result, len(verdict.matches)) == (result, told)


def test_what_is_asked_for_depends_on_the_question_alone() -> None:
    person = PersonAsked(family_name="A", given_names="B")
    assert ask_for(person, Result.POSSIBLE) == ["date_of_birth", "sex", "all_given_names"]
    assert ask_for(person, Result.NO_MATCH) == ask_for(person, Result.MATCH) == []


def test_the_same_person_is_seen_again_without_keeping_who_it_is() -> None:
    born = date(1990, 1, 2)
    one = PersonAsked(family_name="O'Neil ", given_names="Ann  Mary", date_of_birth=born)
    same = PersonAsked(family_name="o'neil", given_names="ANN MARY", date_of_birth=born)
    other = PersonAsked(family_name="o'neil", given_names="ann mary")
    assert person_digest(b"k", one) == person_digest(b"k", same) != person_digest(b"k", other)
    assert person_digest(b"k", one) != person_digest(b"l", one)
    assert (initial(one), initial(PersonAsked(family_name="李", given_names="x"))) == ("o", "")


ORDINARY = Recent(checks=59, without_match=59, initials=26, of_this_person=5, out_of_hours=24)


@pytest.mark.parametrize(
    ("recent", "cause"),
    [
        (ORDINARY, None),
        (Recent(60, 54, 18, 1, 0), Cause.ALPHABET_SWEEP),
        (Recent(60, 54, 17, 1, 0), Cause.MANY_WITHOUT_MATCH),
        (Recent(60, 53, 26, 1, 0), None),
        (Recent(6, 0, 0, 6, 0), Cause.ONE_PERSON_REPEATEDLY),
        (Recent(25, 0, 0, 1, 25), Cause.OUT_OF_HOURS),
    ],
)
def test_patterns_stop_from_their_thresholds_on(recent: Recent, cause: Cause | None) -> None:
    assert Thresholds().cause(recent) is cause


def test_the_sandbox_gives_fixed_answers() -> None:
    for made_up in PEOPLE:
        person = PersonAsked(
            family_name=made_up.surname.upper(),
            given_names=made_up.given,
            date_of_birth=made_up.born,
        )
        first = look_up(person, Purpose.SAFEGUARDING)
        assert first == look_up(person, Purpose.SAFEGUARDING)
        assert first[0] is made_up.result
        assert [record.level for record in first[1]] == [made_up.level][: len(first[1])]
    nobody = PersonAsked(family_name="Nobody", given_names="Known")
    assert look_up(nobody, Purpose.SAFEGUARDING) == (Result.NO_MATCH, [])
