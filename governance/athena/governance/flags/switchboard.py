"""What this process knows of the switches, and how it stays true."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from asyncpg import PostgresError

from athena.governance.flags import repository
from athena.governance.flags.provider import FeatureFlags, SwitchProvider
from athena.platform.kernel.database import Database
from athena.platform.kernel.errors import AthenaError

BACKSTOP_SECONDS = 0.75
"""How often the switches are read though no notice came: a notice is only a hint.

They are a handful of rows, read whole: asking for a version first would take as long.
"""

logger = logging.getLogger("athena.features")


class Switchboard:
    """Holds the switches in memory; a store that can't be reached leaves the last known ones."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._provider = SwitchProvider()
        self._woken = asyncio.Event()
        self._reading = asyncio.Lock()
        self._followers: list[Callable[[], None]] = []
        self.features = FeatureFlags(self._provider)

    def noticed(self, *_: object) -> None:
        """Read the switches now: a notice came, whatever it says."""
        self._woken.set()

    def when_switched(self, follow: Callable[[], None]) -> None:
        """Have something called each time that a switch has come into force here."""
        self._followers.append(follow)

    async def refresh(self) -> None:
        """Read the switches and put them in force; errors leave what was known."""
        async with self._reading:  # an older reading must not replace a newer one
            async with self._database.read(repository.MONITOR) as session:
                read = await repository.every(session)
            if read != self._provider.known:
                self._provider.known = read
                for follow in self._followers:
                    follow()

    async def follow(self) -> None:
        """Stay true until cancelled, by notices and by looking again and again."""
        reached = True
        while True:
            self._woken.clear()
            try:
                await self.refresh()
                reached = True
            except (AthenaError, PostgresError, OSError) as error:
                if reached:  # once: the store may be away for hours
                    logger.warning(
                        "switches can't be read (%s); the last known ones stand",
                        type(error).__name__,
                    )
                reached = False
            try:
                async with asyncio.timeout(BACKSTOP_SECONDS):
                    await self._woken.wait()
            except TimeoutError:
                continue

    def close(self) -> None:
        """Leave the process's registry of providers."""
        self.features.close()
