"""The SQL of bodies, constitutions and appointments."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from uuid import UUID

from athena.governance.bodies.constitution import Constitution
from athena.governance.bodies.models import Appointment, Body, BodyKind, ConstitutionVersion
from athena.governance.votes.outcome import Duty
from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.identity import TenantId
from athena.platform.kernel.rows import Row

_BODY = "SELECT body_id, slug, name, kind, module, forces FROM governance.body"


async def bodies(session: ReadSession) -> list[Body]:
    """Return every body, by its name."""
    return [_body(row) for row in await session.rows(f"{_BODY} ORDER BY name")]


async def body(session: ReadSession, slug: str) -> Body | None:
    """Return a body by its short name, or None."""
    row = await session.one(f"{_BODY} WHERE slug = :slug", {"slug": slug})
    return None if row is None else _body(row)


async def add_body(session: WriteSession, new: Body) -> None:
    """Store a body."""
    await session.execute(
        "INSERT INTO governance.body (body_id, slug, name, kind, module, forces) "
        "VALUES (:id, :slug, :name, :kind, :module, CAST(:forces AS text[]))",
        {
            "id": new.body_id,
            "slug": new.slug,
            "name": new.name,
            "kind": new.kind.value,
            "module": new.module,
            "forces": None if new.forces is None else list(new.forces),
        },
    )


async def constitutions(session: ReadSession, body_id: UUID) -> list[ConstitutionVersion]:
    """Return the versions of a body's constitution, the first one first."""
    rows = await session.rows(
        "SELECT version, document, digest, stored_at, username, reason "
        "FROM governance.constitution WHERE body_id = :body ORDER BY version",
        {"body": body_id},
    )
    return [
        ConstitutionVersion(
            row.version,
            Constitution.model_validate(row.document),
            row.digest,
            row.stored_at,
            row.username,
            row.reason,
        )
        for row in rows
    ]


async def lock(session: WriteSession, body_id: UUID) -> None:
    """Let nobody else amend a constitution or number a minute of a body before we are done."""
    await session.value(
        "SELECT pg_advisory_xact_lock(hashtextextended('athena/body/' || :id, 0))",
        {"id": str(body_id)},
    )


async def add_constitution(
    session: WriteSession,
    body_id: UUID,
    version: int,
    constitution: Constitution,
    digest: bytes,
    username: str,
    reason: str,
) -> None:
    """Store a version of a constitution; it holds for votes opened from now on."""
    await session.execute(
        "INSERT INTO governance.constitution "
        "(body_id, version, document, digest, username, reason) "
        "VALUES (:body, :version, CAST(:document AS jsonb), :digest, :username, :reason)",
        {
            "body": body_id,
            "version": version,
            "document": json.dumps(constitution.model_dump(mode="json")),
            "digest": digest,
            "username": username,
            "reason": reason,
        },
    )


async def constitution_was_carried(
    session: ReadSession, body_id: UUID, digest: bytes, since: int
) -> bool:
    """Whether the body carried a vote on a constitution of this digest, under a version of its."""
    carried: bool = await session.value(
        "SELECT EXISTS (SELECT FROM governance.vote WHERE body_id = :body "
        "AND subject_kind = 'constitution' AND subject_reference = :digest "
        "AND constitution_version = :version "
        "AND minute #>> '{outcome,result}' = 'carried')",
        {"body": body_id, "digest": digest.hex(), "version": since},
    )
    return carried


async def appointments(session: ReadSession, body_id: UUID) -> list[Appointment]:
    """Return every appointment to a body, ended ones too, by tenant and first day."""
    rows = await session.rows(
        "SELECT a.appointment_id, t.slug, t.status, a.member_id, a.username, a.duty, "
        "a.valid_from, a.valid_to, a.ended_at FROM governance.appointment AS a "
        "JOIN tenants.tenant AS t USING (tenant_id) WHERE a.body_id = :body "
        "ORDER BY t.slug, a.duty, a.valid_from, a.appointment_id",
        {"body": body_id},
    )
    return [
        Appointment(
            row.appointment_id,
            row.slug,
            row.status == "active",
            row.member_id,
            row.username,
            Duty(row.duty),
            row.valid_from,
            row.valid_to,
            row.ended_at,
        )
        for row in rows
    ]


async def appoint(
    session: WriteSession,
    appointment_id: UUID,
    body_id: UUID,
    tenant: TenantId,
    member_id: UUID,
    username: str,
    duty: Duty,
    valid_from: date,
    valid_to: date | None,
) -> None:
    """Store an appointment; the store refuses one whose seat is taken in that time."""
    await session.execute(
        "INSERT INTO governance.appointment (tenant_id, appointment_id, body_id, member_id, "
        "username, duty, valid_from, valid_to) VALUES (:tenant, :id, :body, :member, :username, "
        ":duty, :valid_from, :valid_to)",
        {
            "tenant": tenant,
            "id": appointment_id,
            "body": body_id,
            "member": member_id,
            "username": username,
            "duty": duty.value,
            "valid_from": valid_from,
            "valid_to": valid_to,
        },
    )


async def end_appointment(session: WriteSession, body_id: UUID, appointment_id: UUID) -> int:
    """End an appointment that the session may end; return 0 when there is none."""
    return await session.execute(
        "UPDATE governance.appointment SET ended_at = now() "
        "WHERE body_id = :body AND appointment_id = :id AND ended_at IS NULL",
        {"body": body_id, "id": appointment_id},
    )


async def active_forces(session: ReadSession) -> set[str]:
    """Return the short names of the forces that take part."""
    rows = await session.rows(
        "SELECT slug FROM tenants.tenant WHERE kind = 'force' AND status = 'active'"
    )
    return {row.slug for row in rows}


async def absent_forces(session: ReadSession, named: Iterable[str]) -> list[str]:
    """Return those of some names that are no force that takes part."""
    return sorted(set(named) - await active_forces(session))


def _body(row: Row) -> Body:
    return Body(
        row.body_id,
        row.slug,
        row.name,
        BodyKind(row.kind),
        row.module,
        None if row.forces is None else tuple(row.forces),
    )
