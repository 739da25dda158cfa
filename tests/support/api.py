"""The whole application in the test's process, over a real store, as its users call it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from asgi_lifespan import LifespanManager
from fastapi import FastAPI

from athena.platform.app import create_app
from athena.platform.kernel.notifications.repository import OUTBOX_LOGIN
from athena.platform.kernel.settings import Settings
from athena.platform.kernel.store import Store, data_dir
from athena.platform.kernel.tokens import TokenIssuer
from athena.platform.runtime import Runtime
from athena.policies.agreements.founding import seed_baseline
from athena.tenants.members.service import subject_by_username
from support.waiting import PATIENCE, until

REASON = "A test of the platform"


@dataclass
class Platform:
    """The running application and a client for it."""

    app: FastAPI
    runtime: Runtime
    client: httpx.AsyncClient
    tokens: TokenIssuer
    _bearer: dict[str, str] = field(default_factory=dict)

    async def headers(self, username: str, purpose: str = "investigation") -> dict[str, str]:
        """Return the headers of a call by a member for a purpose."""
        if username not in self._bearer:
            subject = await subject_by_username(self.runtime.database, username)
            self._bearer[username] = self.tokens.issue(subject.member_id)
        return {
            "Authorization": f"Bearer {self._bearer[username]}",
            "Athena-Purpose": purpose,
            "Athena-Reason": REASON,
        }

    async def delivered(self) -> None:
        """Wait until no message is due and none is being delivered, by whichever dispatcher.

        The platform's own may be at one: others pass it over, and it is due until that is noted.
        """

        async def none_is_due() -> bool:
            await self.runtime.outbox.deliver_due()
            async with self.runtime.database.read(OUTBOX_LOGIN) as session:
                due: bool = await session.value(
                    "SELECT EXISTS (SELECT FROM work.message "
                    "WHERE state = 'pending' AND next_attempt_at <= now())"
                )
            return not due

        await until(none_is_due)

    async def search(self, username: str, **fields: Any) -> httpx.Response:
        """Search as a member."""
        body = {"purpose": "investigation", "reason": REASON, **fields}
        return await self.client.post(
            "/api/v1/nominals/search", json=body, headers=await self.headers(username)
        )

    async def create(
        self, username: str, nominal: Mapping[str, Any], **fields: Any
    ) -> httpx.Response:
        """Search for a person and create it, acknowledging nothing unless told."""
        name = nominal["names"][0]
        found = await self.search(
            username, name=f"{name.get('given_names', '')} {name.get('surname', '')}"
        )
        assert found.status_code == 200, found.text
        body = {"search_id": found.json()["search_id"], "nominal": nominal, **fields}
        return await self.client.post(
            "/api/v1/nominals", json=body, headers=await self.headers(username)
        )

    async def read(
        self, username: str, nominal_id: str, purpose: str = "investigation"
    ) -> httpx.Response:
        """Read a nominal as a member for a purpose."""
        return await self.client.get(
            f"/api/v1/nominals/{nominal_id}", headers=await self.headers(username, purpose)
        )


@asynccontextmanager
async def running_platform(
    store: Store, directory: Path, **changed: Any
) -> AsyncIterator[Platform]:
    """Yield the application over a store that has the baseline of agreements."""
    settings = Settings(
        **{"data_dir": directory, "compares": False, "answers_batches": False, **changed}
    )
    database = store.database()
    await seed_baseline(database)
    await database.close()
    app = create_app(store, settings)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        LifespanManager(app, startup_timeout=PATIENCE, shutdown_timeout=PATIENCE),
        httpx.AsyncClient(transport=transport, base_url="http://athena.test") as client,
    ):
        tokens = TokenIssuer.open(settings, data_dir(settings))
        yield Platform(app, app.state.runtime, client, tokens)
