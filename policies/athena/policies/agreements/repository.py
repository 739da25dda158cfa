"""The SQL of agreements: versions, their steps, signatures and signatories' keys.

The client body keeps agreements; a party reads its own and signs, under its own login.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.rows import Row
from athena.policies.agreements.document import AgreementStatus
from athena.policies.agreements.models import SignatoryKey, Signature, Step, Version

_VERSIONS = """
    SELECT a.agreement_id, a.version, a.reference, a.title, a.status, a.document, a.digest,
           a.stored_at,
           CASE WHEN a.status = 'suspended' THEN (
               SELECT e.reason FROM policies.agreement_event AS e
               WHERE e.agreement_id = a.agreement_id AND e.version = a.version
                 AND e.act = 'suspended' ORDER BY e.at DESC LIMIT 1) END AS suspended_reason
    FROM policies.agreement AS a
    {condition}
    ORDER BY a.reference, a.version
"""
_KEY = (
    "k.key_id, t.slug, k.office, k.public_key, k.valid_from, k.valid_to, k.revoked_from, "
    "k.revoked_reason"
)
_SIGNATURES = f"""
    SELECT s.agreement_id, s.version, s.signature, s.signed_at, {_KEY}
    FROM policies.signature AS s
    JOIN policies.signatory_key AS k USING (tenant_id, key_id)
    JOIN tenants.tenant AS t USING (tenant_id)
    {{condition}}
    ORDER BY t.slug, s.signed_at
"""


async def versions(session: ReadSession) -> list[Version]:
    """Return every version that the session may see with its signatures, by reference."""
    rows = await session.rows(_VERSIONS.format(condition=""))
    signatures = await session.rows(_SIGNATURES.format(condition=""))
    return _versions(rows, signatures)


async def versions_of(session: ReadSession, agreement_id: UUID) -> list[Version]:
    """Return the versions of an agreement with their signatures, the first one first."""
    asked = {"id": agreement_id}
    rows = await session.rows(_VERSIONS.format(condition="WHERE a.agreement_id = :id"), asked)
    signatures = await session.rows(
        _SIGNATURES.format(condition="WHERE s.agreement_id = :id"), asked
    )
    return _versions(rows, signatures)


async def id_of(session: ReadSession, reference: str) -> UUID | None:
    """Return the id of the agreement with a reference that the session may see."""
    found: UUID | None = await session.value(
        "SELECT DISTINCT agreement_id FROM policies.agreement WHERE reference = :reference",
        {"reference": reference},
    )
    return found


async def count(session: ReadSession) -> int:
    """Return how many versions of agreements are stored."""
    number: int = await session.value("SELECT count(*) FROM policies.agreement")
    return number


async def titles(session: ReadSession) -> Mapping[UUID, str]:
    """Return "reference: title" of every agreement, by id, as its newest version has it."""
    rows = await session.rows(
        "SELECT DISTINCT ON (agreement_id) agreement_id, reference, title "
        "FROM policies.agreement ORDER BY agreement_id, version DESC"
    )
    return {row.agreement_id: f"{row.reference}: {row.title}" for row in rows}


async def lock(session: WriteSession, agreement_id: UUID) -> None:
    """Let nobody else act on an agreement until this transaction ends.

    Two signatories who sign at once would otherwise each see the other's signature missing.
    """
    await session.value(
        "SELECT pg_advisory_xact_lock(hashtextextended('athena/agreement/' || :id, 0))",
        {"id": str(agreement_id)},
    )


async def store_draft(
    session: WriteSession, document: Mapping[str, Any], digest: bytes, username: str, reason: str
) -> None:
    """Store a version as a draft; the policy's revision rises and every grant goes."""
    await session.execute(
        "INSERT INTO policies.agreement (agreement_id, version, reference, title, status, "
        "document, digest) VALUES (CAST(:id AS uuid), :version, :reference, :title, 'draft', "
        "CAST(:document AS jsonb), :digest)",
        {
            "id": document["id"],
            "version": document["version"],
            "reference": document["reference"],
            "title": document["title"],
            "document": json.dumps(document),
            "digest": digest,
        },
    )
    await tell(
        session, UUID(str(document["id"])), int(document["version"]), "proposed", username, reason
    )


async def move(
    session: WriteSession,
    agreement_id: UUID,
    status: AgreementStatus,
    since: Iterable[AgreementStatus],
    act: str,
    username: str,
    reason: str,
) -> int:
    """Move an agreement's versions that are in one of some statuses; return how many moved."""
    return await session.execute(
        "WITH moved AS (UPDATE policies.agreement SET status = :status "
        "WHERE agreement_id = :id AND status = ANY(:since) RETURNING agreement_id, version) "
        "INSERT INTO policies.agreement_event "
        "(agreement_id, version, tenant_id, username, act, reason) "
        "SELECT agreement_id, version, ctx.session_tenant(), :username, :act, :reason FROM moved",
        {
            "id": agreement_id,
            "status": status.value,
            "since": [item.value for item in since],
            "username": username,
            "act": act,
            "reason": reason,
        },
    )


async def tell(
    session: WriteSession,
    agreement_id: UUID,
    version: int,
    act: str,
    username: str,
    reason: str,
) -> None:
    """Append a step to the life of a version."""
    await session.execute(
        "INSERT INTO policies.agreement_event "
        "(agreement_id, version, tenant_id, username, act, reason) "
        "VALUES (:id, :version, ctx.session_tenant(), :username, :act, :reason)",
        {
            "id": agreement_id,
            "version": version,
            "username": username,
            "act": act,
            "reason": reason,
        },
    )


