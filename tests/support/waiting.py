"""Waiting for what comes by itself, without sleeping longer than it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a condition holds, or fail after half a minute."""
    async with asyncio.timeout(30):
        while not await condition():  # noqa: ASYNC110 - what is waited for sends no event
            await asyncio.sleep(0.05)
