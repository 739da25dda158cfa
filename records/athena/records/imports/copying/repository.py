"""The SQL that brings a batch in: COPY into the session's own tables, then into those of records.

PostgreSQL refuses COPY into a table with row-level security (docs/adr/0014). The second step is an
INSERT of the force's own login as any other: policies, triggers and keys are asked.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from asyncpg import IntegrityConstraintViolationError

from athena.platform.kernel.errors import ConflictError
from athena.policies.visibility.models import Alteration
from athena.records.imports.models import Batch, Known
from athena.records.imports.staging import FIELD, NOTHING, QUOTE
from athena.records.names.keys import (
    DAY_SHIFT,
    FURTHER,
    GIVEN_SHIFT,
    SURNAME_SHIFT,
    TERM_BITS,
)

_OWNED = "CAST(:owner AS smallint), r.row_id, (CAST(:labels AS smallint[]))[r.label_no]"
_ROWS = (
    "JOIN pg_temp.import_nominal AS r ON r.n = s.n "
    "WHERE r.n BETWEEN CAST(:first AS integer) AND CAST(:last AS integer)"
)

_NOMINAL = f"""
    INSERT INTO records.nominal (owner_force, nominal_id, label_id, sex, gender, date_of_birth,
        date_of_birth_precision, date_of_death, place_of_birth)
    SELECT {_OWNED}, r.sex, r.gender, r.date_of_birth, r.date_of_birth_precision, r.date_of_death,
        r.place_of_birth
    FROM pg_temp.import_nominal AS r WHERE r.n BETWEEN :first AND :last
"""

_PLAIN = {
    "nominal_name": ("import_name", "kind, given_names, surname"),
    "identifier": ("import_identifier", "kind, value"),
    "contact": ("import_contact", "kind, value"),
    "description": ("import_description", "attribute, value"),
    "marker": ("import_marker", "code, note, valid_from, valid_to"),
    "assessment": ("import_assessment", "basis, text"),
}
"""Tables whose rows need nothing but their nominal: where they come from, and their columns."""

_CHILD = """
    INSERT INTO records.{table} (owner_force, nominal_id, label_id, row_id, {columns})
    SELECT {owned}, s.row_id, {values} FROM pg_temp.{staged} AS s {rows}
"""

_ADDRESS = f"""
    WITH wanted AS MATERIALIZED (
        SELECT p.* FROM pg_temp.import_place AS p
        WHERE p.n IN (SELECT s.place_no FROM pg_temp.import_address AS s {_ROWS})
    ), place AS MATERIALIZED (
        SELECT u.n, u.location_id FROM (
            SELECT array_agg(w.n) AS numbers, records.intern_places(array_agg(w.row_id),
                array_agg(w.premises), array_agg(w.street), array_agg(w.town),
                array_agg(w.county), array_agg(w.postcode), array_agg(w.uprn),
                array_agg(w.latitude), array_agg(w.longitude)) AS ids
            FROM wanted AS w) AS i
        CROSS JOIN LATERAL unnest(i.numbers, i.ids) AS u (n, location_id)
    )
    INSERT INTO records.address (owner_force, nominal_id, label_id, row_id, kind, location_id,
        valid_from, valid_to)
    SELECT {_OWNED}, s.row_id, s.kind, p.location_id, s.valid_from, s.valid_to
    FROM place AS p JOIN pg_temp.import_address AS s ON s.place_no = p.n {_ROWS}
"""

_INVOLVEMENT = f"""
    WITH wanted AS MATERIALIZED (
        SELECT DISTINCT ON (s.header_no) h.*, (CAST(:labels AS smallint[]))[r.label_no] AS label_id
        FROM pg_temp.import_header AS h
        JOIN pg_temp.import_involvement AS s ON s.header_no = h.n {_ROWS}
        ORDER BY s.header_no, r.n
    ), header AS MATERIALIZED (
        SELECT u.n, u.record_id FROM (
            SELECT array_agg(w.n) AS numbers, records.intern_headers(array_agg(w.row_id),
                array_agg(w.record_class), array_agg(w.record_number), array_agg(w.label_id))
                AS ids
            FROM wanted AS w) AS i
        CROSS JOIN LATERAL unnest(i.numbers, i.ids) AS u (n, record_id)
    )
    INSERT INTO records.involvement (owner_force, nominal_id, label_id, row_id, record_id, role,
        vulnerability_factors)
    SELECT {_OWNED}, s.row_id, h.record_id, s.role, s.vulnerability_factors
    FROM header AS h JOIN pg_temp.import_involvement AS s ON s.header_no = h.n {_ROWS}
