"""Sessions: one small pool for each database login, reading and writing as different types.

A session is one transaction. It commits when its block ends without an error, and not before;
services never commit. Leaving the block is what makes an answer safe to send: the audit row and
what it describes are then in the store, together.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

import asyncpg
from sqlalchemy import URL, CursorResult, Executable, Row, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, DisconnectionError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from athena.platform.kernel.credentials import login_password
from athena.platform.kernel.errors import StoreUnavailableError

WAIT_SECONDS = 10.0
"""How long a call waits for a connection while others of its login have them all."""

Parameters = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StoreAddress:
    """Where the store is: a host name or a socket directory, without anyone's password."""

    host: str
    port: int
    database: str

    def url(self, user: str, password: str) -> URL:
        """Return the SQLAlchemy URL of one login."""
        if self.host.startswith("/"):  # a socket directory can't stand in a URL's host
            return URL.create(
                "postgresql+asyncpg",
                user,
                password,
                port=self.port,
                database=self.database,
                query={"host": self.host},
            )
        return URL.create("postgresql+asyncpg", user, password, self.host, self.port, self.database)


_THROUGH_POOLER: Mapping[str, Any] = {
    # The next transaction may run on another server session, or on one that somebody else used:
    # no statement is kept, and no two have the same name.
    "statement_cache_size": 0,
    "prepared_statement_cache_size": 0,
    "prepared_statement_name_func": lambda: f"athena_{uuid4()}",
}


class ReadSession:
    """A transaction that reads; it may append to the audit log, which is what lets it see."""

    def __init__(self, connection: AsyncConnection, login: str) -> None:
        self._connection = connection
        self.login = login

    async def rows(
        self, statement: str | Executable, parameters: Parameters | None = None
    ) -> Sequence[Row[Any]]:
        """Run a query and return all its rows."""
        return (await self._run(statement, parameters)).all()

    async def one(
        self, statement: str | Executable, parameters: Parameters | None = None
    ) -> Row[Any] | None:
        """Run a query and return its only row, or None."""
        return (await self._run(statement, parameters)).one_or_none()

    async def value(self, statement: str | Executable, parameters: Parameters | None = None) -> Any:
        """Run a query and return the first column of its only row, or None."""
        return (await self._run(statement, parameters)).scalar_one_or_none()

    async def _run(
        self, statement: str | Executable, parameters: Parameters | None
    ) -> CursorResult[Any]:
        prepared = text(statement) if isinstance(statement, str) else statement
        return await self._connection.execute(prepared, dict(parameters or {}))


class WriteSession(ReadSession):
    """A transaction that may also change records."""

    async def execute(
        self, statement: str | Executable, parameters: Parameters | None = None
    ) -> int:
        """Run a change and return how many rows it touched."""
        return (await self._run(statement, parameters)).rowcount

    async def copy_in(
        self, table: str, lines: bytes, *, field: str, quote: str, nothing: str
    ) -> None:
        """Copy lines of text into a temporary table; single characters part and enclose fields.

        PostgreSQL refuses COPY into a table with row-level security, so rows go on from there by
        a statement that is subject to it. The driver copies; SQLAlchemy has no word for it.
        """
        raw = await self._connection.get_raw_connection()
        driver: Any = raw.driver_connection
        try:
            await driver.copy_to_table(
                table,
                schema_name="pg_temp",
                source=_in_one(lines),
                format="csv",
                delimiter=field,
                quote=quote,
                null=nothing,
                encoding="UTF8",
            )
        except (OSError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError) as error:
            raise StoreUnavailableError(
                "The records store broke off; nothing was changed. Try again shortly."
            ) from error

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        """A block whose changes are taken back alone when it fails."""
        async with self._connection.begin_nested():
            yield


async def _in_one(lines: bytes) -> AsyncIterator[bytes]:
    """Yield all lines at once.

    The driver would read a file in a thread, chunk by chunk, and by a class that it makes for each:
    such classes keep what they read until cycles are looked for.
    """
    yield lines


