"""The SQL of archives: their lines and digests, restoring, and the erasure of who has left."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from athena.platform.kernel.database import WriteSession
from athena.platform.kernel.identity import LabelId
from athena.policies.visibility.models import Alteration, Consultation
from athena.records.archive.models import TableDigest
from athena.records.nominals.models import Row

Content = Mapping[str, tuple[list[str], TableDigest]]
"""Of each table, the lines that the member sees and the digest of all there are."""


async def content(consultation: Consultation, labels: Mapping[LabelId, Row]) -> Content:
    """Return an archive's tables, all as of one moment, each after those it refers to."""
    rows = await consultation.session.rows(
        "SELECT d.table_name, d.row_count, d.sha256, ARRAY(SELECT x.line FROM "
        "records.archive_lines(d.table_name, :owner, CAST(:labels AS jsonb)) "
        "WITH ORDINALITY AS x (line, ord) ORDER BY x.ord) AS lines "
        "FROM records.archive_digest(:owner) AS d",
        {
            "owner": consultation.subject.tenant_id,
            "labels": json.dumps({str(number): label for number, label in labels.items()}),
        },
    )
    return {
        row.table_name: (row.lines, TableDigest(rows=row.row_count, sha256=row.sha256))
        for row in rows
    }


async def digests(consultation: Consultation) -> dict[str, TableDigest]:
    """Return the digest of each table of the own force, each after those it refers to."""
    rows = await consultation.session.rows(
        "SELECT table_name, row_count, sha256 FROM records.archive_digest(:owner)",
        {"owner": consultation.subject.tenant_id},
    )
    return {row.table_name: TableDigest(rows=row.row_count, sha256=row.sha256) for row in rows}


async def columns(consultation: Consultation, table: str) -> set[str]:
    """Return the fields that each line of a table's file has."""
    rows = await consultation.session.rows(
        "SELECT a.attname FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid "
        "WHERE c.relnamespace = CAST('records' AS regnamespace) AND c.relname = :table "
        "AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' "
        "AND a.attname NOT IN ('owner_force', 'changed_xid')",
        {"table": table},
    )
    return {"label" if row.attname == "label_id" else row.attname for row in rows}


async def intern_label(session: WriteSession, label: Mapping[str, Any]) -> LabelId:
    """Return the number that a label has in this store, made where it is new."""
    number = await session.value(
        "SELECT ctx.intern_label(:record_class, :marking, :handling, :conditions, :categories, "
        ":sensitive, :restricted, :sealed)",
        label,
    )
    return LabelId(number)


async def restore_history(alteration: Alteration, rows: Sequence[Row]) -> None:
    """Give restored nominals their history."""
    await alteration.session.value(
        "SELECT CAST(records.restore_history(CAST(:rows AS jsonb)) AS text)",
        {"rows": json.dumps(rows)},
    )


async def restore_exceptions(alteration: Alteration, table: str, rows: Sequence[Row]) -> None:
    """Give restored nominals their restrictions or locks, as they were set and by whom."""
    await alteration.session.value(
        "SELECT CAST(records.restore_exceptions(:table, CAST(:rows AS jsonb)) AS text)",
        {"table": table, "rows": json.dumps(rows)},
    )


async def restore_verdicts(alteration: Alteration) -> None:
    """Let restored decisions on two of the own force's nominals hold again."""
    await alteration.session.value("SELECT CAST(records.restore_verdicts() AS text)")


async def erase_tenant(session: WriteSession, slug: str, checksum: str | None) -> dict[str, Any]:
    """Erase whatever a suspended tenant owns; return counts before and after."""
    erased: dict[str, Any] = await session.value(
        "SELECT records.erase_tenant(:slug, :checksum)", {"slug": slug, "checksum": checksum}
    )
    return erased