"""

_KEY = f"""
    INSERT INTO records.name_key (owner_force, nominal_id, label_id, row_id, name_row_id, name_key,
        date_key)
    SELECT {_OWNED}, s.row_id, s.name_row_id,
        (t.surname << {SURNAME_SHIFT}) | (t.given << {GIVEN_SHIFT}) | r.day | s.further,
        (CAST(r.day AS bigint) << {DAY_SHIFT}) | (t.surname << {TERM_BITS}) | t.given | s.further
    FROM (
        -- The rows of a name stand in the order in which they were copied, its first pair first.
        SELECT k.*, CASE WHEN k.ctid > min(k.ctid) OVER (PARTITION BY k.name_row_id)
            THEN CAST({FURTHER} AS bigint) ELSE 0 END AS further
        FROM pg_temp.import_key AS k
    ) AS s
    CROSS JOIN LATERAL (SELECT
        coalesce(CAST((CAST(:terms AS integer[]))[s.surname_no] AS bigint), 0) AS surname,
        coalesce(CAST((CAST(:terms AS integer[]))[s.given_no] AS bigint), 0) AS given) AS t
    {_ROWS}
"""

_REFERENCE = """
    INSERT INTO records.source_reference (owner_force, source, source_id, nominal_id, run_id,
        row_number)
    SELECT CAST(:owner AS smallint), :source, r.source_id, r.row_id, CAST(:run AS uuid),
        CASE WHEN CAST(:run AS uuid) IS NOT NULL THEN r.row_number END
    FROM pg_temp.import_nominal AS r WHERE r.n <> ALL(CAST(:refused AS integer[]))
"""


async def stage(alteration: Alteration, batch: Batch, places: Collection[int]) -> None:
    """Copy a batch into tables of this session, which are empty again after the transaction.

    ``places`` are the numbers of the nominals to load, in their order.
    """
    session = alteration.session
    await session.value("SELECT records.stage_import()")
    for table, lines in batch.tables.items():
        await session.copy_in(table, lines, field=FIELD, quote=QUOTE, nothing=NOTHING)
    left = {row.place for row in batch.nominals()} - set(places)
    if left:
        await session.execute(
            "DELETE FROM pg_temp.import_nominal WHERE n = ANY(CAST(:left AS integer[]))",
            {"left": sorted(left)},
        )


async def write(alteration: Alteration, batch: Batch, known: Known, first: int, last: int) -> None:
    """Write the staged nominals from one number to another, and what is theirs alone."""
    session = alteration.session
    labelled = _labelled(alteration, known, first, last)
    await session.execute(_NOMINAL, labelled)
    for table, (staged, columns) in _PLAIN.items():
        if staged in batch.tables:
            await session.execute(_child(table, staged, columns), labelled)
    await session.execute(_KEY, {**labelled, "terms": list(known.terms)})


async def write_shared(
    alteration: Alteration, batch: Batch, known: Known, first: int, last: int
) -> None:
    """Write their addresses and involvements: places and headers may be other batches' too.

    Who has made a place makes others that mean it wait until the end of the transaction.
    """
    labelled = _labelled(alteration, known, first, last)
    if "import_address" in batch.tables:
        await alteration.session.execute(_ADDRESS, labelled)
    if "import_involvement" in batch.tables:
        await alteration.session.execute(_INVOLVEMENT, labelled)


def _labelled(alteration: Alteration, known: Known, first: int, last: int) -> dict[str, Any]:
    return {
        "owner": alteration.subject.tenant_id,
        "labels": list(known.labels),
        "first": first,
        "last": last,
    }


async def refer(
    alteration: Alteration, source: str, run_id: UUID | None, refused: Collection[int]
) -> None:
    """Note which rows of a source the nominals come from; ConflictError if they're noted."""
    values = {
        "owner": alteration.subject.tenant_id,
        "source": source,
        "run": run_id,
        "refused": list(refused),
    }
    try:
        async with alteration.session.savepoint():
            await alteration.session.execute(_REFERENCE, values)
    except IntegrityConstraintViolationError:
        # Imported a moment ago, or of a record that is locked against whoever imports.
        raise ConflictError(
            "Some of these rows came in under the same ids already; import the file again, "
            "or let another records manager import it."
        ) from None


def _child(table: str, staged: str, columns: str) -> str:
    values = ", ".join(f"s.{column}" for column in columns.split(", "))
    return _CHILD.format(
        table=table, columns=columns, owned=_OWNED, values=values, staged=staged, rows=_ROWS
    )
