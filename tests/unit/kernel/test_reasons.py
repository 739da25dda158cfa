"""A stated reason: one rule, whatever it is the reason for, and the words of each place."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from athena.platform.kernel.errors import InvalidInputError
from athena.platform.kernel.permits import Act, check_reason
from athena.platform.kernel.web import stated_reason
from athena.platform.kernel.worklist.routes import parse_reason as reason_of_an_outcome
from athena.policies.visibility.stated import parse_reason as reason_of_looking

PRINTABLE = st.characters(exclude_categories=("C", "Z"))
PLACES = {
    "the act": check_reason,
    "the outcome": reason_of_an_outcome,
    "looking": reason_of_looking,
}


@pytest.mark.parametrize("check", PLACES.values(), ids=PLACES)
@given(
    words=st.text(PRINTABLE, min_size=3, max_size=500), around=st.sampled_from(("", " ", "\t\n"))
)
def test_a_reason_is_taken_without_the_blanks_around_it(
    check: Callable[[str], str], words: str, around: str
) -> None:
    assert check(f"{around}{words}{around}") == words


@pytest.mark.parametrize("what", PLACES)
@pytest.mark.parametrize(
    "words", ["", "no", "  no  ", "n" * 501, "two\nlines", "a\x00b", "a\u2028b"]
)
def test_every_place_refuses_the_same_in_its_own_words(what: str, words: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        PLACES[what](words)

    assert refused.value.detail == f"Give the reason for {what}, in 3 to 500 printable characters."
    assert refused.value.extra == {"field": "/reason"}


def test_no_reason_at_all_is_refused() -> None:
    for nothing in (check_reason, reason_of_looking, stated_reason):
        with pytest.raises(InvalidInputError, match="Give the reason"):
            nothing(None)


def test_an_act_names_the_field_of_its_reason() -> None:
    with pytest.raises(ValidationError) as refused:
        Act.model_validate({"reason": "no"})

    [error] = refused.value.errors()
    assert error["loc"] == ("reason",)
    assert "Give the reason for the act" in error["msg"]
