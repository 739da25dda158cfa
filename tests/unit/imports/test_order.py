"""Turns of batches keep no more than the next one needs."""

from __future__ import annotations

import gc
import weakref

from athena.records.imports.order import Passed, Turn


async def test_what_earlier_batches_decided_is_let_go() -> None:
    turns = [Turn()]
    for _ in range(4):
        turns[-1].decide(Passed())
        turns.append(Turn(turns[-1]))
        assert turns[-1].has_come() is False
        turns[-2].end(as_decided=True)
        assert turns[-1].has_come() is True
    last = turns[-1]
    earlier = [weakref.ref(turn) for turn in turns[:-1]]
    del turns
    gc.collect()
    assert [turn() is None for turn in earlier] == [True, True, True, False]
    assert last.has_come()
