"""Fills a scratch store with millions of nominals of production's shape, at COPY's speed.

Some thousand nominals come in through the real service and are templates: whatever rows it writes
of them, in whichever columns, every other nominal gets too, with ids, names and a date of birth of
its own. So the shape can't drift from what the service writes; `check` holds a sample of names to
the service's own code besides. Constraints, indexes and triggers come off while rows are loaded
and are put back as they were, which checks every row against them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
import numpy as np
from numpy.typing import NDArray

from athena.platform.benchmarks.scale.people import (
    People,
    draw_people,
    name_keys,
    pairs_of,
    random_ids,
)
from athena.platform.benchmarks.scale.rows import copy_columns
from athena.platform.benchmarks.scale.structure import taken_off
from athena.platform.benchmarks.scale.universe import Numbers, Universe, make_universe
from athena.platform.kernel.errors import AthenaError
from athena.records.names.keys import MOST_TERMS, TERM_BITS
from athena.records.names.normalise import name_pairs
from athena.records.nominals.models import ROW_TABLES

CHUNK = 250_000
CHECKED = 500
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
_OWN_NAME = "own_name"

Tell = Callable[[str], None]
Progress = Callable[[int], None]


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


@dataclass(frozen=True, slots=True)
class Filled:
    """Who is in the store, in columns: the truth that questions are drawn from."""

    universe: Universe
    people: People
    labels: NDArray[np.int16]
    templates: int


async def fill(
    connection: asyncpg.Connection, count: int, seed: int, tell: Tell, progress: Progress
) -> Filled:
    """Add nominals after the templates that the store holds; return who they are.

    ``connection`` is a superuser's, to a store that nobody else uses.
    """
    tell("Making up names")
    universe = universe_of(seed, count)
    await connection.execute("SET synchronous_commit = off")
    await connection.execute("SET maintenance_work_mem = '1GB'")
    await connection.execute("SET work_mem = '256MB'")
    templates = await _take_templates(connection)
    await _write_names(connection, universe, templates)
    terms = await _register_terms(connection, universe)
    draw = np.random.default_rng(seed)
    pairs: list[Numbers] = []
    drawn: list[People] = []
    tell("Loading rows without constraints, indexes and triggers")
    async with taken_off(connection, [f"records.{table}" for table in TABLES], tell):
        done = 0
        while done < count:
            people = draw_people(
                draw, universe, templates.shares, templates.precisions, min(CHUNK, count - done)
            )
            pairs.append(await _load(connection, draw, universe, terms, templates, people, done))
            drawn.append(people)
            done += len(people)
            progress(done)
    tell("Registering the names")
    await _register_pairs(connection, universe, terms, np.unique(np.concatenate(pairs)))
    tell("Vacuuming")
    for table in ("names.term", "names.pair", *(f"records.{table}" for table in TABLES)):
        await connection.execute(f"VACUUM (ANALYZE) {table}")
    await connection.execute("DROP SCHEMA bench CASCADE")
    people = _joined(drawn)
    await check(connection, people)
    return Filled(universe, people, templates.labels[people.templates], len(templates.owners))


def universe_of(seed: int, count: int) -> Universe:
    """Return the names that a number of people bears; ten million or more bear all there are."""
    return make_universe(seed, min(max(count / 10_000_000, 0.002), 1.0))


async def check(connection: asyncpg.Connection, people: People) -> None:
    """Hold a sample to the service's own code; AthenaError where a name's keys aren't its own."""
    step = max(len(people) // CHECKED, 1)
    rows = await connection.fetch(
        """
        SELECT m.given_names, m.surname, n.date_of_birth - DATE '1899-12-31' AS day,
               array_agg(k.name_key ORDER BY k.name_key) AS name_keys,
               array_agg(k.date_key ORDER BY k.name_key) AS date_keys,
               bool_and(k.label_id = n.label_id AND m.label_id = n.label_id) AS labelled
        FROM unnest($1::uuid[]) AS w (id) JOIN records.nominal AS n ON n.nominal_id = w.id
        JOIN records.nominal_name AS m USING (owner_force, nominal_id)
        JOIN records.name_key AS k ON k.owner_force = m.owner_force
             AND k.nominal_id = m.nominal_id AND k.name_row_id = m.row_id
        GROUP BY 1, 2, 3, m.row_id
        """,
        [bytes(row).hex() for row in people.ids[::step]],
    )
    tokens = {token for row in rows for pair in name_pairs(row[0], row[1]) for token in pair}
    registered = await connection.fetch(
        "SELECT token, term_id FROM names.term WHERE token = ANY($1)", list(tokens)
    )
    terms = {"": 0, **dict(map(tuple, registered))}
    for row in rows:
        pairs = np.asarray(
            [
                terms[family] << TERM_BITS | terms[given]
                for family, given in name_pairs(row["given_names"], row["surname"])
            ],
            dtype=np.int64,
        )
        keys, dates = name_keys(np.sort(pairs), np.full(len(pairs), row["day"] or 0))
        made = (keys.tolist(), dates.tolist(), True)
        if made != (row["name_keys"], row["date_keys"], row["labelled"]):
            raise AthenaError("The bulk loader gives a name other keys than the service does.")
    if len(rows) < len(people.ids[::step]):
        raise AthenaError("The bulk loader left nominals without a name.")


async def _take_templates(connection: asyncpg.Connection) -> Templates:
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


async def _write_names(
    connection: asyncpg.Connection, universe: Universe, templates: Templates
) -> None:
    for table, names in (("given", universe.given), ("surname", universe.surnames)):
        await connection.execute(f"CREATE UNLOGGED TABLE bench.{table} (number integer, name text)")
        await connection.copy_records_to_table(
            table, schema_name="bench", records=enumerate(names.written)
        )
        await connection.execute(f"ANALYZE bench.{table}")
    await connection.execute("CREATE UNLOGGED TABLE bench.kind (number smallint, name text)")
    await connection.copy_records_to_table(
        "kind", schema_name="bench", records=enumerate(templates.kinds)
    )


async def _register_terms(connection: asyncpg.Connection, universe: Universe) -> Numbers:
    """Return a number for each of the universe's tokens: the registered one, or a new one."""
    known = dict(map(tuple, await connection.fetch("SELECT token, term_id FROM names.term")))
    free = np.ones(MOST_TERMS + 1, dtype=np.bool_)
    free[[0, *known.values()]] = False
    drawn = np.random.default_rng(len(known)).permutation(np.flatnonzero(free))
    terms = drawn[: len(universe.tokens)].astype(np.int64)
    for place, token in enumerate(universe.tokens):
        if token in known:
            terms[place] = known[token]
    return terms


async def _register_pairs(
    connection: asyncpg.Connection, universe: Universe, terms: Numbers, pairs: Numbers
) -> None:
    used = np.zeros(MOST_TERMS + 1, dtype=np.bool_)
    used[pairs >> TERM_BITS] = used[pairs & MOST_TERMS] = True
    known = {row[0] for row in await connection.fetch("SELECT term_id FROM names.term")}
    await connection.copy_records_to_table(
        "term",
        schema_name="names",
        columns=["term_id", "token"],
        records=(
            (number, token)
            for number, token in zip(terms.tolist(), universe.tokens, strict=True)
            if used[number] and number not in known
        ),
    )
    there = [row[0] for row in await connection.fetch("SELECT pair FROM names.pair")]
    new = np.setdiff1d(pairs, np.asarray(there, dtype=np.int64), assume_unique=True)
    await copy_columns(connection, "names", "pair", {"pair": new})


async def _load(
    connection: asyncpg.Connection,
    draw: np.random.Generator,
    universe: Universe,
    terms: Numbers,
    templates: Templates,
    people: People,
    first: int,
) -> Numbers:
    """Load some people; return the pairs of their names."""
    await connection.execute("TRUNCATE bench.person, bench.name")
    await copy_columns(
        connection,
        "bench",
        "person",
        {
            "person": np.arange(first, first + len(people), dtype=np.int64),
            "template": people.templates.astype(np.int32),
            "nominal_id": people.ids,
            "day": people.days.astype(np.int32),
        },
    )
    bearers, kinds = _names_of(templates, people.templates)
    surnames = people.surnames[bearers]
    other = kinds != templates.kinds.index("primary")
    surnames[other] = universe.surnames.pick(draw, int(other.sum()))
    names: dict[str, Any] = {
        "owner_force": templates.owners[people.templates[bearers]],
        "nominal_id": people.ids[bearers],
        "row_id": random_ids(draw, len(bearers)),
        "label_id": templates.labels[people.templates[bearers]],
        "kind": kinds,
        "given": people.given[bearers].astype(np.int32),
        "second": people.second[bearers].astype(np.int32),
        "surname": surnames.astype(np.int32),
    }
    await copy_columns(connection, "bench", "name", names)
    rows, pairs = pairs_of(terms, universe, people.given[bearers], people.second[bearers], surnames)
    keys, dates = name_keys(pairs, people.days[bearers][rows])
    await copy_columns(
        connection,
        "records",
        "name_key",
        {
            "name_key": keys,
            "date_key": dates,
            "owner_force": names["owner_force"][rows],
            "nominal_id": names["nominal_id"][rows],
            "row_id": random_ids(draw, len(rows)),
            "label_id": names["label_id"][rows],
            "name_row_id": names["row_id"][rows],
        },
    )
    await connection.execute("ANALYZE bench.person, bench.name")
    for statement in await _statements(connection):
        await connection.execute(statement)
    return np.unique(pairs)


def _names_of(templates: Templates, chosen: Numbers) -> tuple[Numbers, NDArray[np.int16]]:
    """Return whose each name of some people is, and of which kind."""
    starts = np.searchsorted(templates.name_templates, np.arange(len(templates.owners) + 1))
    counts = np.diff(starts)[chosen]
    bearers = np.repeat(np.arange(len(chosen)), counts)
    within = np.arange(len(bearers)) - np.repeat(np.cumsum(counts) - counts, counts)
    return bearers, templates.name_kinds[starts[chosen][bearers] + within]


async def _statements(connection: asyncpg.Connection) -> list[str]:
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


def _joined(drawn: list[People]) -> People:
    return People(
        *(
            np.concatenate([getattr(part, name) for part in drawn])
            for name in People.__dataclass_fields__
        )
    )
