"""Acting in governance: one logged transaction of the member's own login, or a logged refusal.

The log's row comes first in the transaction, so nothing is changed without it; what is refused is
rolled back whole, and the refusal is logged in a transaction of its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from asyncpg import PostgresError

from athena.platform.kernel.audit import Entry, EventKind, administer, refuse
from athena.platform.kernel.database import Database, ReadSession, WriteSession
from athena.platform.kernel.errors import (
    AthenaError,
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

_REFUSALS: Mapping[str, AthenaError] = {
    "23505": ConflictError("This is there already, or somebody was quicker; read it again."),
    "AT004": ConflictError("The vote isn't open, so no ballot is taken and nothing is closed."),
    "AT005": RefusedError("You have no seat in this vote; your force's administrator appoints."),
    "AT006": ConflictError("The seat is taken in that time; end the appointment before it first."),
    "AT007": ConflictError("This isn't at a point where that can be done; read it again."),
    "AT008": ConflictError(
        "The catalogue has no approved entry for this standard change at this cost; choose "
        "another, or raise it as a normal change."
    ),
    "AT011": ConflictError("This isn't at a point where that can be done; read it again."),
    "AT012": ConflictError("Debits and credits differ, so nothing was posted."),
}
"""What the store's own refusals mean, by SQLSTATE; the checks of services are to come first."""


@dataclass(frozen=True, slots=True)
class Reading:
    """An open transaction that reads, for a member whose roles allow it."""

    session: ReadSession
    authorised: Authorised

    @property
    def subject(self) -> Subject:
        """The member who reads or acts."""
        return self.authorised.subject


@dataclass(frozen=True, slots=True)
class Acting(Reading):
    """An open, logged transaction that may change something, for a reason."""

    session: WriteSession
    reason: str

    async def tell(self, action: str, content: Mapping[str, Any]) -> None:
        """Log what followed from the act, beside the act itself."""
        await administer(
            self.session, self.subject, f"governance.{action}", self.reason, dict(content)
        )


class Office:
    """Opens the transactions of governance for members whose roles allow it."""

    def __init__(self, database: Database, authorise: Authorise) -> None:
        self.database = database
        self._authorise = authorise

    def allows(self, subject: Subject, action: Action) -> bool:
        """Whether a member's roles allow an action."""
        try:
            self._authorise(subject, action)
        except RefusedError:
            return False
        return True

    def authorise(self, subject: Subject, action: Action) -> Authorised:
        """Return the proof that a member's roles allow an action, or raise RefusedError."""
        return self._authorise(subject, action)

    @asynccontextmanager
    async def reading(
        self, subject: Subject, name: str, action: Action = Action.GOVERNANCE_READ
    ) -> AsyncIterator[Reading]:
        """Open a transaction that reads what the member's tenant may see of governance."""
        what = "governance" if action is Action.GOVERNANCE_READ else "the accounts"
        async with self._logging_refusals(subject, name, f"Reads {what}"):
            authorised = self._authorise(subject, action)
            async with self.database.read(subject.login) as session:
                yield Reading(session, authorised)

    @asynccontextmanager
    async def acting(
        self, subject: Subject, action: Action, name: str, reason: str, content: Mapping[str, Any]
    ) -> AsyncIterator[Acting]:
        """Open a transaction that acts; it commits when the block ends well."""
        why = check_reason(reason)
        async with self._logging_refusals(subject, name, why):
            authorised = self._authorise(subject, action)
            async with self.database.write(subject.login) as session:
                await administer(session, subject, f"governance.{name}", why, dict(content))
                yield Acting(session, authorised, why)

    @asynccontextmanager
    async def _logging_refusals(
        self, subject: Subject, name: str, reason: str
    ) -> AsyncIterator[None]:
        try:
            try:
                yield
            except PostgresError as error:
                told = _REFUSALS.get(sqlstate(error))
                if told is None:
                    raise
                raise type(told)(told.detail) from None
        except (RefusedError, NotFoundError, ConflictError, InvalidInputError) as error:
            entry = Entry(EventKind.REFUSAL, f"governance.{name}", reason, {"problem": error.slug})
            await refuse(self.database, subject, entry, None)
            raise
