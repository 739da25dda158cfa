"""The SQL of a year: the lock that keeps two from being played at once."""

from __future__ import annotations

import asyncpg

PLAYING = 0x59454152
"""The advisory lock of a year that is played: two at once would each do half of it."""


async def try_lock(connection: asyncpg.Connection) -> bool:
    """Take the lock until the connection ends, or return that somebody has it."""
    taken = await connection.fetchval("SELECT pg_try_advisory_lock($1)", PLAYING)
    return bool(taken)
