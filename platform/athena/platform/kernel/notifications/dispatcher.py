"""The dispatcher: takes what is due out of the outbox and delivers it, at least once.

Any number of processes may run one. Each message is taken, delivered and noted in one transaction
whose lock the others skip; a process that dies in between leaves the message as it was.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from asyncpg import PostgresError

from athena.platform.kernel.database import Database, WriteSession
from athena.platform.kernel.errors import AthenaError
from athena.platform.kernel.notifications import repository
from athena.platform.kernel.notifications.models import (
    MOST_ATTEMPTS,
    Channel,
    DeliveryError,
    Message,
    delay_after,
)
from athena.platform.kernel.notifications.service import PLATFORM

OUTBOX_CHANNEL = "athena_outbox"
"""Where the store gives notice of new messages; a hint only."""

BACKSTOP_SECONDS = 15.0
"""How often the outbox is looked at though no notice came: what failed gives none."""

DELIVERY_SECONDS = 20.0
"""A channel that takes longer has failed."""

logger = logging.getLogger("athena.outbox")


class OwnList:
    """The demo's channel: the recipients' own lists in the platform, in the same transaction."""

    async def deliver(self, session: WriteSession, message: Message) -> None:
        """Put the message on the list of each active member it is meant for."""
        if not await repository.count_recipients(session, message):
            raise DeliveryError("no_recipient")
        await repository.add_to_lists(session, message)


class Dispatcher:
    """Delivers what is due."""

    def __init__(self, database: Database, channels: Mapping[str, Channel] | None = None) -> None:
        self._database = database
        self._channels = channels if channels is not None else {PLATFORM: OwnList()}
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look at the outbox now: a notice came."""
        self._woken.set()

    async def deliver_due(self) -> int:
        """Deliver everything that is due and return how many messages that were, failed or not."""
        count = 0
        while await self._deliver_next():
            count += 1
        return count

    async def run(self) -> None:
        """Deliver whenever something is due, until cancelled; wait for a store that is away."""
        while True:
            self._woken.clear()
            try:
                await self.deliver_due()
                async with self._database.write(repository.OUTBOX_LOGIN) as session:
                    await repository.forget_delivered(session)
            except (AthenaError, PostgresError, OSError) as error:
                logger.warning("the outbox can't be read (%s); trying again", type(error).__name__)
            try:
                async with asyncio.timeout(BACKSTOP_SECONDS):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def _deliver_next(self) -> bool:
        async with self._database.write(repository.OUTBOX_LOGIN) as session:
            message = await repository.take_next(session)
            if message is None:
                return False
            failure = await self._attempt(session, message)
            if failure is None:
                await repository.note_delivered(session, message)
                return True
            attempts = message.attempts + 1
            parked = failure.for_good or attempts >= MOST_ATTEMPTS
            delay = None if parked else delay_after(attempts)
            await repository.note_failed(session, message, failure.code, delay)
        logger.warning(
            "message %s %s: %s",
            message.message_id,
            "is parked" if parked else f"failed {attempts} times",
            failure.code,
        )
        return True

    async def _attempt(self, session: WriteSession, message: Message) -> DeliveryError | None:
        """Deliver in a savepoint of its own and return what went wrong, if anything did."""
        channel = self._channels.get(message.channel)
        if channel is None:
            return DeliveryError("no_such_channel", for_good=True)
        try:
            async with session.savepoint(), asyncio.timeout(DELIVERY_SECONDS):
                await channel.deliver(session, message)
        except DeliveryError as failure:
            return failure
        except Exception as error:  # noqa: BLE001 - one message must never hold up the others
            return DeliveryError(type(error).__name__)
        return None
