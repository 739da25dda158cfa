"""The stage on which a year is played: each act once, by a member, through the API.

Each act has a number, which its reason begins with. The log's row of an act is in the same
transaction as the act, so the log tells which were done: a year that broke off goes on from there.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

from athena.governance.apportionment.money import FinancialYear
from athena.platform.cli.year.calling import Client
from athena.platform.cli.year.repository import try_lock
from athena.platform.kernel import audit, audit_log
from athena.platform.kernel.clock import LONDON, today
from athena.platform.kernel.errors import ConflictError, NotFoundError
from athena.platform.kernel.store import Store
from athena.policies.roles.actions import Action
from athena.tenants.consortium import OVERSIGHT as AUDITORS
from athena.tenants.members.service import subject_by_username

STORY = "A made-up year"
"""How every reason in the log begins, so that nobody takes it for the truth."""

MARK = f"{STORY}, act"
"""How the reason of an act begins; its number follows."""

LAST = "The year ends"
"""Why the last act is done."""

_NUMBERED = re.compile(rf"^{MARK} ([0-9]+): (.*)$")
OVERSIGHT = "auditor"
GOVERNANCE = "/api/v1/governance"

Tell = Callable[[str], None]


@asynccontextmanager
async def alone(store: Store) -> AsyncIterator[None]:
    """Let nobody else play a year on a store until the block ends; ConflictError where one does."""
    database = store.database()
    try:
        async with database.listen(AUDITORS.login) as connection:
            if not await try_lock(connection):
                raise ConflictError("A year is played on this store now; wait until it ends.")
            yield
    finally:
        await database.close()


def was_done(done: Mapping[int, str], number: int, why: str) -> bool:
    """Whether the act of a number was done; ConflictError where another act had that number."""
    before = done.get(number)
    if before not in (None, why):
        raise ConflictError(
            f"The year on this store was begun by another release of the platform: its act "
            f"{number} is '{before}', and here it is '{why}'. Play it on a fresh store."
        )
    return before is not None


class Stage:
    """Plays acts, and tells of those that are new."""

    def __init__(
        self, client: Client, tell: Tell, year: FinancialYear, done: Mapping[int, str]
    ) -> None:
        self.client = client
        self.year = year
        self._tell = tell
        self._done = done
        self._number = 0
        self._is_new = False
        self._heading = ""
        self._changes: dict[str, str] = {}
        self._releases: dict[str, str] = {}

    @classmethod
    async def set_up(cls, client: Client, tell: Tell) -> Stage:
        """Return the stage over a store, with what was played on it before."""
        auditor = await subject_by_username(client.runtime.database, OVERSIGHT)
        client.runtime.gate.authorise(auditor, Action.AUDIT_READ)
        async with client.runtime.database.read(auditor.login) as session:
            why = f"{STORY}: looks which acts were played"
            await audit.administer(session, auditor, "audit.read", why, {})
            rows = await audit_log.acts_for(session, MARK)
        acts = {
            int(numbered[1]): numbered[2]
            for row in rows
            if (numbered := _NUMBERED.match(str(row.reason)))
        }
        began: date = rows[0].at.astimezone(LONDON).date() if acts else today()
        return cls(client, tell, FinancialYear.of(began), acts)

    @property
    def has_begun(self) -> bool:
        """Whether anything was played before."""
        return bool(self._done)

    @property
    def is_over(self) -> bool:
        """Whether the year was played to its end before."""
        return LAST in self._done.values()

    def month(self, name: str) -> None:
        """Begin a month of the story; it is told once something new happens in it."""
        self._heading = name

    def tell(self, sentence: str) -> None:
        """Tell what the acts since the last time came to, where any of them is new."""
        if not self._is_new:
            return
        if self._heading:
            self._tell(f"\n{self._heading}")
            self._heading = ""
        self._tell(f"  {sentence}")
        self._is_new = False

    def note(self, sentence: str) -> None:
        """Tell what happened besides the acts."""
        self._is_new = True
        self.tell(sentence)

    async def act(
        self, account: str, path: str, why: str, *, needed: bool = True, **body: Any
    ) -> Any:
        """Let a member do something, unless it was done; return what came back, if anything.

        ConflictError where it is refused: then the year stops, with nothing half done.
        """
        self._number += 1
        if not needed or was_done(self._done, self._number, why):
            return None
        reason = f"{MARK} {self._number}: {why}"
        answer = await self.client.send(
            account, "POST", f"{GOVERNANCE}/{path}", {"reason": reason, **body}
        )
        if not 200 <= answer.status < 300:
            raise ConflictError(
                f"The year stops before act {self._number}, in which {account} was to do: {why}. "
                f"{answer.detail} What was played so far stands; run it again to go on."
            )
        self._is_new = True
        return answer.content

    async def refused(self, account: str, path: str, why: str, **body: Any) -> str | None:
        """Let a member ask for what is refused, and return the sentence; None if that is past.

        ConflictError where it isn't refused: then the store isn't as the story has it.
        """
        if self._number + 1 in self._done:
            return None
        answer = await self.client.send(
            account, "POST", f"{GOVERNANCE}/{path}", {"reason": f"{STORY}, in vain: {why}", **body}
        )
        if not answer.is_refusal:
            raise ConflictError(
                f"{account} was to be refused and wasn't: {why}. The store isn't as the made-up "
                "year left it; play it on a fresh one."
            )
        self._is_new = True
        return answer.detail

    async def read(self, path: str, account: str = OVERSIGHT) -> Any:
        """Return what a member reads."""
        answer = await self.client.send(account, "GET", f"{GOVERNANCE}/{path}")
        if answer.status != 200:
            raise ConflictError(f"{path} can't be read as {account}: {answer.detail}")
        return answer.content

    def is_past(self) -> bool:
        """Whether the act to come was played before, so that nothing need be waited for."""
        return self._number + 1 in self._done

    async def change(self, title: str) -> str:
        """Return the reference of the year's change of a title."""
        return await self._named("changes", title, self._changes)

    async def release(self, title: str) -> str:
        """Return the reference of the year's release of a title."""
        return await self._named("releases", title, self._releases)

    async def vote(self, matter: str, body: str) -> Any:
        """Return the newest vote of a body on a matter, named by its beginning."""
        for vote in await self.read("votes"):
            if vote["reference"].startswith(matter) and vote["body"] == body:
                return vote
        raise NotFoundError(f"There is no vote on {matter}.")

    async def _named(self, kind: str, title: str, known: dict[str, str]) -> str:
        if title not in known:
            for item in await self.read(kind):
                known.setdefault(item["title"], item["reference"])
        if title not in known:
            raise NotFoundError(f"The store has no '{title}'.")
        return known[title]
