"""Requests to the platform in this process, without a network: what a member's browser would send.

Each goes through the whole application: signing in, the routes, the counting of requests.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import quote, urlsplit

from fastapi import FastAPI
from starlette.types import Message, Scope

from athena.platform.kernel.identity import TenantId
from athena.platform.kernel.settings import Settings
from athena.platform.kernel.store import Store, data_dir
from athena.platform.kernel.tokens import TokenIssuer
from athena.platform.runtime import Runtime
from athena.tenants.members.service import subject_by_username


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status of HTTP, and the JSON where there was any."""

    status: int
    content: Any

    @property
    def is_refusal(self) -> bool:
        """Whether the request was understood and refused."""
        return 400 <= self.status < 500

    @property
    def has_failed(self) -> bool:
        """Whether the platform failed: what the health gate counts."""
        return self.status >= 500

    @property
    def detail(self) -> str:
        """The sentence of a problem."""
        content = self.content if isinstance(self.content, dict) else {}
        return str(content.get("detail", f"status {self.status}"))


@dataclass
class Client:
    """Members of the store, who call the application with tokens of their own."""

    app: FastAPI
    tokens: TokenIssuer
    runtime: Runtime
    _bearer: dict[str, str] = field(default_factory=dict)

    @classmethod
    @asynccontextmanager
    async def opened(cls, store: Store, settings: Settings) -> AsyncIterator[Self]:
        """Yield a client of an application that runs until the block ends."""
        from athena.platform.app import create_app  # all routes, which no other command needs

        app = create_app(store, settings)
        async with app.router.lifespan_context(app):
            tokens = TokenIssuer.open(settings, data_dir(settings))
            yield cls(app, tokens, app.state.runtime)

    async def tenant_of(self, account: str) -> TenantId:
        """Return the number of an account's tenant."""
        return (await subject_by_username(self.runtime.database, account)).tenant_id

    async def send(
        self, account: str, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> Answer:
        """Send a request as a member and return what came back."""
        if account not in self._bearer:
            subject = await subject_by_username(self.runtime.database, account)
            self._bearer[account] = self.tokens.issue(subject.member_id)
        headers = {"authorization": f"Bearer {self._bearer[account]}"}
        return await _request(self.app, method, path, headers, body)


async def _request(
    app: FastAPI,
    method: str,
    address: str,
    headers: Mapping[str, str],
    body: Mapping[str, Any] | None,
) -> Answer:
    content = b"" if body is None else json.dumps(body).encode()
    parts = urlsplit(address)
    sent = {
        "host": "athena.example",
        "content-type": "application/json",
        "content-length": str(len(content)),
        **headers,
    }
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": parts.path,
        "raw_path": quote(parts.path).encode(),
        "query_string": parts.query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
        "client": ("127.0.0.1", 0),
        "server": ("athena.example", 80),
        "state": {},
    }
    pieces: list[bytes] = []
    status = 500  # where nothing answers

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = int(message["status"])
        elif message["type"] == "http.response.body":
            pieces.append(bytes(message.get("body", b"")))

    await app(scope, receive, send)
    told = b"".join(pieces)
    return Answer(status, json.loads(told) if told else None)
