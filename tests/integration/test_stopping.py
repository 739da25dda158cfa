"""A task that is stopped at any moment leaves no connection half closed and complains of nothing.

A command ends by stopping what runs beside it; whatever the driver then says would stand among
what the command says to a person.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from sqlalchemy import Engine, event
from sqlalchemy.pool import Pool

from athena.platform.kernel.database import Database
from athena.platform.kernel.store import Store
from athena.records.names.repository import DICTIONARY

Moment = tuple[type[Engine] | type[Pool], str]

MOMENTS: dict[str, Moment] = {
    "connected": (Pool, "connect"),
    "beginning": (Engine, "begin"),
    "committing": (Engine, "commit"),
    "given back": (Pool, "reset"),
    "closing": (Pool, "close"),
}


async def _stop_at(store: Store, moment: Moment) -> None:
    """Stop a transaction at a moment; the pool is full by then, so its connection ends with it."""
    loop = asyncio.get_running_loop()
    database = Database(store.address, store.master_secret, pool_size=1)
    stopped, beside, alone = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def transaction() -> None:
        async with database.read(DICTIONARY) as session:
            await session.value("SELECT 1")
            beside.set()
            await alone.wait()

    def stop(*_: object) -> None:
        if not stopped.is_set():
            stopped.set()
            loop.call_soon(turn.cancel)

    async with database.read(DICTIONARY) as kept:
        await kept.value("SELECT 1")
        event.listen(*moment, stop)
        turn = asyncio.create_task(transaction())
        await asyncio.wait(
            {turn, asyncio.create_task(beside.wait())}, return_when="FIRST_COMPLETED"
        )
    alone.set()
    with suppress(asyncio.CancelledError):
        await turn
    event.remove(*moment, stop)
    await database.close()
    assert stopped.is_set(), "the transaction came to this moment"


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_transaction_stopped_at_any_moment_ends_in_silence(
    fresh_store: Store, caplog: pytest.LogCaptureFixture, moment: str
) -> None:
    # In a loop of its own: ending it stops whatever is still running, as a command's end does.
    await asyncio.to_thread(asyncio.run, _stop_at(fresh_store, MOMENTS[moment]))
    assert [record.getMessage() for record in caplog.records] == []
