"""Listening to what this process asks of the store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from athena.platform.kernel.database import Database, Parameters, ReadSession

Hear = Callable[[str, str], None]
"""Takes the login and the statement that is about to run."""

# The real session and the real store stay. A method is replaced to hear what goes by, and there the
# checker of types is silenced.


@contextmanager
def heard(hear: Hear) -> Iterator[None]:
    """Have every statement of this process told before it runs, until the block ends."""
    prepare = ReadSession._prepare

    def telling(
        self: ReadSession, statement: str, parameters: Parameters | None
    ) -> tuple[str, list[Any]]:
        hear(self.login, statement)
        return prepare(self, statement, parameters)

    ReadSession._prepare = telling  # type: ignore[method-assign]
    try:
        yield
    finally:
        ReadSession._prepare = prepare  # type: ignore[method-assign]


@contextmanager
def transactions_heard(ended: Callable[[str], None]) -> Iterator[None]:
    """Have the login told of every transaction of this process that ends, until the block does."""
    begin = Database._transaction

    @asynccontextmanager
    async def telling(self: Database, login: str, *, alone: bool = False) -> AsyncIterator[Any]:
        async with begin(self, login, alone=alone) as connection:
            yield connection
        ended(login)

    Database._transaction = telling  # type: ignore[method-assign]
    try:
        yield
    finally:
        Database._transaction = begin  # type: ignore[method-assign]
