"""Opening a release to act on it: locked, read whole, and the step checked against its life."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from athena.governance import references
from athena.governance.acting import Acting, Office
from athena.governance.changes.desk import Desk as ChangeDesk
from athena.governance.releases import repository
from athena.governance.releases.giving_back import switch_ring
from athena.governance.releases.machine import (
    Actor,
    RingState,
    RingStep,
    State,
    Step,
    legal,
    legal_ring,
)
from athena.governance.releases.models import (
    REFERENCE,
    EntryKind,
    StoredRing,
    WholeRelease,
)
from athena.governance.releases.rollout import Taken, take, take_ring
from athena.platform.kernel.database import ReadSession
from athena.platform.kernel.errors import ConflictError, NotFoundError
from athena.platform.kernel.identity import Role, Subject, TenantKind
from athena.policies.roles.actions import Action

COMING = "a_release_is_coming_to_your_force"
LIVE = "a_release_is_live_for_your_force"
BACKED_OUT = "a_release_was_backed_out_for_your_force"
TOLD = (Role.FORCE_ADMINISTRATOR, Role.BOARD_MEMBER)
"""Who of a force is told that a release comes, is live, or was backed out."""


@dataclass(frozen=True, slots=True)
class Open:
    """A release that is locked for an act, and what the step leads to."""

    acting: Acting
    whole: WholeRelease
    step: Step | RingStep
    taken: Taken
    ring: StoredRing | None = None

    async def add(self, kind: EntryKind, document: Mapping[str, Any]) -> None:
        """Add something to the release."""
        release = self.whole.release
        await repository.add_entry(
            self.acting.session,
            self.acting.subject,
            release.release_id,
            release.version,
            kind,
            document,
        )

    async def follow(self, more: Mapping[str, Any] | None = None) -> WholeRelease:
        """Do what the step leads to: states, switches, notices; tell it, and read again.

        Rings are moved while the release is where it was, and the release after them.
        """
        session, release = self.acting.session, self.whole.release
        before, after = self.whole.rollout, self.taken.after
        for stored, ring in zip(self.whole.rings, after.rings, strict=True):
            if stored.state is not ring and not await repository.move_ring(
                session, release, stored.number, stored.state, ring
            ):
                raise _moved_on()
        await self._move_release(before.state, after.state)
        for item in self.taken.switches:
            await switch_ring(session, self.whole, self.whole.rings[item.ring], on=item.on)
        await self._tell_forces(more)
        return await read(session, release.release_id)

    async def _move_release(self, since: State, to: State) -> None:
        """Move the release on, by way of rolling where it is resumed with every ring live."""
        way = [State.ROLLING, to] if (since, to) == (State.HELD, State.LIVE) else [to]
        for state in way:
            if state is since:
                continue
            if not await repository.move(
                self.acting.session, self.whole.release.release_id, since, state
            ):
                raise _moved_on()
            since = state

    async def _tell_forces(self, more: Mapping[str, Any] | None) -> None:
        after = self.taken.after
        changed = [
            (stored, ring)
            for stored, ring in zip(self.whole.rings, after.rings, strict=True)
            if stored.state is not ring
        ]
        told: dict[str, Any] = {
            "step": self.step.value,
            "from": self.whole.release.state.value,
            "to": after.state.value,
            "reason": self.acting.reason,
            **({"ring": self.ring.number} if self.ring else {}),
            **(more or {}),
        }
        await self.add(EntryKind.STEP, told)
        for stored, ring in changed:
            if ring in _NOTICES:
                await self.notice(stored, _NOTICES[ring])

    async def notice(self, ring: StoredRing, kind: str) -> None:
        """Tell a ring's forces something, once this commits."""
        session = self.acting.session
        forces = await repository.tenants_of(session, ring.forces)
        await repository.tell(session, forces, kind, TOLD)
        await self.add(
            EntryKind.NOTICE, {"ring": ring.number, "notice": kind, "forces": list(ring.forces)}
        )