async def steps(session: ReadSession, agreement_id: UUID) -> list[Step]:
    """Return every step of an agreement's life, the first one first."""
    rows = await session.rows(
        "SELECT e.version, e.at, t.slug, e.username, e.act, e.reason "
        "FROM policies.agreement_event AS e JOIN tenants.tenant AS t USING (tenant_id) "
        "WHERE e.agreement_id = :id ORDER BY e.at, e.event_id",
        {"id": agreement_id},
    )
    return [Step(row.version, row.at, row.slug, row.username, row.act, row.reason) for row in rows]


async def store_signature(
    session: WriteSession, agreement_id: UUID, version: int, key_id: str, signature: bytes
) -> None:
    """Store a signature of its key's tenant, at the store's own time.

    The store takes those of the session's own tenant, and from the client body any.
    """
    await session.execute(
        "INSERT INTO policies.signature (agreement_id, version, tenant_id, key_id, signature) "
        "SELECT CAST(:id AS uuid), CAST(:version AS integer), k.tenant_id, k.key_id, "
        "CAST(:signature AS bytea) FROM policies.signatory_key AS k WHERE k.key_id = :key",
        {"id": agreement_id, "version": version, "key": key_id, "signature": signature},
    )


async def store_dated_signatures(
    session: WriteSession,
    agreement_id: UUID,
    version: int,
    signatures: Sequence[tuple[str, bytes, datetime]],
) -> None:
    """Store signatures (key, signature, moment) that a new demonstration starts with."""
    await session.execute(
        "INSERT INTO policies.signature "
        "(agreement_id, version, tenant_id, key_id, signature, signed_at) "
        "SELECT CAST(:id AS uuid), CAST(:version AS integer), k.tenant_id, k.key_id, s.signature, "
        "s.at FROM unnest(CAST(:keys AS text[]), CAST(:signatures AS bytea[]), "
        "CAST(:moments AS timestamptz[])) AS s (key_id, signature, at) "
        "JOIN policies.signatory_key AS k ON k.key_id = s.key_id",
        {
            "id": agreement_id,
            "version": version,
            "keys": [key for key, _, _ in signatures],
            "signatures": [signature for _, signature, _ in signatures],
            "moments": [moment for _, _, moment in signatures],
        },
    )


async def enter_into_force(
    session: WriteSession, agreement_id: UUID, version: int, username: str
) -> bool:
    """Bring a version that every party signed into force; return whether it wasn't before."""
    entered: bool = await session.value(
        "SELECT policies.enter_into_force(:id, :version, :username)",
        {"id": agreement_id, "version": version, "username": username},
    )
    return entered


async def partners(session: ReadSession) -> set[str]:
    """Return the partner organisations, by their short names."""
    rows = await session.rows("SELECT slug FROM tenants.tenant WHERE kind = 'partner'")
    return {row.slug for row in rows}


async def keys(session: ReadSession) -> list[SignatoryKey]:
    """Return the keys that the session may see, by tenant and from when they are valid."""
    rows = await session.rows(
        f"SELECT {_KEY} FROM policies.signatory_key AS k JOIN tenants.tenant AS t "
        "USING (tenant_id) ORDER BY t.slug, k.valid_from, k.key_id"
    )
    return [_key(row) for row in rows]


async def register_key(session: WriteSession, key: SignatoryKey) -> int:
    """Store a public key of a tenant; return 0 when there is no such tenant."""
    return await session.execute(
        "INSERT INTO policies.signatory_key "
        "(tenant_id, key_id, public_key, office, valid_from, valid_to) "
        "SELECT tenant_id, :key_id, :public_key, :office, CAST(:valid_from AS date), "
        "CAST(:valid_to AS date) FROM tenants.tenant WHERE slug = :tenant",
        {
            "key_id": key.key_id,
            "public_key": key.public_key,
            "office": key.office,
            "valid_from": key.valid_from,
            "valid_to": key.valid_to,
            "tenant": key.tenant,
        },
    )


async def revoke_key(session: WriteSession, key_id: str, since: date | None, reason: str) -> int:
    """Revoke a key from the beginning of a day in London, or from now; return 0 if it was."""
    return await session.execute(
        "UPDATE policies.signatory_key SET revoked_reason = :reason, revoked_from = coalesce("
        "CAST(CAST(:since AS date) AS timestamp) AT TIME ZONE 'Europe/London', now()) "
        "WHERE key_id = :key_id AND revoked_from IS NULL",
        {"key_id": key_id, "since": since, "reason": reason},
    )


async def tenant_statuses(session: ReadSession) -> Mapping[str, str]:
    """Return whether each tenant takes part, by slug."""
    rows = await session.rows("SELECT slug, status FROM tenants.tenant")
    return {row.slug: row.status for row in rows}


def _versions(rows: Sequence[Row], signatures: Sequence[Row]) -> list[Version]:
    found: dict[tuple[UUID, int], list[Signature]] = defaultdict(list)
    for row in signatures:
        found[row.agreement_id, row.version].append(
            Signature(_key(row), row.signature, row.signed_at)
        )
    return [
        Version(
            agreement_id=row.agreement_id,
            version=row.version,
            reference=row.reference,
            title=row.title,
            status=AgreementStatus(row.status),
            document=row.document,
            digest=row.digest,
            stored_at=row.stored_at,
            suspended_reason=row.suspended_reason,
            signatures=tuple(found[row.agreement_id, row.version]),
        )
        for row in rows
    ]


def _key(row: Row) -> SignatoryKey:
    return SignatoryKey(
        key_id=row.key_id,
        tenant=row.slug,
        office=row.office,
        public_key=row.public_key,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        revoked_from=row.revoked_from,
        revoked_reason=row.revoked_reason,
    )
