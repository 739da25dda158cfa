"""A process of its own that delivers partners' events once, for tests that kill it."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime

from athena.platform.kernel.database import Database, StoreAddress
from athena.sharing.ppss.deliveries.dispatcher import PartnerDispatcher
from athena.sharing.ppss.deliveries.reach import Reach
from athena.sharing.ppss.deliveries.sending import WebhookSender
from athena.sharing.ppss.deliveries.signing import EventSigner


async def deliver(told: dict[str, str]) -> None:
    """Deliver what is due, with ten minutes' patience for each answer."""
    address = StoreAddress(told["host"], int(told["port"]), told["database"])
    database = Database(address, told["secret"].encode())
    sender = WebhookSender(EventSigner(b"s" * 32, 1), Reach.parse("127.0.0.0/8"), 600)
    now = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
    await PartnerDispatcher(database, sender, clock=lambda: now).deliver_due()


if __name__ == "__main__":
    asyncio.run(deliver(json.loads(sys.argv[1])))
