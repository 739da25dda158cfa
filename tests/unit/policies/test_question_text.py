"""A question has the same text and digest whether or not its agreements' text was made before."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from athena.policies.decisions.point import Question, canonical_text

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("aébc"), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["active", "labels", "today"]), VALUES), VALUES)
def test_text_and_digest_are_those_of_the_whole(rest: dict[str, Any], agreements: Any) -> None:
    content = {**rest, "agreements": agreements}
    assert Question.of(content, canonical_text(agreements)) == Question.of(content)
