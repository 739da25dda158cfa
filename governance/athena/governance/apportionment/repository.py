"""The SQL of formulas, bases and counted use."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from athena.governance.apportionment.models import Measure, parse_formula
from athena.governance.apportionment.money import FinancialYear
from athena.governance.apportionment.stored import BasisSet, StoredFormula
from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.identity import TenantId
from athena.platform.kernel.rows import Row


async def formulas(session: ReadSession, reference: str | None = None) -> list[StoredFormula]:
    """Return every version of every formula, or of one, the first one first."""
    rows = await session.rows(
        "SELECT reference, version, title, document, digest, stored_at, username, reason "
        "FROM governance.cost_formula "
        "WHERE CAST(:reference AS text) IS NULL OR reference = :reference "
        "ORDER BY reference, version",
        {"reference": reference},
    )
    return [
        StoredFormula(
            row.reference,
            row.version,
            row.title,
            parse_formula(row.document),
            row.digest,
            row.stored_at,
            row.username,
            row.reason,
        )
        for row in rows
    ]


async def store_formula(
    session: WriteSession,
    reference: str,
    version: int,
    title: str,
    document: Mapping[str, Any],
    digest: bytes,
    username: str,
    reason: str,
) -> None:
    """Store a version of a formula."""
    await session.execute(
        "INSERT INTO governance.cost_formula "
        "(reference, version, title, document, digest, username, reason) "
        "VALUES (:reference, :version, :title, CAST(:document AS jsonb), :digest, :username, "
        ":reason)",
        {
            "reference": reference,
            "version": version,
            "title": title,
            "document": json.dumps(document),
            "digest": digest,
            "username": username,
            "reason": reason,
        },
    )


async def basis_sets(
    session: ReadSession, year: FinancialYear | None = None, measure: Measure | None = None
) -> list[BasisSet]:
    """Return every set of bases, or those of a year, a measure or both, the first one first."""
    rows = await session.rows(
        "SELECT s.*, (SELECT jsonb_object_agg(v.tenant_id, v.value) FROM governance.basis_value "
        "AS v WHERE v.basis_set_id = s.basis_set_id) AS found "
        "FROM governance.basis_set AS s "
        "WHERE (CAST(:year AS integer) IS NULL OR s.financial_year = :year) "
        "AND (CAST(:measure AS text) IS NULL OR s.measure = :measure) "
        "ORDER BY s.financial_year, s.measure, s.version",
        {
            "year": None if year is None else year.begins,
            "measure": None if measure is None else measure.value,
        },
    )
    return [_basis_set(row) for row in rows]


async def store_basis_set(
    session: WriteSession,
    year: FinancialYear,
    measure: Measure,
    version: int,
    source: str,
    source_checksum: str | None,
    digest: bytes,
    values: Mapping[TenantId, int],
    username: str,
    reason: str,
) -> UUID:
    """Store a set of bases with all its values."""
    basis_set_id: UUID = await session.value(
        "INSERT INTO governance.basis_set (financial_year, measure, version, source, "
        "source_checksum, digest, username, reason) VALUES (:year, :measure, :version, :source, "
        ":checksum, :digest, :username, :reason) RETURNING basis_set_id",
        {
            "year": year.begins,
            "measure": measure.value,
            "version": version,
            "source": source,
            "checksum": source_checksum,
            "digest": digest,
            "username": username,
            "reason": reason,
        },
    )
    await session.execute(
        "INSERT INTO governance.basis_value (basis_set_id, tenant_id, value) "
        "SELECT :set, * FROM unnest(CAST(:tenants AS smallint[]), CAST(:values AS bigint[]))",
        {"set": basis_set_id, "tenants": list(values), "values": list(values.values())},
    )
    return basis_set_id


async def freeze(session: WriteSession, basis_set_id: UUID, username: str) -> None:
    """Freeze a set of bases: from now on it speaks for its year, and no other is taken."""
    await session.execute(
        "UPDATE governance.basis_set SET frozen_at = now(), frozen_by = :username "
        "WHERE basis_set_id = :set",
        {"set": basis_set_id, "username": username},
    )


async def count_use(session: WriteSession, since: datetime, until: datetime) -> dict[TenantId, int]:
    """Return how many consultations each tenant made from a moment until another.

    The store answers only in a transaction that has logged an administrative act.
    """
    rows = await session.rows(
        "SELECT tenant_id, uses FROM audit.count_use(:since, :until)",
        {"since": since, "until": until},
    )
    return {TenantId(row.tenant_id): row.uses for row in rows}


def _basis_set(row: Row) -> BasisSet:
    return BasisSet(
        row.basis_set_id,
        FinancialYear(row.financial_year),
        Measure(row.measure),
        row.version,
        row.source,
        row.source_checksum,
        row.digest,
        row.frozen_at,
        row.frozen_by,
        row.stored_at,
        row.username,
        row.reason,
        {TenantId(int(tenant)): value for tenant, value in (row.found or {}).items()},
    )
