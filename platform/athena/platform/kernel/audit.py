"""The audit log's vocabulary and its writer (Data Protection Act 2018, s.62).

Every statement goes through the store's own functions, which set the time, the tenant and the
transaction themselves; a login can't write the tables.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from asyncpg import PostgresError

from athena.platform.kernel.database import Database, Parameters, ReadSession
from athena.platform.kernel.identity import Level, NominalId, Subject, TenantId, TenantKind
from athena.platform.kernel.permits import sqlstate
from athena.platform.kernel.rows import Row

STALE_GRANT = "AT001"
"""The SQLSTATE by which the store says that a grant set is unknown, expired or superseded."""


class EventKind(enum.StrEnum):
    """What s.62 asks to be logged, and two kinds of our own: administration and refusal."""

    ADMINISTRATION = "administration"
    ALTERATION = "alteration"
    COLLECTION = "collection"
    COMBINATION = "combination"
    CONSULTATION = "consultation"
    DISCLOSURE = "disclosure"
    ERASURE = "erasure"
    REFUSAL = "refusal"


class StaleGrantError(Exception):
    """The grant set isn't valid any more: decide again."""


@dataclass(frozen=True, slots=True)
class RecordSeen:
    """A record that an event concerns, and at which level and under which agreement."""

    owner_force: TenantId
    nominal_id: NominalId
    level: Level
    agreement_id: str = ""
    groups: Sequence[str] = ()

    def document(self) -> dict[str, Any]:
        """Return the record as the log keeps it."""
        return {
            "owner_force": self.owner_force,
            "nominal_id": str(self.nominal_id),
            "level": self.level.value,
            "agreement_id": self.agreement_id,
            "groups": list(self.groups),
        }


@dataclass(frozen=True, slots=True)
class Appended:
    """An appended event, and the store's count of labels at that moment."""

    event_id: UUID
    label_epoch: int


@dataclass(frozen=True, slots=True)
class Entry:
    """What an event says beyond who and when; ``content`` may hold personal data."""

    kind: EventKind
    action: str
    reason: str
    content: Mapping[str, Any] = field(default_factory=dict)
    records: Sequence[RecordSeen] = ()


_APPEND = (
    "SELECT event_id, label_epoch FROM audit.append(:grant_set, :kind, :action, :reason, "
    "CAST(:content AS jsonb), CAST(:records AS jsonb))"
)


async def append(session: ReadSession, grant_set_id: UUID, entry: Entry) -> Appended:
    """Append an event under a grant set, in this transaction; StaleGrantError to decide again."""
    row = await _appending(session, _APPEND, grant_set_id, entry, {})
    return Appended(row.event_id, row.label_epoch)


@dataclass(frozen=True, slots=True)
class Writes:
    """What is written together with an event: common table expressions, and their parameters.

    The event's id is in ``appended``, before them. One of them may be named whose row is returned.
    """

    ctes: str
    parameters: Parameters
    returned: str = "(SELECT 1)"

    def and_also(self, other: Writes) -> Writes:
        """Return what writes both; the other's row is returned.

        ValueError where they mean different values by one name.
        """
        for name in self.parameters.keys() & other.parameters.keys():
            if self.parameters[name] != other.parameters[name]:
                raise ValueError(f"two values for the parameter {name}")
        parameters = {**self.parameters, **other.parameters}
        return Writes(f"{self.ctes}, {other.ctes}", parameters, other.returned)


async def append_with(
    session: ReadSession, grant_set_id: UUID, entry: Entry, writes: Writes
) -> Row:
    """Append an event, as `append` does, and write something in the same statement."""
    # The expressions are the repositories' own SQL; what comes from outside is a parameter.
    statement = (
        f"WITH appended AS ({_APPEND}), {writes.ctes} "  # noqa: S608
        f"SELECT r.* FROM appended CROSS JOIN {writes.returned} AS r"
    )
    return await _appending(session, statement, grant_set_id, entry, writes.parameters)


async def write(session: ReadSession, writes: Writes) -> Row:
    """Write what goes with an event that is appended already."""
    row = await session.one(
        f"WITH {writes.ctes} SELECT r.* FROM {writes.returned} AS r",  # noqa: S608 - as above
        writes.parameters,
    )
    assert row is not None  # what is returned is one row
    return row


async def _appending(
    session: ReadSession,
    statement: str,
    grant_set_id: UUID,
    entry: Entry,
    parameters: Parameters,
) -> Row:
    try:
        row = await session.one(
            statement,
            {
                **parameters,
                "grant_set": grant_set_id,
                "kind": entry.kind.value,
                "action": entry.action,
                "reason": entry.reason,
                "content": json.dumps(entry.content),
                "records": _records(entry.records),
            },
        )
    except PostgresError as error:
        if sqlstate(error) == STALE_GRANT:
            raise StaleGrantError from None
        raise
    assert row is not None  # the event's own, and what is returned with it is one
    return row


async def refuse(database: Database, subject: Subject, entry: Entry, purpose: str | None) -> None:
    """Log a refusal in a transaction of its own: what raised it rolled the other one back."""
    if subject.tenant_kind is TenantKind.PARTNER:
        await _refuse_partner(database, subject, entry, purpose)
        return
    async with database.read(subject.login) as session:
        await session.value(
            "SELECT audit.refuse(:action, :member, :username, :roles, :purpose, :reason, "
            "CAST(:content AS jsonb), CAST(:records AS jsonb))",
            {
                "action": entry.action,
                **_who(subject),
                "purpose": purpose,
                "reason": entry.reason,
                "content": json.dumps(entry.content),
                "records": _records(entry.records),
            },
        )


async def _refuse_partner(
    database: Database, subject: Subject, entry: Entry, purpose: str | None
) -> None:
    """Log a refusal of a partner: partners share a login, so it is told which one it was."""
    async with database.read(subject.login) as session:
        await session.value(
            "SELECT audit.refuse_partner(CAST(:tenant AS smallint), :action, :member, :username, "
            ":roles, :purpose, :reason, CAST(:content AS jsonb))",
            {
                "tenant": subject.tenant_id,
                "action": entry.action,
                **_who(subject),
                "purpose": purpose,
                "reason": entry.reason,
                "content": json.dumps(entry.content),
            },
        )


async def consult_partner(
    session: ReadSession, subject: Subject, action: str, reason: str, content: Mapping[str, Any]
) -> None:
    """Log that a partner reads what it was told, in the transaction in which it does."""
    await session.value(
        "SELECT audit.consult_partner(CAST(:tenant AS smallint), :action, :member, :username, "
        ":roles, :reason, CAST(:content AS jsonb))",
        {
            "tenant": subject.tenant_id,
            "action": action,
            **_who(subject),
            "reason": reason,
            "content": json.dumps(content),
        },
    )


async def administer(
    session: ReadSession, subject: Subject, action: str, reason: str, content: Mapping[str, Any]
) -> None:
    """Log an act that touches no record: reading the log, changing an agreement."""
    await session.value(
        "SELECT audit.administer(:action, :member, :username, :roles, :reason, "
        "CAST(:content AS jsonb))",
        {
            "action": action,
            **_who(subject),
            "reason": reason,
            "content": json.dumps(content),
        },
    )


def _who(subject: Subject) -> dict[str, Any]:
    return {
        "member": subject.member_id,
        "username": subject.username,
        "roles": sorted(role.value for role in subject.roles),
    }


def _records(records: Sequence[RecordSeen]) -> str:
    return json.dumps([record.document() for record in records])
