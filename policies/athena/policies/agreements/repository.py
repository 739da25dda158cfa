"""The SQL of agreements, as the client body that keeps them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from athena.platform.kernel.database import ReadSession, WriteSession
from athena.policies.agreements.document import Agreement


async def store(session: WriteSession, agreement: Agreement) -> None:
    """Store a version of an agreement; the policy's revision rises and every grant goes."""
    await session.execute(
        "INSERT INTO policies.agreement (agreement_id, version, reference, title, status, "
        "document) VALUES (:id, :version, :reference, :title, :status, CAST(:document AS jsonb))",
        {
            "id": agreement.id,
            "version": agreement.version,
            "reference": agreement.reference,
            "title": agreement.title,
            "status": agreement.status.value,
            "document": agreement.model_dump_json(),
        },
    )


async def count(session: ReadSession) -> int:
    """Return how many versions of agreements are stored."""
    number: int = await session.value("SELECT count(*) FROM policies.agreement")
    return number


async def newest(session: ReadSession) -> list[Agreement]:
    """Return the newest version of every agreement, by reference."""
    rows = await session.rows(
        "SELECT DISTINCT ON (agreement_id) agreement_id, document, status "
        "FROM policies.agreement ORDER BY agreement_id, version DESC"
    )
    return sorted((_agreement(row) for row in rows), key=lambda agreement: agreement.reference)


def _agreement(row: Row[Any]) -> Agreement:
    return Agreement.model_validate({**row.document, "status": row.status})
