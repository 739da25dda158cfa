"""The training environment's database: a store of its own, marked, dropped and made again.

It is never on the server of the live store: logins and their passwords are the server's, so what
trainees do to a force's login there would be done to the live one.
"""

from __future__ import annotations

import enum
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import datetime

import asyncpg
from sqlalchemy import URL

from athena.platform.kernel.errors import ConfigurationError, ConflictError, StoreUnavailableError
from athena.platform.kernel.settings import Environment, Settings
from athena.platform.kernel.store import Store, data_dir, open_store

DIRECTORY = "training"
"""Where in the data directory the training environment keeps its files."""

MARK = "Athena training: "
"""How the comment on a training database begins; no other database is ever dropped."""

_RESETTING = 4_277_004
"""The advisory lock of a reset, on the server's own database."""


class State(enum.StrEnum):
    """How far the training database is."""

    ABSENT = "absent"
    HALF_MADE = "half_made"
    READY = "ready"


@dataclass(frozen=True, slots=True)
class Mark:
    """What the comment on a training database says."""

    state: State
    nominals: int = 0
    seed: int = 0
    made_at: str = ""

    def comment(self) -> str:
        """Return the comment."""
        return MARK + json.dumps(asdict(self))


def training_settings(settings: Settings) -> Settings:
    """Return the settings of the training environment: a demonstration with files of its own."""
    return settings.model_copy(
        update={
            "env": Environment.DEMO,
            "data_dir": data_dir(settings) / DIRECTORY,
            "dictionary_dir": None,
            "database_url": settings.training_database_url,
            "database_direct_url": None,
            "replica_urls": None,
            "master_secret": settings.training_master_secret,
        }
    )


async def check_apart(settings: Settings, training: Store) -> None:
    """Refuse a training store on the live store's server; the live one must be there to compare.

    Without ``ATHENA_DATABASE_URL`` the live store is the embedded one of its own data directory.
    """
    if settings.database_url is None:
        if training.server is None and str(training.address.host).startswith(
            str(data_dir(settings).resolve())
        ):
            raise _same_server()
        return
    live = open_store(settings)
    if await _server_of(live.admin_url) == await _server_of(training.admin_url):
        raise _same_server()


def _same_server() -> ConfigurationError:
    return ConfigurationError(
        "ATHENA_TRAINING_DATABASE_URL names the live store's server; logins and passwords are the "
        "server's, so training needs a server of its own. Nothing was changed."
    )


async def _server_of(url: URL) -> tuple[datetime, str]:
    """Return what tells a server from any other: when it started, and its version."""
    async with connected(url, url.database or "postgres") as connection:
        row = await connection.fetchrow(
            "SELECT pg_postmaster_start_time() AS started, version() AS version"
        )
        return row["started"], row["version"]


@asynccontextmanager
async def connected(url: URL, database: str) -> AsyncIterator[asyncpg.Connection]:
    """Yield an administrator's connection to a database of a store's server."""
    socket = url.query.get("host")
    host = socket if isinstance(socket, str) else url.host or "localhost"
    try:
        connection = await asyncpg.connect(
            host=host,
            port=url.port or 5432,
            user=url.username,
            password=url.password,
            database=database,
        )
    except (OSError, asyncpg.PostgresError) as error:
        raise StoreUnavailableError(
            f"The database {database} can't be reached ({type(error).__name__}), so nothing was "
            "changed."
        ) from error
    try:
        yield connection
    finally:
        await connection.close()


async def mark_of(store: Store) -> Mark:
    """Return how far the training database is; ConflictError where it isn't one."""
    async with connected(store.admin_url, "postgres") as connection:
        return await _mark(connection, store)


async def _mark(connection: asyncpg.Connection, store: Store) -> Mark:
    row = await connection.fetchrow(
        "SELECT shobj_description(oid, 'pg_database') AS said FROM pg_database WHERE datname = $1",
        store.address.database,
    )
    if row is None:
        return Mark(State.ABSENT)
    said = str(row["said"] or "")
    if not said.startswith(MARK):
        if await _is_empty(store):
            return Mark(State.HALF_MADE)
        raise ConflictError(
            f"The database {store.address.database} isn't a training store: it holds something and "
            "has no mark of training. Name another in ATHENA_TRAINING_DATABASE_URL. Nothing was "
            "changed."
        )
    try:
        found = json.loads(said.removeprefix(MARK))
        return Mark(State(found["state"]), found["nominals"], found["seed"], found["made_at"])
    except (ValueError, KeyError, TypeError):
        return Mark(State.HALF_MADE)


async def _is_empty(store: Store) -> bool:
    """Whether a database holds no relation: a reset was killed before it could mark it."""
    async with connected(store.admin_url, store.address.database) as connection:
        held: bool = await connection.fetchval(
            "SELECT EXISTS (SELECT FROM pg_class AS c JOIN pg_namespace AS n "
            "ON n.oid = c.relnamespace WHERE n.nspname <> 'information_schema' "
            "AND n.nspname NOT LIKE 'pg\\_%')"
        )
        return not held


@asynccontextmanager
async def made_anew(store: Store) -> AsyncIterator[None]:
    """Drop the training database and make it again, empty and marked; hold the lock of a reset.

    ConflictError where another reset is on, or the database isn't a training store.
    """
    name = store.address.database.replace('"', '""')
    async with connected(store.admin_url, "postgres") as connection:
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _RESETTING):
            raise ConflictError("Another reset of the training store is on; wait for it.")
        await _mark(connection, store)
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await connection.execute(f'CREATE DATABASE "{name}"')
        await _say(connection, store, Mark(State.HALF_MADE))
        yield


async def say(store: Store, mark: Mark) -> None:
    """Write the mark on the training database."""
    async with connected(store.admin_url, "postgres") as connection:
        await _say(connection, store, mark)


async def _say(connection: asyncpg.Connection, store: Store, mark: Mark) -> None:
    name = store.address.database.replace('"', '""')
    comment = mark.comment().replace("'", "''")
    await connection.execute(f"COMMENT ON DATABASE \"{name}\" IS '{comment}'")
