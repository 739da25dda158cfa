"""A task that is stopped at any moment leaves no connection half closed and complains of nothing.

A command ends by stopping what runs beside it; whatever the driver then says would stand among
what the command says to a person.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from contextlib import suppress
from functools import partial
from itertools import count
from typing import Any

import pytest

from athena.platform.kernel.database import Database
from athena.platform.kernel.store import Store
from athena.records.names.repository import DICTIONARY

FEWEST_MOMENTS = {False: 6, True: 4}
"""It waits to begin, ask, commit and be given back; before it is connected, for that and more."""

POOL_SIZE = 1


class Stopping:
    """Awaits a coroutine and stops the task that does when it waits for the nth time."""

    def __init__(self, coroutine: Coroutine[Any, Any, None], moment: int) -> None:
        self._coroutine = coroutine
        self._left = moment
        self.stopped = False

    def __await__(self) -> Generator[Any, None, None]:
        inside = self._coroutine.__await__()
        go_on = partial(inside.send, None)
        while True:
            try:
                waiting = go_on()
            except StopIteration:
                return
            self._left -= 1
            task = asyncio.current_task()
            if self._left == 0 and task is not None:
                self.stopped = True
                asyncio.get_running_loop().call_soon(task.cancel)
            try:
                yield waiting
            except BaseException as error:  # noqa: BLE001 - it goes on inside
                go_on = partial(inside.throw, error)
            else:
                go_on = partial(inside.send, None)


async def _stop_at_each_moment(store: Store, *, connected: bool) -> int:
    """Stop a transaction where it first waits, then where it next does; return how often it did."""
    for moment in count(1):
        database = Database(store.address, store.master_secret, pool_size=POOL_SIZE)
        if connected:
            await _transaction(database)
        stopping = Stopping(_transaction(database), moment)

        async def run(stopping: Stopping = stopping) -> None:
            await stopping

        with suppress(asyncio.CancelledError):
            await asyncio.create_task(run())
        await _serves_others(database)
        await database.close()
        if not stopping.stopped:
            return moment - 1
    raise AssertionError


async def _transaction(database: Database) -> None:
    async with database.read(DICTIONARY) as session:
        assert await session.value("SELECT 1") == 1


async def _serves_others(database: Database) -> None:
    """Ask on all connections of a pool at once: none is missing, or in a transaction still."""
    together = asyncio.Barrier(2 * POOL_SIZE)

    async def ask() -> None:
        async with database.alone(DICTIONARY) as session:
            await together.wait()
            await session.value("SELECT set_config('athena.left_over', 'yes', true)")
            assert await session.value("SELECT current_setting('athena.left_over', true)") in (
                None,
                "",
            )

    async with asyncio.timeout(20):
        await asyncio.gather(*(ask() for _ in range(2 * POOL_SIZE)))


@pytest.mark.parametrize("connected", [False, True])
def test_a_transaction_stopped_at_any_moment_ends_in_silence(
    fresh_store: Store, caplog: pytest.LogCaptureFixture, connected: bool
) -> None:
    # In a loop of its own: ending it stops whatever is still running, as a command's end does.
    moments = asyncio.run(_stop_at_each_moment(fresh_store, connected=connected))
    assert moments >= FEWEST_MOMENTS[connected]
    assert [record.getMessage() for record in caplog.records] == []
