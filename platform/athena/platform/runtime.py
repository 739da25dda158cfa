"""The running platform: the store's pools and the services over them, for server and CLI."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from athena.platform.kernel.database import Database
from athena.platform.kernel.errors import AthenaError
from athena.platform.kernel.settings import Settings
from athena.platform.kernel.store import Store
from athena.policies.agreements.life import Agreements
from athena.policies.agreements.service import agreement_titles
from athena.policies.decisions.engine import WasmPolicy
from athena.policies.roles.service import RoleTable
from athena.policies.visibility.service import Gate
from athena.records.names.repository import CHANNEL, DICTIONARY
from athena.records.names.service import NameRegister
from athena.sharing.search.names import LiveNames
from athena.sharing.search.service import Searcher
from athena.tenants.directory.service import load_directory

POLICY_CHANNEL = "athena_policy"
BACKSTOP_SECONDS = 5.0
"""How often everything is read again though no notice came: a notice is only a hint."""

RECONNECT_SECONDS = 0.5

logger = logging.getLogger("athena.runtime")


@dataclass(slots=True)
class Runtime:
    """Everything that answers requests."""

    store: Store
    database: Database
    gate: Gate
    register: NameRegister
    searcher: Searcher
    agreements: Agreements
    titles: dict[UUID, str]
    """Agreements' titles as the searcher tells them; kept fresh as names are."""


@asynccontextmanager
async def running(store: Store, settings: Settings) -> AsyncIterator[Runtime]:
    """Open the services over a migrated store and keep them fresh until the block ends."""
    database = store.database()
    roles = RoleTable.load()
    gate = Gate(database, WasmPolicy.load(), roles, settings.grant_seconds)
    names = LiveNames(database)
    try:
        await names.refresh()
        titles = dict(await agreement_titles(database))
        searcher = Searcher(names, await load_directory(database), titles)
        register, agreements = NameRegister(database), Agreements(database, roles)
        runtime = Runtime(store, database, gate, register, searcher, agreements, titles)
        listener = asyncio.create_task(_stay_fresh(runtime))
        try:
            yield runtime
        finally:
            listener.cancel()
            await asyncio.gather(listener, return_exceptions=True)
    finally:
        await database.close()


async def _stay_fresh(runtime: Runtime) -> None:
    """Listen for notices and read again what they hint at; come back after a broken connection."""
    while True:
        try:
            async with runtime.database.listen(DICTIONARY) as connection:
                await _follow(connection, runtime)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, AthenaError) as error:
            logger.warning("listening broke off (%s); trying again", type(error).__name__)
            runtime.gate.forget()
            await asyncio.sleep(RECONNECT_SECONDS)


async def _follow(connection: asyncpg.Connection, runtime: Runtime) -> None:
    woken = asyncio.Event()

    def policy_changed(*_: object) -> None:
        runtime.gate.forget()
        woken.set()

    def names_changed(*_: object) -> None:
        woken.set()

    await connection.add_listener(POLICY_CHANNEL, policy_changed)
    await connection.add_listener(CHANNEL, names_changed)
    while not connection.is_closed():
        woken.clear()
        await runtime.searcher.names.refresh()
        runtime.titles.update(await agreement_titles(runtime.database))
        try:
            async with asyncio.timeout(BACKSTOP_SECONDS):
                await woken.wait()
        except TimeoutError:
            await connection.execute("SELECT 1")  # finds out whether the connection still lives
