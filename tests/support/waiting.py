"""Waiting for what comes by itself, without sleeping longer than it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import asyncpg

PATIENCE = 120.0
"""Seconds after which what hasn't come won't: only a failing test waits them out."""


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a condition holds, or fail when patience ends."""
    async with asyncio.timeout(PATIENCE):
        while not await condition():  # noqa: ASYNC110 - what is waited for sends no event
            await asyncio.sleep(0.05)


async def until_stored(admin: asyncpg.Connection, condition: str, *values: object) -> None:
    """Wait until a condition, a query for a truth, holds in the store."""

    async def holds() -> bool:
        return bool(await admin.fetchval(condition, *values))

    await until(holds)


async def early_in_the_hour() -> None:
    """Wait, shortly before the hour, until it has struck: what a test counts falls into one hour.

    A day ends with an hour, so it falls into one day too.
    """
    while (now := datetime.now(UTC)).minute == 59 and now.second >= 30:  # noqa: ASYNC110
        await asyncio.sleep(0.5)
