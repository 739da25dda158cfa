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
from athena.platform.benchmarks.scale.templates import TABLES, Templates, statements, take_templates
from athena.platform.benchmarks.scale.universe import Numbers, Universe, make_universe
from athena.platform.kernel.errors import AthenaError
from athena.records.names.keys import FURTHER, MOST_TERMS, PAIR_MASK, TERM_BITS
from athena.records.names.normalise import name_pairs

CHUNK = 250_000
CHECKED = 500
Tell = Callable[[str], None]
Progress = Callable[[int], None]


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
    templates = await take_templates(connection)
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
                terms[family] << TERM_BITS | terms[given] | (FURTHER if place else 0)
                for place, (family, given) in enumerate(
                    name_pairs(row["given_names"], row["surname"])
                )
            ],
            dtype=np.int64,
        )
        keys, dates = name_keys(np.sort(pairs), np.full(len(pairs), row["day"] or 0))
        made = (keys.tolist(), dates.tolist(), True)
        if made != (row["name_keys"], row["date_keys"], row["labelled"]):
            raise AthenaError("The bulk loader gives a name other keys than the service does.")
    if len(rows) < len(people.ids[::step]):
        raise AthenaError("The bulk loader left nominals without a name.")


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
    for statement in await statements(connection):
        await connection.execute(statement)
    return np.unique(pairs & PAIR_MASK)


def _names_of(templates: Templates, chosen: Numbers) -> tuple[Numbers, NDArray[np.int16]]:
    """Return whose each name of some people is, and of which kind."""
    starts = np.searchsorted(templates.name_templates, np.arange(len(templates.owners) + 1))
    counts = np.diff(starts)[chosen]
    bearers = np.repeat(np.arange(len(chosen)), counts)
    within = np.arange(len(bearers)) - np.repeat(np.cumsum(counts) - counts, counts)
    return bearers, templates.name_kinds[starts[chosen][bearers] + within]


def _joined(drawn: list[People]) -> People:
    return People(
        *(
            np.concatenate([getattr(part, name) for part in drawn])
            for name in People.__dataclass_fields__
        )
    )
