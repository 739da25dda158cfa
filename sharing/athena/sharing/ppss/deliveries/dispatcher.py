"""The dispatcher: brings partners what is due, each its events in order, at least once.

Any number of processes may run one. An event is taken, sent and noted in one transaction that holds
the lock of the partner's webhook; the others pass it over. A process that dies in between leaves
everything as it was: the next sends the event again, under the same id and number.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from asyncpg import PostgresError

from athena.platform.kernel.database import Database
from athena.platform.kernel.errors import AthenaError
from athena.sharing.ppss.deliveries import repository
from athena.sharing.ppss.deliveries.machine import Attempt, EventState, judge
from athena.sharing.ppss.deliveries.sending import Sender

AT_ONCE = 3
"""How many partners are served at one moment: a slow one must not hold the others up."""

BACKSTOP_SECONDS = 5.0
"""How often what is due is looked at though no notice came: what failed gives none."""

Clock = Callable[[], datetime]
Chore = Callable[[Database, datetime], Awaitable[object]]
"""Something else that falls due by the clock, such as corrections that nobody acknowledged."""

logger = logging.getLogger("athena.ppss")


def utc_now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


class PartnerDispatcher:
    """Delivers partners' events by webhook, by a clock that a test can turn."""

    def __init__(
        self,
        database: Database,
        sender: Sender,
        chores: tuple[Chore, ...] = (),
        clock: Clock = utc_now,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._database = database
        self._sender = sender
        self._chores = chores
        self._clock = clock
        self._draw = draw
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look now: a notice came."""
        self._woken.set()

    async def deliver_due(self) -> int:
        """Deliver everything that is due and return how many attempts that were, failed or not."""
        await self.number_new()
        async with asyncio.TaskGroup() as group:
            workers = [group.create_task(self._work()) for _ in range(AT_ONCE)]
        return sum(worker.result() for worker in workers)

    async def number_new(self) -> None:
        """Number what was committed since, partner by partner, each in a short transaction."""
        async with self._database.read(repository.DELIVERER) as session:
            partners = await repository.partners_with_new(session)
        for partner in partners:
            async with self._database.write(repository.DELIVERER) as session:
                await repository.number(session, partner)

    async def run(self) -> None:
        """Deliver whenever something is due, until cancelled; wait for a store that is away."""
        while True:
            self._woken.clear()
            try:
                await self.deliver_due()
                for chore in self._chores:
                    await chore(self._database, self._clock())
            except* (AthenaError, PostgresError, OSError) as errors:
                name = type(errors.exceptions[0]).__name__
                logger.warning("partners' events can't be read (%s); trying again", name)
            try:
                async with asyncio.timeout(BACKSTOP_SECONDS):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def _work(self) -> int:
        count = 0
        while await self._deliver_next():
            count += 1
        return count

    async def _deliver_next(self) -> bool:
        async with self._database.write(repository.DELIVERER) as session:
            now = self._clock()
            due = await repository.take_next(session, now)
            if due is None:
                return False
            attempt = await self._sender.send(due.url, due.event, now)
            verdict = judge(due.standing, attempt, now, self._draw())
            await repository.note(session, due, verdict, now)
        if verdict.is_stopped:
            logger.error("partner %s is away for a week: its webhook stops", due.partner)
        elif verdict.state is EventState.REFUSED:
            logger.error("event %s is refused for good: %s", due.event.event_id, verdict.code)
        elif not attempt.was_taken:
            _warn(due.event.sequence, due.partner, attempt)
        return True


def _warn(sequence: int, partner: int, attempt: Attempt) -> None:
    logger.warning("event %s of partner %s wasn't taken: %s", sequence, partner, attempt.code)
