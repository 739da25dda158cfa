"""A server process of its own over the same store, for tests of what processes share.

It says its port once it answers. It is told whether notices reach it or only its own looking does,
and for which forces one of its routes fails, as a fault in a new feature would make it.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from pathlib import Path
from typing import Any

import uvicorn
from sqlalchemy import make_url

from athena.governance.acting import Office
from athena.governance.flags import service, switchboard
from athena.governance.flags.schemas import FeatureView
from athena.governance.health import counting
from athena.platform import runtime as platform_runtime
from athena.platform.app import create_app
from athena.platform.kernel.database import StoreAddress
from athena.platform.kernel.identity import Subject
from athena.platform.kernel.settings import Settings
from athena.platform.kernel.store import Store
from athena.platform.kernel.web import listening_socket


class Announcing(uvicorn.Server):
    """Says which port it listens on, once it answers."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            sys.stdout.write(f"{self.servers[0].sockets[0].getsockname()[1]}\n")
            sys.stdout.flush()


def change(told: dict[str, Any]) -> None:
    """Make the process as it was told to be."""
    counting.FLUSH_SECONDS = 0.2
    platform_runtime.BACKSTOP_SECONDS = 3600.0
    if told["notices"]:
        switchboard.BACKSTOP_SECONDS = 3600.0
    else:
        setattr(platform_runtime, "FEATURES_CHANNEL", "athena_nowhere")  # noqa: B010 - imported there
    whole = service.every

    async def every(office: Office, subject: Subject) -> list[FeatureView]:
        if subject.tenant in told["fails_for"]:
            raise RuntimeError("a fault that the test injects")
        return await whole(office, subject)

    service.every = every


async def serve(told: dict[str, Any]) -> None:
    """Serve until terminated."""
    address = StoreAddress(told["host"], int(told["port"]), told["database"])
    store = Store(address, make_url(told["admin_url"]), told["secret"].encode(), 1, 4, None)
    settings = Settings(data_dir=Path(told["directory"]), compares=False)
    with listening_socket("127.0.0.1", 0) as listener:
        config = uvicorn.Config(
            create_app(store, settings), fd=listener.fileno(), log_level="critical"
        )
        await Announcing(config).serve()


if __name__ == "__main__":
    instructions = json.loads(sys.argv[1])
    change(instructions)
    asyncio.run(serve(instructions))