class Database:
    """The store as this process reaches it: a pool for each login, made when first used."""

    def __init__(
        self,
        address: StoreAddress,
        master_secret: bytes,
        version: int = 1,
        pool_size: int = 4,
        direct: StoreAddress | None = None,
        met: Callable[[int], None] | None = None,
    ) -> None:
        """Reach the store at an address; ``direct`` leads past the pooler, where there is one.

        ``met`` is told which process of the server serves each connection of the pools.
        """
        self.address = address
        self._direct = direct
        self._met = met
        self._master_secret = master_secret
        self._version = version
        self._pool_size = pool_size
        self._engines: dict[str, AsyncEngine] = {}
        self._returning: set[asyncio.Task[None]] = set()

    def password(self, login: str) -> str:
        """Return the derived password of a login."""
        return login_password(self._master_secret, login, self._version)

    @asynccontextmanager
    async def read(self, login: str) -> AsyncIterator[ReadSession]:
        """Open a reading transaction as a login; it commits when the block ends well."""
        async with self._transaction(login) as connection:
            yield ReadSession(connection, login)

    @asynccontextmanager
    async def write(self, login: str) -> AsyncIterator[WriteSession]:
        """Open a writing transaction as a login; it commits when the block ends well."""
        async with self._transaction(login) as connection:
            yield WriteSession(connection, login)

    @asynccontextmanager
    async def alone(self, login: str) -> AsyncIterator[WriteSession]:
        """Open a session whose every statement is a transaction of its own, for a single one.

        It costs one round trip to the store, not three. Through a pooler it is a transaction like
        any other: between preparing a statement and running it the server may be another's.
        """
        options = {} if self._direct else {"isolation_level": "AUTOCOMMIT"}
        async with self._transaction(login, **options) as connection:
            yield WriteSession(connection, login)

    @asynccontextmanager
    async def listen(self, login: str) -> AsyncIterator[asyncpg.Connection]:
        """Open a plain connection outside the pools and past any pooler, for LISTEN."""
        address = self._direct or self.address
        connection = await asyncpg.connect(
            host=address.host,
            port=address.port,
            user=login,
            password=self.password(login),
            database=address.database,
        )
        try:
            yield connection
        finally:
            await connection.close()

    async def close(self) -> None:
        """Close every pool, once the connections that are on their way back have come."""
        while self._returning:
            await asyncio.wait(self._returning)
        engines, self._engines = list(self._engines.values()), {}
        await asyncio.gather(*(engine.dispose() for engine in engines))

    @asynccontextmanager
    async def _transaction(self, login: str, **options: Any) -> AsyncIterator[AsyncConnection]:
        engine = self._engine(login)
        try:
            connection = await engine.connect()
            if options:
                await connection.execution_options(**options)
        except (OSError, asyncpg.PostgresError, DBAPIError, TimeoutError) as error:
            raise StoreUnavailableError(
                "The records store can't be reached; nothing was read or changed. "
                "Try again shortly."
            ) from error
        try:
            async with connection.begin():
                yield connection
        except (OperationalError, InterfaceError) as error:
            raise StoreUnavailableError(
                "The records store broke off; nothing was changed. Try again shortly."
            ) from error
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            raise StoreUnavailableError(  # the server ended the session, as it does at suspension
                "The records store broke off; nothing was changed. Try again shortly."
            ) from error
        finally:
            await self._give_back(connection)

    async def _give_back(self, connection: AsyncConnection) -> None:
        """Return a connection to its pool, to the end even if the caller is stopped meanwhile.

        A pool that is full closes the connection instead; torn from that, the driver complains.
        """
        returning = asyncio.create_task(connection.close())
        self._returning.add(returning)
        returning.add_done_callback(self._returning.discard)
        await asyncio.shield(returning)

    def _engine(self, login: str) -> AsyncEngine:
        engine = self._engines.get(login)
        if engine is None:
            engine = create_async_engine(
                self.address.url(login, self.password(login)),
                pool_size=self._pool_size,
                max_overflow=self._pool_size,
                pool_recycle=1800,
                pool_timeout=WAIT_SECONDS,
                hide_parameters=True,
                connect_args=_THROUGH_POOLER if self._direct else {},
            )
            event.listen(engine.sync_engine, "checkout", _refuse_ended)
            if self._met is not None:
                event.listen(engine.sync_engine, "connect", partial(_tell_process, self._met))
            self._engines[login] = engine
        return engine


def _tell_process(
    met: Callable[[int], None], _: DBAPIConnection, record: ConnectionPoolEntry
) -> None:
    driver: Any = record.driver_connection
    met(driver.get_server_pid())


def _refuse_ended(_: DBAPIConnection, record: ConnectionPoolEntry, *__: object) -> None:
    """Have the pool connect anew where the server has ended a session, as at a suspension.

    The driver knows without asking the server, so this costs no round trip.
    """
    driver = record.driver_connection
    if driver is not None and driver.is_closed():
        raise DisconnectionError
