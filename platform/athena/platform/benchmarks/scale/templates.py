"""The nominals that others are made after, and the statements that give others their rows."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg
import numpy as np
from numpy.typing import NDArray

from athena.platform.benchmarks.scale.universe import Numbers
from athena.records.nominals.models import ROW_TABLES

FORCE_WEIGHTS = {
    "kent": 24.0,
    "essex": 22.0,
    "hertfordshire": 13.0,
    "west-mercia": 12.0,
    "norfolk": 9.0,
    "cambridgeshire": 8.0,
    "suffolk": 6.0,
    "bedfordshire": 5.0,
    "warwickshire": 1.0,
}
"""How many in a hundred nominals each force holds: one of them little, to see little by."""

TABLES = ("nominal", *(table.name for table in ROW_TABLES), "name_key", "location", "record",
          "source_reference", "change")  # fmt: skip
_CHILDREN = tuple(
    table.name
    for table in ROW_TABLES
    if table.name not in ("nominal_name", "address", "involvement")
)


@dataclass(frozen=True, slots=True)
class Templates:
    """What nominals are made after, in columns."""

    owners: NDArray[np.int16]
    labels: NDArray[np.int16]
    shares: NDArray[np.float64]
    precisions: NDArray[np.str_]
    name_templates: Numbers
    """The template of each recorded name, in order."""
    name_kinds: NDArray[np.int16]
    kinds: tuple[str, ...]


async def take_templates(connection: asyncpg.Connection) -> Templates:
    await connection.execute("CREATE SCHEMA bench")
    await connection.execute(
        """
        CREATE UNLOGGED TABLE bench.template AS
        SELECT (row_number() OVER (ORDER BY owner_force, nominal_id) - 1)::integer AS template,
               owner_force, nominal_id, label_id, date_of_birth_precision
        FROM records.nominal;
        CREATE UNLOGGED TABLE bench.person (
            person bigint, template integer, nominal_id uuid, day integer);
        CREATE UNLOGGED TABLE bench.name (
            owner_force smallint, nominal_id uuid, row_id uuid, label_id smallint,
            kind smallint, given integer, second integer, surname integer);
        """
    )
    for table in (*_CHILDREN, "address", "involvement", "nominal", "nominal_name"):
        await connection.execute(
            f"CREATE UNLOGGED TABLE bench.t_{table} AS SELECT b.template, c.* "
            f"FROM records.{table} AS c JOIN bench.template AS b USING (owner_force, nominal_id); "
            f"CREATE INDEX ON bench.t_{table} (template); ANALYZE bench.t_{table}"
        )
    rows = await connection.fetch(
        "SELECT b.*, t.slug FROM bench.template AS b JOIN tenants.tenant AS t "
        "ON t.tenant_id = b.owner_force ORDER BY template"
    )
    names = await connection.fetch(
        "SELECT template, kind FROM bench.t_nominal_name ORDER BY template, kind <> 'primary'"
    )
    kinds = tuple(sorted({row["kind"] for row in names}))
    of_force = {slug: sum(row["slug"] == slug for row in rows) for slug in FORCE_WEIGHTS}
    return Templates(
        np.asarray([row["owner_force"] for row in rows], dtype=np.int16),
        np.asarray([row["label_id"] for row in rows], dtype=np.int16),
        np.asarray([FORCE_WEIGHTS[row["slug"]] / of_force[row["slug"]] for row in rows]),
        np.asarray([row["date_of_birth_precision"] or "" for row in rows], dtype=np.str_),
        np.asarray([row["template"] for row in names], dtype=np.int64),
        np.asarray([kinds.index(row["kind"]) for row in names], dtype=np.int16),
        kinds,
    )


async def statements(connection: asyncpg.Connection) -> list[str]:
    """Return the statements that give people the rows of their templates."""
    own = {"nominal_id": "p.nominal_id", "row_id": _ROW_ID}
    own |= {"changed_at": "now()", "created_at": "now()", "changed_xid": "pg_current_xact_id()"}
    born = "CASE WHEN p.day > 0 THEN DATE '1899-12-31' + p.day END"
    value = "left(t.value, 2) || lpad(p.person::text, 9, '0')"
    of_table: dict[str, dict[str, str]] = {
        "nominal": {
            "date_of_birth": born,
            "date_of_death": f"CASE WHEN t.date_of_death >= {born} THEN t.date_of_death END",
        },
        "identifier": {"value": value},
    }
    statements = []
    for table in ("nominal", *_CHILDREN):
        columns = await _columns(connection, table)
        changed = {**own, **of_table.get(table, {})}
        chosen = ", ".join(changed.get(column, f"t.{column}") for column in columns)
        statements.append(
            f"INSERT INTO records.{table} ({', '.join(columns)}) SELECT {chosen} "
            f"FROM bench.person AS p JOIN bench.t_{table} AS t USING (template)"
        )
    return [*statements, *_OTHER_STATEMENTS]


_ROW_ID = "md5(t.row_id || p.person::text)::uuid"
"""As random as gen_random_uuid(), at a fifth of its cost; a benchmark has no secret to keep."""


async def _columns(connection: asyncpg.Connection, table: str) -> list[str]:
    rows = await connection.fetch(
        "SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 "
        "AND NOT attisdropped AND attgenerated = '' ORDER BY attnum",
        f"records.{table}",
    )
    return [row["attname"] for row in rows]


_OTHER_STATEMENTS = (
    """
    INSERT INTO records.nominal_name
        (owner_force, nominal_id, row_id, label_id, kind, given_names, surname)
    SELECT n.owner_force, n.nominal_id, n.row_id, n.label_id, k.name,
           g.name || coalesce(' ' || h.name, ''), s.name
    FROM bench.name AS n JOIN bench.kind AS k ON k.number = n.kind
    JOIN bench.given AS g ON g.number = n.given LEFT JOIN bench.given AS h ON h.number = n.second
    JOIN bench.surname AS s ON s.number = n.surname
    """,
    """
    WITH lived AS MATERIALIZED (
        SELECT t.*, p.nominal_id AS whose, p.person,
               md5('place' || t.row_id || p.person)::uuid AS place
        FROM bench.person AS p JOIN bench.t_address AS t USING (template)
    ), places AS (
        INSERT INTO records.location
            (owner_force, location_id, premises, street, town, county, postcode)
        SELECT a.owner_force, a.place, person % 180 || ' (' || a.person || ')', l.street, l.town,
               l.county, 'ZZ' || person % 98 + 1 || ' ' || person / 98 % 10
               || chr(65 + (person / 980 % 26)::integer)
               || chr(65 + (person / 25480 % 26)::integer)
        FROM lived AS a JOIN records.location AS l
             ON l.owner_force = a.owner_force AND l.location_id = a.location_id
    )
    INSERT INTO records.address
        (owner_force, nominal_id, row_id, label_id, kind, location_id, valid_from, valid_to)
    SELECT owner_force, whose, md5(place::text)::uuid, label_id, kind, place, valid_from, valid_to
    FROM lived
    """,
    """
    WITH part AS MATERIALIZED (
        SELECT t.*, p.nominal_id AS whose, md5('record' || t.row_id || p.person)::uuid AS header,
               p.person || '/' || row_number() OVER () AS number
        FROM bench.person AS p JOIN bench.t_involvement AS t USING (template)
    ), headers AS (
        INSERT INTO records.record (owner_force, record_id, record_class, record_number, label_id)
        SELECT i.owner_force, i.header, r.record_class, 'B' || i.number, i.label_id
        FROM part AS i JOIN records.record AS r
             ON r.owner_force = i.owner_force AND r.record_id = i.record_id
    )
    INSERT INTO records.involvement
        (owner_force, nominal_id, row_id, label_id, record_id, role, vulnerability_factors)
    SELECT owner_force, whose, md5(header::text)::uuid, label_id, header, role,
           vulnerability_factors
    FROM part
    """,
    """
    INSERT INTO records.source_reference (owner_force, source, source_id, nominal_id)
    SELECT b.owner_force, 'bulk', p.person::text, p.nominal_id
    FROM bench.person AS p JOIN bench.template AS b USING (template)
    """,
    """
    INSERT INTO records.change (owner_force, change_id, nominal_id, version, operation)
    SELECT b.owner_force, md5(p.nominal_id::text)::uuid, p.nominal_id, 1, 'created'
    FROM bench.person AS p JOIN bench.template AS b USING (template)
    """,
)
