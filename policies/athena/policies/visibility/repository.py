"""The SQL of deciding: labels in, decisions and grant sets out; all as the policy writer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.identity import LabelId, Purpose, Subject, TenantId
from athena.policies.decisions.point import Question
from athena.policies.visibility.exceptions import Exceptions
from athena.policies.visibility.models import Label

POLICY_WRITER = "athena_policy_writer"


async def versions(session: ReadSession) -> tuple[int, int]:
    """Return the policy's revision and the count of labels interned."""
    row = await session.one("SELECT revision, label_epoch FROM ctx.policy_versions()")
    assert row is not None  # a function with OUT parameters returns one row
    return row.revision, row.label_epoch


async def labels(session: ReadSession) -> list[Label]:
    """Return every label in use."""
    rows = await session.rows(
        "SELECT l.*, t.slug FROM ctx.label AS l JOIN tenants.tenant AS t "
        "ON t.tenant_id = l.owner_force ORDER BY l.label_id"
    )
    return [
        Label(
            label_id=LabelId(row.label_id),
            owner_force=TenantId(row.owner_force),
            owner=row.slug,
            record_class=row.record_class,
            marking=row.marking,
            handling=row.handling,
            conditions=tuple(row.conditions),
            categories=tuple(row.categories),
            sensitive=row.sensitive,
            restricted=row.restricted,
            sealed=row.sealed,
        )
        for row in rows
    ]


async def active_tenants(session: ReadSession) -> list[str]:
    """Return the tenants that take part now, by slug."""
    rows = await session.rows(
        "SELECT slug FROM tenants.tenant WHERE status = 'active' ORDER BY slug"
    )
    return [row.slug for row in rows]


async def exceptions(session: ReadSession, subject: Subject, purpose: Purpose) -> Exceptions:
    """Return the single records that matter to a member for a purpose."""
    document = await session.value(
        "SELECT ctx.exceptions_of(CAST(:tenant AS smallint), :member, CAST(:teams AS uuid[]), "
        ":purpose)",
        {
            "tenant": subject.tenant_id,
            "member": subject.member_id,
            "teams": sorted(subject.teams),
            "purpose": purpose.value,
        },
    )
    return Exceptions.of(document)


async def archive_decision(
    session: WriteSession, question: Question, bundle_revision: str, document: Mapping[str, Any]
) -> UUID:
    """Keep a decision with its input once, and return its id."""
    await session.execute(
        "INSERT INTO policies.decision (decision_id, input_digest, bundle_revision, input, "
        "document) VALUES (:id, :digest, :bundle, CAST(:input AS jsonb), "
        "CAST(:document AS jsonb)) ON CONFLICT (input_digest, bundle_revision) DO NOTHING",
        {
            "id": uuid4(),
            "digest": question.digest,
            "bundle": bundle_revision,
            "input": question.text.decode(),
            "document": json.dumps(document),
        },
    )
    found: UUID = await session.value(
        "SELECT decision_id FROM policies.decision WHERE input_digest = :digest "
        "AND bundle_revision = :bundle",
        {"digest": question.digest, "bundle": bundle_revision},
    )
    return found


async def store_grant_set(
    session: WriteSession,
    subject: Subject,
    purpose: Purpose,
    decision_id: UUID,
    revision: int,
    label_epoch: int,
    seconds: int,
    scopes: Mapping[str, Sequence[int]],
) -> UUID:
    """Store what a member may see, and return the grant set's id."""
    stored: UUID = await session.value(
        "SELECT ctx.store_grant_set(:login, CAST(:tenant AS smallint), :member, :username, "
        ":roles, :purpose, :decision, :revision, :label_epoch, :seconds, "
        "CAST(:scopes AS jsonb))",
        {
            "login": subject.login,
            "tenant": subject.tenant_id,
            "member": subject.member_id,
            "username": subject.username,
            "roles": sorted(role.value for role in subject.roles),
            "purpose": purpose.value,
            "decision": decision_id,
            "revision": revision,
            "label_epoch": label_epoch,
            "seconds": seconds,
            "scopes": json.dumps(scopes),
        },
    )
    return stored


async def except_records(
    session: WriteSession,
    grant_set_id: UUID,
    epoch: int,
    until: datetime | None,
    records: Sequence[Mapping[str, Any]],
    locks: Sequence[Mapping[str, Any]],
) -> None:
    """Add single records to a grant set that this transaction stored."""
    await session.value(
        "SELECT ctx.except_records(:grant_set, :epoch, CAST(:until AS timestamptz), "
        "CAST(:records AS jsonb), CAST(:locks AS jsonb))",
        {
            "grant_set": grant_set_id,
            "epoch": epoch,
            "until": until,
            "records": json.dumps(records),
            "locks": json.dumps(locks),
        },
    )
