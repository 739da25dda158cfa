"""What is written together with an event: several writes in one statement."""

from __future__ import annotations

import pytest

from athena.platform.kernel.audit import Writes


def test_both_are_written_and_the_others_row_is_returned() -> None:
    both = Writes("a AS (SELECT :x)", {"x": 1, "y": 2}).and_also(
        Writes("b AS (SELECT :y)", {"y": 2, "z": 3}, "b")
    )
    assert both == Writes("a AS (SELECT :x), b AS (SELECT :y)", {"x": 1, "y": 2, "z": 3}, "b")


def test_a_name_has_one_value() -> None:
    with pytest.raises(ValueError, match="parameter y"):
        Writes("a AS (SELECT :y)", {"y": 2}).and_also(Writes("b AS (SELECT :y)", {"y": 3}))