class Desk:
    """Releases as members reach them: whole, and one act at a time."""

    def __init__(self, changes: ChangeDesk) -> None:
        self.office: Office = changes.office
        self.changes = changes

    def actors(self, subject: Subject, whole: WholeRelease) -> frozenset[Actor]:
        """Return as what a member acts on a release."""
        allows = self.office.allows
        roles = {
            Actor.AMO: allows(subject, Action.GOVERNANCE_MANAGE),
            Actor.FORCE: subject.tenant in whole.document.forces
            and allows(subject, Action.GOVERNANCE_ANSWER),
            Actor.OVERSIGHT: subject.tenant_kind is TenantKind.OVERSIGHT,
        }
        return frozenset(actor for actor, holds in roles.items() if holds)

    def can(self, subject: Subject, whole: WholeRelease) -> tuple[Step, ...]:
        """Return the steps that a member can take on a release now."""
        return legal(whole.release.state, self.actors(subject, whole))

    def can_ring(
        self, subject: Subject, whole: WholeRelease, ring: StoredRing
    ) -> tuple[RingStep, ...]:
        """Return the steps that a member can take on a ring now."""
        return legal_ring(whole.release.state, ring.state, self.actors(subject, whole))

    @asynccontextmanager
    async def taking(
        self, subject: Subject, name: str, step: Step, reason: str
    ) -> AsyncIterator[Open]:
        """Open a release for a step, or refuse it with the reason and the steps that are legal."""
        async with self.office.acting(
            subject,
            Action.GOVERNANCE_READ,
            f"releases.{step.value}",
            reason,
            {"release": name},
        ) as acting:
            whole = await _locked(acting, name)
            taken = take(whole.rollout, step, self.actors(subject, whole))
            yield Open(acting, whole, step, taken)

    @asynccontextmanager
    async def taking_ring(
        self, subject: Subject, name: str, number: int, step: RingStep, reason: str
    ) -> AsyncIterator[Open]:
        """Open a release for a step of one of its rings, or refuse it likewise."""
        async with self.office.acting(
            subject,
            Action.GOVERNANCE_READ,
            f"releases.ring_{step.value}",
            reason,
            {"release": name, "ring": number},
        ) as acting:
            whole = await _locked(acting, name)
            ring = ring_of(whole, number)
            taken = take_ring(whole.rollout, number - 1, step, self.actors(subject, whole))
            yield Open(acting, whole, step, taken, ring)

    async def whole(self, subject: Subject, name: str) -> WholeRelease:
        """Return a release."""
        async with self.office.reading(subject, "releases.show") as reading:
            return await read(reading.session, await find(reading.session, name))


async def _locked(acting: Acting, name: str) -> WholeRelease:
    release_id = await find(acting.session, name)
    await repository.lock(acting.session, release_id)
    return await read(acting.session, release_id)


async def find(session: ReadSession, name: str) -> UUID:
    """Return the id of a release by its reference or id; NotFoundError where there is none."""
    found = await references.find(session, name, REFERENCE, repository.id_of)
    if found is None:
        raise _unknown()
    return found


async def read(session: ReadSession, release_id: UUID) -> WholeRelease:
    """Return a release with everything about it, or NotFoundError."""
    release = await repository.release_by_id(session, release_id)
    if release is None:
        raise _unknown()
    document, digest = await repository.plan(session, release_id, release.version)
    rings = await repository.rings(session, release_id, release.version)
    return WholeRelease(
        release, document, digest, rings, await repository.entries(session, release_id)
    )


def ring_of(whole: WholeRelease, number: int) -> StoredRing:
    """Return a ring by its number, or NotFoundError."""
    if not 1 <= number <= len(whole.rings):
        raise NotFoundError(
            f"{whole.release.reference} has rings 1 to {len(whole.rings)}; name one of them."
        )
    return whole.rings[number - 1]


def _unknown() -> NotFoundError:
    return NotFoundError("There is no such release; `athena governance releases list` has them.")


def _moved_on() -> ConflictError:
    return ConflictError("The release isn't where it was; read it again.")


_NOTICES: Mapping[RingState, str] = {
    RingState.NOTIFIED: COMING,
    RingState.LIVE: LIVE,
    RingState.BACKED_OUT: BACKED_OUT,
}
