"""Acting on the accounts: one logged transaction of the member's own login, or a logged refusal.

The log's row comes first in the transaction, so nothing is changed without it; what is refused is
rolled back whole, and the refusal is logged in a transaction of its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy.exc import DBAPIError

from athena.platform.kernel.audit import Entry, EventKind, administer, refuse
from athena.platform.kernel.database import Database, ReadSession, WriteSession
from athena.platform.kernel.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    RefusedError,
)
from athena.platform.kernel.identity import Subject
from athena.platform.kernel.permits import check_reason, sqlstate
from athena.policies.roles.actions import Action
from athena.policies.roles.service import Authorised

Authorise = Callable[[Subject, Action], Authorised]
"""Gives the proof that a member's roles allow an action, or raises RefusedError."""

_CONFLICTS = {
    "23505": "This is there already, or somebody was quicker; read it again.",
    "AT011": "This isn't at a point where that can be done; read it again.",
    "AT012": "Debits and credits differ, so nothing was posted.",
}
"""What the store's own refusals mean, by SQLSTATE; the checks of services are to come first."""


class Books:
    """Opens the transactions of the accounts for members whose roles allow it."""

    def __init__(self, database: Database, authorise: Authorise) -> None:
        self._database = database
        self._authorise = authorise

    @asynccontextmanager
    async def reading(
        self, subject: Subject, action: Action, name: str
    ) -> AsyncIterator[ReadSession]:
        """Open a transaction that reads what the member's tenant may see of the accounts."""
        async with self._logging_refusals(subject, name, "Reads the accounts"):
            self._authorise(subject, action)
            async with self._database.read(subject.login) as session:
                yield session

    @asynccontextmanager
    async def acting(
        self, subject: Subject, action: Action, name: str, reason: str, content: Mapping[str, Any]
    ) -> AsyncIterator[WriteSession]:
        """Open a transaction that acts; it commits when the block ends well."""
        why = check_reason(reason)
        async with self._logging_refusals(subject, name, why):
            self._authorise(subject, action)
            async with self._database.write(subject.login) as session:
                await administer(session, subject, f"governance.{name}", why, dict(content))
                yield session

    @asynccontextmanager
    async def _logging_refusals(
        self, subject: Subject, name: str, reason: str
    ) -> AsyncIterator[None]:
        try:
            try:
                yield
            except DBAPIError as error:
                sentence = _CONFLICTS.get(sqlstate(error))
                if sentence is None:
                    raise
                raise ConflictError(sentence) from None
        except (RefusedError, NotFoundError, ConflictError, InvalidInputError) as error:
            entry = Entry(EventKind.REFUSAL, f"governance.{name}", reason, {"problem": error.slug})
            await refuse(self._database, subject, entry, None)
            raise
