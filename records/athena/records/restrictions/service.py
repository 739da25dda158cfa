"""Restricting a record to named members or teams, and locking it against a member.

The owner force's supervisors and records managers set and lift both. A restriction narrows: with
the first name, whoever isn't named sees a pointer, whoever set it too. A record locked against a
member isn't there for that member, so no one can lift a lock against themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.database import Database
from athena.platform.kernel.errors import ConflictError, InvalidInputError, NotFoundError
from athena.platform.kernel.identity import NominalId, Purpose, Subject
from athena.policies.roles.actions import Action
from athena.policies.visibility.models import Consultation, Label
from athena.policies.visibility.service import Gate
from athena.records.restrictions import repository
from athena.records.restrictions.models import Named
from athena.records.restrictions.schemas import (
    ExceptionKind,
    NewLock,
    NewRestriction,
    RecordException,
)
from athena.tenants.directory.service import DIRECTORY_LOGIN
from athena.tenants.members.service import subject_by_username

ACTIONS: Mapping[ExceptionKind, Action] = {
    ExceptionKind.LOCK: Action.RECORDS_LOCK,
    ExceptionKind.RESTRICTION: Action.RECORDS_RESTRICT,
}
_NOT_VISIBLE = "Your force has no such nominal, or none that you may see for this purpose."


async def restrict(
    gate: Gate,
    subject: Subject,
    purpose: Purpose,
    reason: str,
    nominal_id: NominalId,
    new: NewRestriction,
) -> UUID:
    """Restrict a record of the own force to one more member or team; return the restriction's id.

    The record's label becomes a restricted one first, where it isn't yet.
    """
    return await _set(gate, subject, purpose, reason, nominal_id, new)


async def lock(
    gate: Gate,
    subject: Subject,
    purpose: Purpose,
    reason: str,
    nominal_id: NominalId,
    new: NewLock,
) -> UUID:
    """Lock a record of the own force against a member of any force; return the lock's id."""
    return await _set(gate, subject, purpose, reason, nominal_id, new)


async def lift(
    gate: Gate,
    subject: Subject,
    purpose: Purpose,
    reason: str,
    kind: ExceptionKind,
    nominal_id: NominalId,
    which: UUID | str,
) -> None:
    """End a restriction or a lock at once, by its id or by the name it stands for.

    NotFoundError where there is none, and where it is a lock against the member who asks.
    """
    entry = Entry(
        EventKind.ALTERATION,
        f"records.un{'lock' if kind is ExceptionKind.LOCK else 'restrict'}",
        reason,
        {"nominal": str(nominal_id), "which": str(which)},
    )
    async with gate.alter(subject, ACTIONS[kind], purpose, entry) as alteration:
        found = [
            item.id
            for item in await listed(alteration, nominal_id)
            if item.kind is kind and which in (item.id, item.named)
        ]
        for exception_id in found:
            await repository.end(alteration, kind, nominal_id, exception_id)
        if not found:
            raise NotFoundError(f"There is no such {kind} of this record that you may lift.")


async def listed(consultation: Consultation, nominal_id: NominalId) -> list[RecordException]:
    """Return the restrictions and locks of a record of the own force."""
    return [
        RecordException(
            id=row.id,
            kind=ExceptionKind(row.kind),
            named=row.named,
            set_by=row.set_by_name,
            reason=row.reason,
            since=row.since,
            until=row.until,
        )
        for row in await repository.in_effect(consultation, nominal_id)
    ]


async def _set(
    gate: Gate,
    subject: Subject,
    purpose: Purpose,
    reason: str,
    nominal_id: NominalId,
    new: NewRestriction | NewLock,
) -> UUID:
    kind = ExceptionKind.LOCK if isinstance(new, NewLock) else ExceptionKind.RESTRICTION
    action = ACTIONS[kind]
    content = {"nominal": str(nominal_id), **new.model_dump(mode="json", exclude_none=True)}
    entry = Entry(EventKind.ALTERATION, action.value, reason, content)
    await gate.permit(subject, action, purpose, entry)
    if new.until is not None and new.until <= datetime.now(UTC):
        raise InvalidInputError("Let it end at a time still to come.", field="/until")
    named = await _named(gate.database, subject, new)
    looking = replace(entry, kind=EventKind.CONSULTATION)
    async with gate.consult(subject, action, purpose, looking) as consultation:
        label = await _own_label(consultation, nominal_id)
    restricted = None
    if label is not None and not label.restricted and kind is ExceptionKind.RESTRICTION:
        # Known before the transaction that uses it opens: a decision covers the labels there are.
        async with gate.database.write(subject.login) as session:
            restricted = await repository.intern_restricted(session, label)
    async with gate.alter(subject, action, purpose, entry) as alteration:
        await _own_label(alteration, nominal_id)
        if any(
            item.kind is kind and item.named == named.name
            for item in await listed(alteration, nominal_id)
        ):
            raise ConflictError(f"This record has that {kind} already; lift it first to change it.")
        if restricted is not None:
            await repository.relabel(alteration, nominal_id, restricted)
        return await repository.add(alteration, kind, nominal_id, named, new.until)


async def _own_label(consultation: Consultation, nominal_id: NominalId) -> Label | None:
    """Return the label of a nominal of the own force, or None where it is restricted to others.

    A supervisor who isn't named sees its restrictions, and may change them, but not the record.
    """
    label_id = await repository.label_id(consultation, nominal_id)
    if label_id is not None:
        return consultation.visibility.view(label_id).label
    if not await listed(consultation, nominal_id):
        raise NotFoundError(_NOT_VISIBLE)
    return None


async def _named(database: Database, subject: Subject, new: NewRestriction | NewLock) -> Named:
    if new.member is not None:
        member = await subject_by_username(database, new.member)
        return Named(member.username, member_id=member.member_id)
    assert isinstance(new, NewRestriction)
    assert new.team is not None  # the draft has one of the two
    async with database.read(DIRECTORY_LOGIN) as session:
        team = await repository.team_id(session, subject.tenant_id, new.team)
    if team is None:
        raise NotFoundError("Your force has no team of that short name.")
    return Named(new.team, team_id=team)
