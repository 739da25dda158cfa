"""The SQL of nominals: every statement runs in a logged transaction, under the store's policies."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from asyncpg import PostgresError

from athena.platform.kernel.database import WriteSession
from athena.platform.kernel.errors import ConflictError, StoreUnavailableError
from athena.platform.kernel.identity import LabelId, NominalId, TenantId
from athena.platform.kernel.permits import sqlstate
from athena.policies.visibility.models import Alteration, Consultation
from athena.records.nominals.models import (
    NOMINAL_COLUMNS,
    LabelParts,
    RecordKey,
    Row,
    RowBatch,
    RowTable,
)
from athena.records.nominals.schemas import LocationDraft

_NAME_FORGOTTEN = "AT004"
_MERGED = "AT005"


async def intern_label(session: WriteSession, parts: LabelParts) -> LabelId:
    """Return the number of the label of some parts, made where it is new."""
    number = await session.value(
        "SELECT ctx.intern_label('nominal', :marking, :handling, :conditions, :categories, "
        ":sensitive, :restricted, :sealed)",
        parts._asdict(),
    )
    return LabelId(number)


async def insert_batch(alteration: Alteration, batch: RowBatch) -> None:
    """Insert rows of many tables, a statement for each table."""
    for table in RowBatch.TABLES:
        rows = batch.rows.get(table)
        if rows:
            await insert_rows(alteration, table, rows)


async def insert_rows(alteration: Alteration, table: str, rows: Sequence[Row]) -> None:
    """Insert rows of one table that all have the same columns."""
    columns = ", ".join(rows[0])
    try:
        await alteration.session.execute(
            f"INSERT INTO records.{table} ({columns}) SELECT {columns} "
            f"FROM jsonb_populate_recordset(CAST(NULL AS records.{table}), CAST(:rows AS jsonb))",
            {"rows": json.dumps(rows)},
        )
    except PostgresError as error:
        if sqlstate(error) != _NAME_FORGOTTEN:
            raise
        raise StoreUnavailableError(
            "The dictionary of names was cleaned meanwhile; nothing was changed, try again."
        ) from None


async def record_ids(
    alteration: Alteration, wanted: Mapping[RecordKey, LabelId]
) -> dict[RecordKey, UUID]:
    """Return the ids of the own force's record headers, by class and number, made where new.

    A new header starts with the label given for it: that of the nominal that brought it.
    """
    headers = [
        {"record_class": record_class, "record_number": number, "label_id": label_id}
        for (record_class, number), label_id in wanted.items()
    ]
    return dict(zip(wanted, await _interned(alteration, "records", headers), strict=True))


async def location_ids(
    alteration: Alteration, wanted: Collection[LocationDraft]
) -> dict[LocationDraft, UUID]:
    """Return the ids of places of the own force, made where they are new."""
    places = dict.fromkeys(wanted)
    rows = [place.model_dump(mode="json") for place in places]
    return dict(zip(places, await _interned(alteration, "locations", rows), strict=True))


async def _interned(alteration: Alteration, what: str, rows: Sequence[Row]) -> list[UUID]:
    if not rows:
        return []
    ids: list[UUID] = await alteration.session.value(
        f"SELECT records.intern_{what}(CAST(:rows AS jsonb))", {"rows": json.dumps(rows)}
    )
    return ids


async def nominals(
    consultation: Consultation,
    ids: Collection[tuple[TenantId, NominalId]],
    tables: Iterable[RowTable] = (),
) -> dict[NominalId, Row]:
    """Return the visible ones of some nominals with their names: the summary level.

    What they are called is the column ``called``. The visible rows of some child tables come with
    them, by section, in the same query.
    """
    if not ids:
        return {}
    owners, nominal_ids = zip(*ids, strict=True)
    sections = "".join(f", {_section(table)}" for table in tables)
    rows = await consultation.session.rows(
        "SELECT n.owner_force, n.nominal_id, n.label_id, n.version, n.sex, n.gender, "
        "n.date_of_birth, n.date_of_birth_precision, n.date_of_death, n.place_of_birth, "
        "n.changed_at, "
        "(SELECT jsonb_agg(jsonb_build_object('kind', m.kind, 'given_names', m.given_names, "
        "'surname', m.surname) ORDER BY m.kind <> 'primary', m.row_id) "
        "FROM records.nominal_name AS m WHERE m.owner_force = n.owner_force "
        f"AND m.nominal_id = n.nominal_id) AS called{sections} "
        "FROM unnest(CAST(:owners AS smallint[]), CAST(:ids AS uuid[])) AS w (owner, id) "
        "JOIN records.nominal AS n ON n.owner_force = w.owner AND n.nominal_id = w.id",
        {"owners": list(owners), "ids": list(nominal_ids)},
    )
    return {NominalId(row.nominal_id): row._asdict() for row in rows}


async def find_owner(consultation: Consultation, nominal_id: NominalId) -> TenantId | None:
    """Return the owner of a visible nominal, or None when there is none that may be seen."""
    owner = await consultation.session.value(
        "SELECT n.owner_force FROM tenants.tenant AS t JOIN records.nominal AS n "
        "ON n.owner_force = t.tenant_id AND n.nominal_id = :id",
        {"id": nominal_id},
    )
    return None if owner is None else TenantId(owner)


def _section(table: RowTable) -> str:
    """Return the SQL of all visible rows of a child table of one nominal, as one value."""
    return (
        f"(SELECT coalesce(jsonb_agg(to_jsonb(c) {_SHAPES.get(table.name, '')} "
        f"ORDER BY c.row_id), '[]') FROM records.{table.name} AS c {_JOINS.get(table.name, '')} "
        f"WHERE c.owner_force = n.owner_force AND c.nominal_id = n.nominal_id) AS {table.section}"
    )


_SHAPES = {
    "address": "|| jsonb_build_object('location', to_jsonb(l))",
    "involvement": (
        "|| jsonb_build_object('record_class', r.record_class, 'record_number', r.record_number)"
    ),
}
_JOINS = {
    "address": (
        "JOIN records.location AS l ON l.owner_force = c.owner_force "
        "AND l.location_id = c.location_id"
    ),
    "involvement": (
        "LEFT JOIN records.record AS r ON r.owner_force = c.owner_force "
        "AND r.record_id = c.record_id"
    ),
}


async def raise_version(
    alteration: Alteration,
    owner: TenantId,
    nominal_id: NominalId,
    version: int,
    label_id: LabelId,
    values: Row,
) -> bool:
    """Write the summary of a nominal as its next version; False if it isn't at ``version``."""
    assignments = ", ".join(f"{column} = new.{column}" for column in NOMINAL_COLUMNS)
    touched = await _changed(
        alteration,
        f"UPDATE records.nominal AS n SET version = n.version + 1, "
        f"label_id = :label, changed_at = now(), changed_xid = pg_current_xact_id(), {assignments} "
        "FROM jsonb_populate_record(CAST(NULL AS records.nominal), CAST(:values AS jsonb)) AS new "
        "WHERE n.owner_force = :owner AND n.nominal_id = :id AND n.version = :version",
        {
            "owner": owner,
            "id": nominal_id,
            "version": version,
            "label": label_id,
            "values": json.dumps(values),
        },
    )
    return touched == 1


