"""Read replicas: hot standbys on which a consultation that the primary has logged may be read.

A standby takes no event, so the primary logs first. The standby is read once it has replayed that
consultation, and with it everything that was committed before: whoever has just recorded something
finds it there. Only a consultation that is open there shows anything (migration `standbys`).

A standby that is down, slow, behind or not one of this store's is left alone. It is tried in the
background until it serves again, so that nobody's search waits for it in vain a second time.
"""

from __future__ import annotations

import asyncio
import enum
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from asyncpg import PostgresError
from prometheus_client import Counter, Gauge

from athena.platform.kernel.database import Database, ReadSession
from athena.platform.kernel.errors import AthenaError, StoreUnavailableError
from athena.platform.kernel.metrics import REGISTRY
from athena.platform.kernel.permits import sqlstate
from athena.platform.kernel.rows import Row

WAIT_SECONDS = 0.5
"""How long a standby may take to replay what was just committed; then it is behind."""

READ_SECONDS = 2.0
"""How long it may take altogether: a few are tried before a consultation ends, in ten seconds."""

TRY_SECONDS = 2.0
"""How often each standby is tried in the background."""

MOST_CLOCKS_DIFFER = timedelta(seconds=2)
"""A standby judges by its own clock what has expired, so the clocks must agree."""

TRYING = "athena_directory"
"""The login that tries: it reads positions and clocks, which every login may."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.001, 0.02

READS = Counter(
    "athena_replica_reads",
    "Readings sent to a standby, by how they ended; all but `answered` went on elsewhere.",
    ["standby", "outcome"],
    registry=REGISTRY,
)
IN_USE = Gauge(
    "athena_replica_in_use",
    "1 for a standby that searches are sent to, 0 for one that is left alone.",
    ["standby"],
    registry=REGISTRY,
)

_IDENTITY = (
    "(SELECT CAST(system_identifier AS text) FROM pg_control_system()) || '/' || "
    "(SELECT CAST(oid AS text) FROM pg_database WHERE datname = current_database()) AS identity"
)
_REPLAYED = (
    "pg_is_in_recovery() AS is_standby, coalesce(pg_last_wal_replay_lsn() "
    ">= CAST(CAST(:position AS text) AS pg_lsn), false) AS replayed"
)
PRIMARY = (
    f"SELECT {_IDENTITY}, CAST(pg_current_wal_lsn() AS text) AS position, clock_timestamp() AS at"
)
"""What a primary says of itself, for a standby to be held against."""

_TRIED = f"SELECT {_REPLAYED}, {_IDENTITY}, clock_timestamp() AS at"
_SHOWS = f"SELECT {_REPLAYED}, coalesce(ctx.open_grant_set() = :grant_set, false) AS shows"
_NAME = (
    "SELECT set_config('athena.logged_xid', :xid, true), "
    "set_config('athena.logged_grants', :grant_set, true)"
)

T = TypeVar("T")
logger = logging.getLogger("athena.replicas")


class State(enum.StrEnum):
    """What is known of a standby."""

    UNTRIED = "untried"
    IN_USE = "in_use"
    UNREACHABLE = "unreachable"
    BEHIND = "behind"
    SLOW = "slow"
    CLOCK = "clock_differs"
    FOREIGN = "not_a_standby_of_this_store"
    FAILED = "failed"


class UnfitError(Exception):
    """A standby can't be read now."""

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self.state = state


class EndedError(Exception):
    """A consultation doesn't count any more: the policy changed, or its time is over."""


class NoReplicaError(Exception):
    """No standby could be read: read at the primary."""


@dataclass(frozen=True, slots=True)
class Logged:
    """A consultation that the primary has committed, and where its write-ahead log then stood."""

    login: str
    grant_set_id: UUID
    xid: str
    position: str


async def transaction_id(session: ReadSession) -> str:
    """Return the number by which a standby will know this transaction of the primary."""
    return str(await session.value("SELECT CAST(pg_current_xact_id() AS text)"))


