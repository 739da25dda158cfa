"""Opening a change to act on it: locked, read whole, and the step checked against its life.

Every act on a change goes through `Desk.taking`, so that no step is taken without the check.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from athena.governance import references
from athena.governance.acting import Acting, Office
from athena.governance.changes import repository
from athena.governance.changes.machine import Actor, State, Step, check, legal
from athena.governance.changes.models import REFERENCE, WholeChange, actors_of
from athena.governance.changes.standing import EntryKind, Standing
from athena.platform.kernel.database import ReadSession
from athena.platform.kernel.errors import ConflictError, NotFoundError
from athena.platform.kernel.identity import Subject
from athena.policies.roles.actions import Action


@dataclass(frozen=True, slots=True)
class Open:
    """A change that is locked for an act, and the state in which the step leaves it."""

    acting: Acting
    whole: WholeChange
    step: Step
    target: State

    @property
    def stands(self) -> Standing:
        """What its entries add up to."""
        return self.whole.standing()

    async def add(self, kind: EntryKind, document: Mapping[str, Any]) -> None:
        """Add something to the change."""
        change = self.whole.change
        await repository.add_entry(
            self.acting.session,
            self.acting.subject,
            change.change_id,
            change.version,
            kind,
            document,
        )

    async def move(
        self, assess_by: datetime | None = None, more: Mapping[str, Any] | None = None
    ) -> None:
        """Take the step: to the state that it leads to, told with its reason."""
        await move_on(
            self.acting, self.whole, self.step, self.target, self.acting.reason, assess_by, more
        )


class Desk:
    """Changes as members reach them: whole, and one act at a time."""

    def __init__(self, office: Office) -> None:
        self.office = office

    def actors(self, subject: Subject, whole: WholeChange) -> frozenset[Actor]:
        """Return as what a member acts on a change."""
        allows = self.office.allows
        return actors_of(
            subject,
            whole,
            raises=allows(subject, Action.GOVERNANCE_RAISE),
            assesses=allows(subject, Action.GOVERNANCE_ASSESS),
            joins=allows(subject, Action.GOVERNANCE_OPT_IN),
            manages=allows(subject, Action.GOVERNANCE_MANAGE),
            pays=allows(subject, Action.GOVERNANCE_FINANCE),
        )

    def can(self, subject: Subject, whole: WholeChange) -> tuple[Step, ...]:
        """Return the steps that a member can take on a change now."""
        change = whole.change
        return legal(change.kind, change.state, self.actors(subject, whole))

    @asynccontextmanager
    async def taking(
        self, subject: Subject, name: str, step: Step, reason: str
    ) -> AsyncIterator[Open]:
        """Open a change for a step, or refuse it with the reason and the steps that are legal."""
        async with self.office.acting(
            subject,
            Action.GOVERNANCE_READ,
            f"changes.{step.value}",
            reason,
            {"change": name},
        ) as acting:
            yield await self.open(acting, name, step)

    async def open(self, acting: Acting, name: str, step: Step) -> Open:
        """Lock a change for a step within an act that is open already, such as a release's."""
        change_id = await find(acting.session, name)
        await repository.lock(acting.session, change_id)
        whole = await read(acting.session, change_id)
        change = whole.change
        target = check(change.kind, change.state, step, self.actors(acting.subject, whole))
        return Open(acting, whole, step, target)

    async def whole(self, subject: Subject, name: str) -> WholeChange:
        """Return a change that the member's tenant may see."""
        async with self.office.reading(subject, "changes.show") as reading:
            return await read(reading.session, await find(reading.session, name))


async def find(session: ReadSession, name: str) -> UUID:
    """Return the id of a change by its reference or id; NotFoundError where there is none."""
    found = await references.find(session, name, REFERENCE, repository.id_of)
    if found is None:
        raise _unknown()
    return found


async def read(session: ReadSession, change_id: UUID) -> WholeChange:
    """Return a change that the session may see, or NotFoundError."""
    change = await repository.change_by_id(session, change_id)
    if change is None:
        raise _unknown()
    try:
        versions = await repository.versions(session, change_id)
    except ValidationError:
        raise ConflictError(
            "The stored document isn't a change request: it was written past this platform. "
            "Tell the AMO."
        ) from None
    return WholeChange(change, versions, await repository.entries(session, change_id))


async def move_on(
    acting: Acting,
    whole: WholeChange,
    step: Step,
    target: State,
    reason: str,
    assess_by: datetime | None = None,
    more: Mapping[str, Any] | None = None,
) -> None:
    """Move a locked change on, and tell the step."""
    change = whole.change
    if not await repository.move(acting.session, change.change_id, change.state, target, assess_by):
        raise ConflictError("The change isn't where it was; read it again.")
    await repository.add_entry(
        acting.session,
        acting.subject,
        change.change_id,
        change.version,
        EntryKind.STEP,
        {
            "step": step.value,
            "from": change.state.value,
            "to": target.value,
            "reason": reason,
            **(more or {}),
        },
    )


def _unknown() -> NotFoundError:
    return NotFoundError("There is no such change request that you can see.")
