"""What the gate forgets is read again, also where it was being read at that very moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from athena.platform.kernel.identity import Purpose
from athena.tenants.members.service import subject_by_username
from support.api import Platform
from support.statements import heard

LAST_READ = "FROM tenants.tenant WHERE status = 'active'"
"""By then the policy's revision, its labels and its agreements have been read."""


@contextmanager
def once_at(words: str, act: Callable[[], None]) -> Iterator[list[str]]:
    """Act before the first statement of this task that has some words; yield what was met."""
    met: list[str] = []
    mine = asyncio.current_task()

    def ran(_: str, statement: str) -> None:
        if words in statement and not met and asyncio.current_task() is mine:
            met.append(statement)
            act()

    with heard(ran):
        yield met


async def test_what_is_forgotten_while_it_is_read_is_not_kept(platform: Platform) -> None:
    gate = platform.runtime.gate
    subject = await subject_by_username(platform.runtime.database, "officer.kent")
    met: list[str] = []
    while not met:  # the platform itself may read it first, and then it is remembered
        gate.forget()
        with once_at(LAST_READ, gate.forget) as met:
            before = await gate.visibility(subject, Purpose.INVESTIGATION)
    after = await gate.visibility(subject, Purpose.INVESTIGATION)
    assert after.grant_set_id != before.grant_set_id
    assert await gate.visibility(subject, Purpose.INVESTIGATION) is after
