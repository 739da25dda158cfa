"""The SQL of submissions; the store's own triggers queue them, log them and tell the partner."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from asyncpg import PostgresError

from athena.platform.kernel.clocks.models import Due
from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.errors import ConflictError
from athena.platform.kernel.identity import TenantId
from athena.platform.kernel.permits import sqlstate
from athena.platform.kernel.rows import Row
from athena.policies.visibility.models import Alteration, Consultation
from athena.sharing.ppss.disclosures.sealing import Sealed
from athena.sharing.ppss.problems import BeingAnsweredError
from athena.sharing.ppss.signatures.models import Caller
from athena.sharing.ppss.submissions.models import (
    STILL_OPEN,
    DeclinedBecause,
    Status,
    Submission,
    SubmissionKind,
    SubmissionState,
    Submitted,
)

_DUPLICATE = "23505"
_TAKEN = {"AT002", "AT016"}

_STATUS = (
    "s.submission_id, f.slug AS force, s.kind, s.state, s.received_at, s.changed_at, "
    "s.declined_because"
)
_OF_PARTNER = (
    f"SELECT {_STATUS}, s.request_digest FROM sharing.submission AS s "
    "JOIN tenants.tenant AS f ON f.tenant_id = s.owner_force WHERE s.partner_id = :partner "
)
_OF_FORCE = (
    f"SELECT {_STATUS}, s.owner_force, p.slug AS partner, s.agreement_id, s.purpose, "
    "s.submitted_by, s.submitted_role, s.due_at, s.assessed_by FROM sharing.submission AS s "
    "JOIN tenants.tenant AS f ON f.tenant_id = s.owner_force "
    "JOIN tenants.tenant AS p ON p.tenant_id = s.partner_id WHERE s.owner_force = :force "
)


@dataclass(frozen=True, slots=True)
class New:
    """A submission as it is stored first."""

    submission_id: UUID
    owner: TenantId
    agreement_id: UUID
    kind: SubmissionKind
    purpose: str
    idempotency_key: str
    request_digest: bytes
    due: Due
    sealed: Sealed


async def force(session: ReadSession, slug: str) -> TenantId | None:
    """Return the number of a force that is active, or None."""
    row = await session.one(
        "SELECT tenant_id FROM tenants.tenant "
        "WHERE slug = :slug AND kind = 'force' AND status = 'active'",
        {"slug": slug},
    )
    return TenantId(row.tenant_id) if row else None


async def submitted(session: ReadSession, partner: TenantId, key: str) -> Submitted | None:
    """Return what a partner submitted under a key, or None if the key is new."""
    row = await session.one(
        f"{_OF_PARTNER} AND s.idempotency_key = :key", {"partner": partner, "key": key}
    )
    return Submitted(_status(row), bytes(row.request_digest)) if row else None


async def find_own(session: ReadSession, partner: TenantId, submission_id: UUID) -> Status | None:
    """Return how a submission of a partner's stands, or None."""
    row = await session.one(
        f"{_OF_PARTNER} AND s.submission_id = :id", {"partner": partner, "id": submission_id}
    )
    return _status(row) if row else None


async def add(session: WriteSession, caller: Caller, new: New) -> None:
    """Store a submission; the store queues and logs it in the same transaction.

    BeingAnsweredError where the same key is being used by another call.
    """
    place = {
        "owner": new.owner,
        "id": new.submission_id,
        "partner": caller.partner.partner_id,
    }
    try:
        await session.execute(
            "INSERT INTO sharing.submission (owner_force, submission_id, partner_id, "
            "agreement_id, kind, purpose, idempotency_key, request_digest, submitted_by, "
            "submitted_role, clock, due_at) VALUES (:owner, :id, :partner, :agreement, :kind, "
            ":purpose, :key, :digest, :user, :role, :clock, :due_at)",
            {
                **place,
                "agreement": new.agreement_id,
                "kind": new.kind.value,
                "purpose": new.purpose,
                "key": new.idempotency_key,
                "digest": new.request_digest,
                "user": caller.user,
                "role": caller.role,
                "clock": new.due.clock,
                "due_at": new.due.at,
            },
        )
    except PostgresError as error:
        if sqlstate(error) != _DUPLICATE:
            raise
        raise BeingAnsweredError(
            "The same Idempotency-Key is being answered just now; send the call again shortly."
        ) from None
    await session.execute(
        "INSERT INTO sharing.submission_content (owner_force, submission_id, partner_id, sealed, "
        "wrapped_key) VALUES (:owner, :id, :partner, :sealed, :wrapped)",
        {**place, "sealed": new.sealed.payload, "wrapped": new.sealed.wrapped_key},
    )


async def of_force(consultation: Consultation, limit: int, *, open_only: bool) -> list[Submission]:
    """Return the submissions to the consulting force, the most urgent first."""
    rows = await consultation.session.rows(
        f"{_OF_FORCE} AND (NOT :open_only OR s.state = ANY(:open)) "
        "ORDER BY s.due_at, s.submission_id LIMIT :limit",
        {
            "force": consultation.subject.tenant_id,
            "open_only": open_only,
            "open": [state.value for state in STILL_OPEN],
            "limit": limit,
        },
    )
    return [_submission(row) for row in rows]


async def find(consultation: Consultation | Alteration, submission_id: UUID) -> Submission | None:
    """Return a submission to the consulting force, or None."""
    row = await consultation.session.one(
        f"{_OF_FORCE} AND s.submission_id = :id",
        {"force": consultation.subject.tenant_id, "id": submission_id},
    )
    return _submission(row) if row else None


async def content(consultation: Consultation, submission_id: UUID) -> Sealed | None:
    """Return the words of a submission as they are kept, or None once they are gone."""
    row = await consultation.session.one(
        "SELECT sealed, wrapped_key FROM sharing.submission_content "
        "WHERE owner_force = :force AND submission_id = :id",
        {"force": consultation.subject.tenant_id, "id": submission_id},
    )
    return Sealed(bytes(row.sealed), bytes(row.wrapped_key)) if row else None


async def move(
    alteration: Alteration,
    submission_id: UUID,
    state: SubmissionState,
    because: DeclinedBecause | None,
) -> None:
    """Move a submission on; ConflictError where it was decided, or a colleague is at it."""
    try:
        await alteration.session.execute(
            "UPDATE sharing.submission SET state = :state, declined_because = :because "
            "WHERE owner_force = :force AND submission_id = :id",
            {
                "state": state.value,
                "because": because.value if because else None,
                "force": alteration.subject.tenant_id,
                "id": submission_id,
            },
        )
    except PostgresError as error:
        if sqlstate(error) not in _TAKEN:
            raise
        raise ConflictError(
            "The submission was decided already, or somebody has taken it on; show it again."
        ) from None


async def forget(session: WriteSession) -> int:
    """Erase the words whose time is over, each logged by the store; return how many."""
    count: int = await session.value("SELECT sharing.forget_submissions()")
    return count


def _status(row: Row) -> Status:
    return Status(
        row.submission_id,
        row.force,
        SubmissionKind(row.kind),
        SubmissionState(row.state),
        row.received_at,
        row.changed_at,
        DeclinedBecause(row.declined_because) if row.declined_because else None,
    )


def _submission(row: Row) -> Submission:
    return Submission(
        _status(row),
        TenantId(row.owner_force),
        row.partner,
        row.agreement_id,
        row.purpose,
        row.submitted_by,
        row.submitted_role,
        row.due_at,
        row.assessed_by,
    )