class Replica:
    """One standby, and what is known of it."""

    def __init__(self, name: str, database: Database) -> None:
        self.name = name
        self.database = database
        self.state = State.UNTRIED
        IN_USE.labels(name).set(0)

    def becomes(self, state: State) -> None:
        """Note what is known of it now, and tell the operator when that is new."""
        if state is not self.state:
            level = logging.INFO if state is State.IN_USE else logging.WARNING
            logger.log(level, "the standby %s is %s, was %s", self.name, state, self.state)
        self.state = state
        IN_USE.labels(self.name).set(state is State.IN_USE)

    async def read(self, logged: Logged, look: Callable[[ReadSession], Awaitable[T]]) -> T:
        """Read under a consultation once it has been replayed; UnfitError or EndedError if not."""
        asked = {"position": logged.position, "grant_set": logged.grant_set_id}
        named = {"xid": logged.xid, "grant_set": str(logged.grant_set_id)}
        with _unfit():
            async with (
                asyncio.timeout(READ_SECONDS),
                self.database.read(logged.login) as session,
            ):
                await session.rows(_NAME, named)
                shown = await _until_replayed(session, _SHOWS, asked)
                # It may have been replayed while the statement was already looking: look again.
                if not (shown.shows or (await _ask(session, _SHOWS, asked)).shows):
                    raise EndedError
                found = await look(session)
                # What ended midway has shown less than it should have: that is no answer.
                if not (await _ask(session, _SHOWS, asked)).shows:
                    raise EndedError
                return found

    async def test(self, primary: Row) -> State:
        """Return whether it can be used: a standby of the primary that keeps up with it."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            with _unfit():
                async with asyncio.timeout(READ_SECONDS), self.database.read(TRYING) as session:
                    tried = await _until_replayed(session, _TRIED, {"position": primary.position})
        except UnfitError as error:
            return error.state
        if tried.identity != primary.identity:
            return State.FOREIGN
        passed = timedelta(seconds=loop.time() - began)
        difference: timedelta = tried.at - primary.at
        early, late = -MOST_CLOCKS_DIFFER, passed + MOST_CLOCKS_DIFFER
        return State.IN_USE if early < difference < late else State.CLOCK


class Replicas:
    """The standbys of a store; without any, everything is read at the primary."""

    def __init__(self, primary: Database, standbys: Mapping[str, Database]) -> None:
        self._primary = primary
        self._all = [Replica(name, database) for name, database in standbys.items()]
        self._turn = 0

    @property
    def states(self) -> dict[str, str]:
        """What is known of each standby, by its name."""
        return {replica.name: replica.state.value for replica in self._all}

    @property
    def usable(self) -> bool:
        """Whether there is a standby to send readings to."""
        return any(replica.state is State.IN_USE for replica in self._all)

    async def committed(self, login: str, grant_set_id: UUID, xid: str) -> Logged:
        """Return what a standby must have replayed to show a consultation just committed."""
        async with self._primary.read(login) as session:
            position = await session.value("SELECT CAST(pg_current_wal_lsn() AS text)")
        return Logged(login, grant_set_id, xid, position)

    async def read(
        self, logged: Logged, look: Callable[[ReadSession], Awaitable[T]]
    ) -> tuple[str, T]:
        """Return which standby was read and what was found there, or raise NoReplicaError."""
        for replica in self._in_turn():
            try:
                found = await replica.read(logged, look)
            except UnfitError as error:
                replica.becomes(error.state)
                READS.labels(replica.name, error.state.value).inc()
            except EndedError:
                READS.labels(replica.name, "ended").inc()
                break
            else:
                READS.labels(replica.name, "answered").inc()
                return replica.name, found
        raise NoReplicaError

    def _in_turn(self) -> list[Replica]:
        """Return the standbys in use, each first in its turn."""
        usable = [replica for replica in self._all if replica.state is State.IN_USE]
        self._turn += 1
        first = self._turn % len(usable) if usable else 0
        return usable[first:] + usable[:first]

    async def watch(self) -> None:
        """Try every standby, again and again."""
        while self._all:
            await self.test()
            await asyncio.sleep(TRY_SECONDS)

    async def test(self) -> None:
        """Find out which standbys can be used."""
        try:
            async with self._primary.read(TRYING) as session:
                primary = await session.one(PRIMARY)
        except (AthenaError, PostgresError):
            return  # nothing can be logged either, so nothing is read
        assert primary is not None  # a query without a table returns one row
        tested = await asyncio.gather(*(replica.test(primary) for replica in self._all))
        for replica, state in zip(self._all, tested, strict=True):
            replica.becomes(state)

    async def close(self) -> None:
        """Close every pool."""
        await asyncio.gather(*(replica.database.close() for replica in self._all))


@contextmanager
def _unfit() -> Iterator[None]:
    """Tell what can go wrong on a standby as what it says of that standby."""
    try:
        yield
    except TimeoutError:
        raise UnfitError(State.SLOW) from None
    except (StoreUnavailableError, OSError):
        raise UnfitError(State.UNREACHABLE) from None
    except PostgresError as error:  # such as a row that was cleared away under the reading
        logger.warning("a standby refused a reading (%s)", sqlstate(error))
        raise UnfitError(State.FAILED) from None


async def _until_replayed(
    session: ReadSession, statement: str, parameters: Mapping[str, Any]
) -> Row:
    """Ask until the standby has replayed a position; UnfitError when it takes too long."""
    loop = asyncio.get_running_loop()
    until = loop.time() + WAIT_SECONDS
    pause = _FIRST_PAUSE
    while True:
        row = await _ask(session, statement, parameters)
        if not row.is_standby:
            raise UnfitError(State.FOREIGN)
        if row.replayed:
            return row
        if loop.time() > until:
            raise UnfitError(State.BEHIND)
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


async def _ask(session: ReadSession, statement: str, parameters: Mapping[str, Any]) -> Row:
    row = await session.one(statement, parameters)
    assert row is not None  # a query without a table returns one row
    return row
