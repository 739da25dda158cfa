"""Counting this process's requests by force, for the gate and for Prometheus.

A request is its force's once it is known who sent it. What fails before that is no force's: it
can't be told whose it would have been.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from uuid import uuid4

from asyncpg import PostgresError
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from athena.governance.health import repository
from athena.governance.health.models import Counts
from athena.platform.kernel.database import Database
from athena.platform.kernel.errors import AthenaError
from athena.platform.kernel.identity import TenantId
from athena.platform.kernel.metrics import REGISTRY, route_class, whose

FLUSH_SECONDS = 3.0
"""How often counts go to the store: what a process that dies takes with it at most."""

ROW = timedelta(minutes=1)
"""How long one row of the store counts on before the next begins."""

MOST_UNSENT = 2000
"""How many rows wait for a store that is away, some hours' worth; the oldest then go."""

FORGET_SECONDS = 3600.0

logger = logging.getLogger("athena.health")

_REQUESTS = Counter(
    "athena_requests_total",
    "Requests of signed-in members, by force, kind of route, and whether we failed",
    ["force", "route", "failed"],
    registry=REGISTRY,
)
_SECONDS = Histogram(
    "athena_request_seconds",
    "How long they took, by force and kind of route",
    ["force", "route"],
    registry=REGISTRY,
)

Row = tuple[TenantId, datetime]


def _now() -> datetime:
    return datetime.now(UTC)


class Tally:
    """The counts of one process, row by row, until the store has them."""

    def __init__(self, database: Database, now: Callable[[], datetime] = _now) -> None:
        self._database = database
        self._now = now
        self._process = uuid4()
        self._open: dict[TenantId, datetime] = {}
        self._counts: dict[Row, Counts] = {}
        self._unsent: dict[Row, None] = {}

    def add(self, force: TenantId, milliseconds: float, *, failed: bool) -> None:
        """Count a request of a force in its open row, or begin one."""
        now = self._now()
        began = self._open.get(force)
        if began is None or not began <= now < began + ROW:
            self._close(force)
            began = self._open[force] = now
        row = (force, began)
        self._counts.setdefault(row, Counts()).add(milliseconds, failed=failed)
        self._unsent[row] = None

    def begin_anew(self) -> None:
        """Begin new rows, so that what came before a switch is never counted with what follows."""
        for force in list(self._open):
            self._close(force)

    def _close(self, force: TenantId) -> None:
        began = self._open.pop(force, None)
        if began is not None and (force, began) not in self._unsent:
            self._counts.pop((force, began), None)

    async def flush(self) -> None:
        """Store what has been counted since the last time; what isn't stored is tried again."""
        sending = list(self._unsent)
        if not sending:
            return
        async with self._database.write(repository.MONITOR) as session:
            found = [(force, began, self._counts[force, began]) for force, began in sending]
            told = {row: self._counts[row].requests for row in sending}
            await repository.put(session, self._process, found)
        for row in sending:
            if self._counts[row].requests == told[row]:  # else more came meanwhile
                del self._unsent[row]
                if self._open.get(row[0]) != row[1]:
                    del self._counts[row]

    def drop_oldest(self) -> None:
        """Keep within bounds while the store is away."""
        for row in list(self._unsent)[:-MOST_UNSENT]:
            if self._open.get(row[0]) == row[1]:
                del self._open[row[0]]
            del self._unsent[row], self._counts[row]

    async def run(self) -> None:
        """Flush again and again until cancelled, and once more then."""
        forget_at = 0.0
        try:
            while True:
                await asyncio.sleep(FLUSH_SECONDS)
                try:
                    await self.flush()
                    if time.monotonic() >= forget_at:
                        await self._forget_old()
                        forget_at = time.monotonic() + FORGET_SECONDS
                except (AthenaError, PostgresError, OSError) as error:
                    logger.warning("counts wait for the store (%s)", type(error).__name__)
                self.drop_oldest()
        finally:
            try:
                await self.flush()
            except (AthenaError, PostgresError, OSError) as error:
                logger.warning("the last counts are lost (%s)", type(error).__name__)

    async def _forget_old(self) -> None:
        async with self._database.write(repository.MONITOR) as session:
            await repository.forget_old(session)


class Counting:
    """Middleware that counts each request when it is over, by whom it was and what came of it."""

    def __init__(self, app: ASGIApp, tally: Callable[[], Tally | None]) -> None:
        self._app = app
        self._tally = tally

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and count it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = int(HTTPStatus.INTERNAL_SERVER_ERROR)  # where nothing answers, or raises

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
            await send(message)

        started = time.perf_counter()
        try:
            await self._app(scope, receive, watched)
        finally:
            self._count(scope, status, time.perf_counter() - started)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        subject = whose(scope)
        if subject is None:
            return
        failed = status >= HTTPStatus.INTERNAL_SERVER_ERROR
        route = route_class(scope)
        _REQUESTS.labels(subject.tenant, route, "yes" if failed else "no").inc()
        _SECONDS.labels(subject.tenant, route).observe(seconds)
        tally = self._tally()
        if tally is not None:
            tally.add(subject.tenant_id, seconds * 1000, failed=failed)