async def remove_rows(
    alteration: Alteration,
    table: str,
    owner: TenantId,
    nominal_id: NominalId,
    row_ids: Collection[UUID],
) -> None:
    """Remove child rows; the store keeps what they were in the history."""
    await alteration.session.execute(
        f"DELETE FROM records.{table} WHERE owner_force = :owner AND nominal_id = :id "
        "AND row_id = ANY(CAST(:rows AS uuid[]))",
        {"owner": owner, "id": nominal_id, "rows": list(row_ids)},
    )


async def erase(
    alteration: Alteration, owner: TenantId, nominal_id: NominalId, version: int
) -> bool:
    """Erase a nominal with all that hangs on it, history too; False if not at ``version``."""
    touched = await _changed(
        alteration,
        "DELETE FROM records.nominal WHERE owner_force = :owner AND nominal_id = :id "
        "AND version = :version",
        {"owner": owner, "id": nominal_id, "version": version},
    )
    return touched == 1


async def _changed(alteration: Alteration, statement: str, values: Row) -> int:
    try:
        return await alteration.session.execute(statement, values)
    except PostgresError as error:
        if sqlstate(error) != _MERGED:
            raise
        raise ConflictError(
            "This nominal was merged into another: undo the merge before you change it."
        ) from None


async def history(
    consultation: Consultation, owner: TenantId, nominal_id: NominalId
) -> Sequence[Any]:
    """Return the replaced rows of a nominal that may be seen, the newest first."""
    return await consultation.session.rows(
        "SELECT scope, table_name, row_id, image, valid_from, replaced_at, replaced_by "
        "FROM records.history WHERE owner_force = :owner AND nominal_id = :id "
        "ORDER BY replaced_at DESC, table_name, row_id",
        {"owner": owner, "id": nominal_id},
    )


async def changes(consultation: Consultation, after: int, most: int) -> Sequence[Any]:
    """Return the own force's changes of transactions after one, about ``most``, whole transactions.

    The feed has no gaps: it stops before the oldest transaction that still runs, so that one that
    commits late is met by the next call.
    """
    return await consultation.session.rows(
        "SELECT nominal_id, version, operation, changed_at, CAST(CAST(changed_xid AS text) "
        "AS bigint) AS xid FROM records.change WHERE owner_force = :owner "
        "AND changed_xid > CAST(CAST(:after AS text) AS xid8) "
        "AND changed_xid < pg_snapshot_xmin(pg_current_snapshot()) "
        "ORDER BY changed_xid FETCH FIRST :most ROWS WITH TIES",
        {"owner": consultation.subject.tenant_id, "after": str(after), "most": most},
    )
