"""The SQL of person checks: what was asked, and what was answered under which key."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from uuid import UUID

from asyncpg import PostgresError

from athena.platform.kernel.audit import Writes
from athena.platform.kernel.database import ReadSession
from athena.platform.kernel.identity import LabelId, Level, NominalId, TenantId
from athena.platform.kernel.permits import sqlstate
from athena.platform.kernel.rows import Row
from athena.policies.visibility.models import Consultation, RecordKey
from athena.sharing.ppss.disclosures.sealing import Sealed
from athena.sharing.ppss.limits.models import Recent
from athena.sharing.ppss.problems import BeingAnsweredError
from athena.sharing.ppss.signatures.models import Caller

ANSWER_HOURS = 24
"""How long an answer is kept for whoever asks again under the same key."""

_DUPLICATE = "23505"


@dataclass(frozen=True, slots=True)
class Answered:
    """A check that was answered under an idempotency key."""

    check_id: UUID
    request_digest: bytes
    sealed: Sealed | None
    """None once the answer isn't kept any more."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a check: nothing that names the person."""

    check_id: UUID
    agreement_id: UUID
    idempotency_key: str
    request_digest: bytes
    outcome: str
    person_digest: bytes
    initial: str


async def begin(
    session: ReadSession, partner_id: TenantId, idempotency_key: str
) -> Answered | None:
    """Note for which partner this transaction runs; return what its key was answered with.

    None if the key is new.
    """
    row = await session.one(
        "SELECT b.* FROM sharing.begin_check(CAST(:partner AS smallint), :key) AS b",
        {"partner": partner_id, "key": idempotency_key},
    )
    if row is None or row.check_id is None:
        return None
    sealed = Sealed(bytes(row.sealed), bytes(row.wrapped_key)) if row.sealed else None
    return Answered(row.check_id, bytes(row.request_digest), sealed)


async def sealed_answer(session: ReadSession, check_id: UUID) -> Sealed | None:
    """Return the answer to a check as it is kept, or None once it isn't kept any more."""
    row = await session.one(
        "SELECT sealed, wrapped_key FROM sharing.partner_answer "
        "WHERE check_id = :check AND expires_at > now()",
        {"check": check_id},
    )
    return Sealed(bytes(row.sealed), bytes(row.wrapped_key)) if row is not None else None


def keeping(caller: Caller, kept: Kept, answer: Sealed) -> Writes:
    """Return what keeps a check, and its answer as it is sent, sealed, for a day.

    Its row, which `recent` reads, says what the partner's checks of the last 24 hours add up to
    with it, since the last review.
    """
    return Writes(
        "kept AS (SELECT k.* FROM sharing.keep_check(:check_id, CAST(:partner AS smallint), "
        ":agreement_id, :idempotency_key, :request_digest, :outcome, :user, :role, "
        ":person_digest, :initial, :sealed, :wrapped_key, "
        "make_interval(hours => :hours), :opens, :closes) AS k)",
        {
            "check_id": kept.check_id,
            "agreement_id": kept.agreement_id,
            "idempotency_key": kept.idempotency_key,
            "request_digest": kept.request_digest,
            "outcome": kept.outcome,
            "person_digest": kept.person_digest,
            "initial": kept.initial,
            "partner": caller.partner.partner_id,
            "user": caller.user,
            "role": caller.role,
            "sealed": answer.payload,
            "wrapped_key": answer.wrapped_key,
            "hours": ANSWER_HOURS,
            "opens": caller.partner.opens,
            "closes": caller.partner.closes,
        },
        "kept",
    )


async def recent(kept: Awaitable[Row]) -> Recent:
    """Return what the row of `keeping` says, once it is written.

    BeingAnsweredError where the same key is being answered by another process.
    """
    try:
        row = await kept
    except PostgresError as error:
        if sqlstate(error) != _DUPLICATE:
            raise
        raise BeingAnsweredError(
            "The same Idempotency-Key is being answered just now; send the call again shortly."
        ) from None
    return Recent(row.checks, row.without_match, row.initials, row.same, row.outside)


async def labels(consultation: Consultation, keys: Sequence[RecordKey]) -> dict[RecordKey, LabelId]:
    """Return under which labels the visible ones of some nominals stand now."""
    rows = await consultation.session.rows(
        "SELECT n.owner_force, n.nominal_id, n.label_id "
        "FROM unnest(CAST(:owners AS smallint[]), CAST(:ids AS uuid[])) AS t (owner, id) "
        "JOIN records.nominal AS n ON n.owner_force = t.owner AND n.nominal_id = t.id",
        {"owners": [owner for owner, _ in keys], "ids": [nominal_id for _, nominal_id in keys]},
    )
    return {
        (TenantId(row.owner_force), NominalId(row.nominal_id)): LabelId(row.label_id)
        for row in rows
    }


@dataclass(frozen=True, slots=True)
class Told:
    """A record that a check has told a partner."""

    key: RecordKey
    level: Level
    fields: frozenset[str]


async def told(session: ReadSession, check_id: UUID) -> list[Told]:
    """Return the records that a check of the calling partner told; pointers name none."""
    rows = await session.rows(
        "SELECT owner_force, nominal_id, level, fields FROM sharing.disclosure "
        "WHERE check_id = :check AND nominal_id IS NOT NULL ORDER BY disclosure_id",
        {"check": check_id},
    )
    return [
        Told(
            (TenantId(row.owner_force), NominalId(row.nominal_id)),
            Level(row.level),
            frozenset(row.fields),
        )
        for row in rows
    ]
