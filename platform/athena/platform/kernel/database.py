"""Sessions: one small pool for each database login, reading and writing as different types.

A session is one transaction. It commits when its block ends without an error, and not before;
services never commit. Leaving the block is what makes an answer safe to send: the audit row and
what it describes are then in the store, together.

What the store refuses comes as `asyncpg.PostgresError`, with its SQLSTATE.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import asyncpg
from sqlalchemy import URL

from athena.platform.kernel.credentials import login_password
from athena.platform.kernel.errors import StoreUnavailableError
from athena.platform.kernel.rows import Row, numbered, row_type, speak_json

WAIT_SECONDS = 10.0
"""How long a call waits for a connection while others of its login have them all."""

IDLE_SECONDS = 60.0
"""How long a connection stays open that nobody uses."""

_CLOSING_SECONDS = 5.0
_STATEMENTS_KEPT = 100
"""How many prepared statements a connection keeps."""

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


class ReadSession:
    """A transaction that reads; it may append to the audit log, which is what lets it see."""

    def __init__(self, connection: asyncpg.Connection, login: str) -> None:
        self._connection = connection
        self.login = login

    async def rows(self, statement: str, parameters: Parameters | None = None) -> Sequence[Row]:
        """Run a query and return all its rows; ``:name`` in it stands for a parameter."""
        sql, values = self._prepare(statement, parameters)
        records = await self._connection.fetch(sql, *values)
        if not records:
            return []
        return list(map(row_type(tuple(records[0].keys()))._make, records))

    async def one(self, statement: str, parameters: Parameters | None = None) -> Row | None:
        """Run a query and return its only row, or None; ValueError where there are more."""
        rows = await self.rows(statement, parameters)
        if not rows:
            return None
        (row,) = rows
        return row

    async def value(self, statement: str, parameters: Parameters | None = None) -> Any:
        """Run a query and return the first column of its only row, or None."""
        row = await self.one(statement, parameters)
        return None if row is None else row[0]

    def _prepare(self, statement: str, parameters: Parameters | None) -> tuple[str, list[Any]]:
        """Return a statement as the store takes it, and its values."""
        sql, names = numbered(statement)
        return sql, [parameters[name] for name in names] if parameters else []


class WriteSession(ReadSession):
    """A transaction that may also change records."""

    async def execute(self, statement: str, parameters: Parameters | None = None) -> int:
        """Run a change and return how many rows it touched."""
        sql, values = self._prepare(statement, parameters)
        done = await self._connection.execute(sql, *values)  # such as "UPDATE 3"
        count = done.rpartition(" ")[2]
        return int(count) if count.isdecimal() else 0

    async def copy_in(
        self, table: str, lines: bytes, *, field: str, quote: str, nothing: str
    ) -> None:
        """Copy lines of text into a temporary table; single characters part and enclose fields.

        PostgreSQL refuses COPY into a table with row-level security, so rows go on from there by
        a statement that is subject to it.
        """
        try:
            await self._connection.copy_to_table(
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
        async with self._connection.transaction():
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
        self._pools: dict[str, asyncpg.Pool] = {}
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
        async with self._transaction(login, alone=self._direct is None) as connection:
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
        pools, self._pools = list(self._pools.values()), {}
        try:
            async with asyncio.timeout(_CLOSING_SECONDS):
                await asyncio.gather(*(pool.close() for pool in pools))
        except TimeoutError:  # somebody holds a connection still
            for pool in pools:
                pool.terminate()

    @asynccontextmanager
    async def _transaction(
        self, login: str, *, alone: bool = False
    ) -> AsyncIterator[asyncpg.Connection]:
        try:
            pool = await self._pool(login)
            async with asyncio.timeout(WAIT_SECONDS):
                connection = await pool.acquire()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise StoreUnavailableError(
                "The records store can't be reached; nothing was read or changed. "
                "Try again shortly."
            ) from error
        try:
            if alone:
                yield connection
            else:
                async with _committed(connection):
                    yield connection
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            if broke_off(error) or _is_closed(connection):
                raise StoreUnavailableError(  # as where the server ends a session at suspension
                    "The records store broke off; nothing was changed. Try again shortly."
                ) from error
            raise
        except (asyncio.CancelledError, GeneratorExit):
            # The server takes back what was begun; one that hangs would never say so.
            if not _is_closed(connection):
                connection.terminate()
            raise
        finally:
            await self._give_back(pool, connection)

    async def _give_back(self, pool: asyncpg.Pool, connection: asyncpg.Connection) -> None:
        """Return a connection to its pool, to the end even if the caller is stopped meanwhile."""
        returning = asyncio.create_task(_return(pool, connection))
        self._returning.add(returning)
        returning.add_done_callback(self._returning.discard)
        await asyncio.shield(returning)

    async def _pool(self, login: str) -> asyncpg.Pool:
        pool = self._pools.get(login)
        if pool is None:
            pool = self._pools[login] = asyncpg.create_pool(
                host=self.address.host,
                port=self.address.port,
                user=login,
                password=self.password(login),
                database=self.address.database,
                min_size=0,
                max_size=2 * self._pool_size,
                max_inactive_connection_lifetime=IDLE_SECONDS,
                # Through a pooler the next transaction may run on another server session, or on
                # one that somebody else used: no statement is kept.
                statement_cache_size=0 if self._direct else _STATEMENTS_KEPT,
                max_cacheable_statement_size=0,  # of any size
                init=self._meet,
                reset=_leave_as_it_is,
            )
            await pool  # connects nowhere, and so waits for nothing
        return pool

    async def _meet(self, connection: asyncpg.Connection) -> None:
        """Ready a new connection, and tell which process of the server is behind it."""
        await speak_json(connection)
        if self._met is not None:
            self._met(connection.get_server_pid())


_BROKEN_OFF = (
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
)


def broke_off(error: Exception) -> bool:
    """Whether it says that the store can't be spoken to any more, not that it refused something."""
    return isinstance(error, _BROKEN_OFF)


def _is_closed(connection: asyncpg.Connection) -> bool:
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:  # it closed, and its pool has it back already
        return True


@asynccontextmanager
async def _committed(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """Run a block in a transaction: it is committed, or taken back where the block fails."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        yield
    except Exception:
        if not _is_closed(connection):
            await transaction.rollback()
        raise
    await transaction.commit()


async def _return(pool: asyncpg.Pool, connection: asyncpg.Connection) -> None:
    """Return a connection to its pool; one that is left within a transaction is closed."""
    with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        if not _is_closed(connection) and connection.is_in_transaction():
            connection.terminate()
        await pool.release(connection)


async def _leave_as_it_is(_: asyncpg.Connection) -> None:
    """Reset nothing: transactions end before, and all that they set ends with them."""
