"""A process of its own that searches the same store, for tests of what processes share.

It says "ready" with the edition it uses, then reads names from its input, one a line, and says
each as soon as its dictionary leads from the name to itself. Nothing but a notice wakes it.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from sqlalchemy import make_url

from athena.platform import runtime as platform_runtime
from athena.platform.kernel.database import StoreAddress
from athena.platform.kernel.settings import Settings
from athena.platform.kernel.store import Store


def say(text: str) -> None:
    """Tell the process that started this one."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


async def follow(told: dict[str, str]) -> None:
    """Run the platform over a store and report which names it knows."""
    platform_runtime.BACKSTOP_SECONDS = 3600.0
    address = StoreAddress(told["host"], int(told["port"]), told["database"])
    store = Store(address, make_url(told["admin_url"]), told["secret"].encode(), 1, 2, None)
    settings = Settings(data_dir=Path(told["directory"]))
    async with platform_runtime.running(store, settings) as runtime:
        names = runtime.searcher.names
        say(f"ready {len(names.current.base)} {len(names.current.overlay)}")
        while name := (await asyncio.to_thread(sys.stdin.readline)).strip():
            while name not in {item.token for item in names.current.expand(name)}:  # noqa: ASYNC110
                await asyncio.sleep(0.01)  # until a notice wakes the dictionary
            say(name)


if __name__ == "__main__":
    asyncio.run(follow(json.loads(sys.argv[1])))
