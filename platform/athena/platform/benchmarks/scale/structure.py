"""Takes constraints, indexes and triggers off tables, and puts them back as they were."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import asyncpg

_CONSTRAINTS = """
    SELECT conrelid::regclass::text AS table, quote_ident(conname) AS name, contype::text AS kind,
           pg_get_constraintdef(oid) AS definition
    FROM pg_constraint
    WHERE contype IN ('p', 'u', 'f') AND conparentid = 0
      AND (conrelid = ANY($1::text[]::regclass[]) OR confrelid = ANY($1::text[]::regclass[]))
    ORDER BY contype = 'f', conrelid::regclass::text, conname
"""
_INDEXES = """
    SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition
    FROM pg_index AS i
    WHERE indrelid = ANY($1::text[]::regclass[])
      AND NOT EXISTS (SELECT FROM pg_constraint AS c
                      WHERE c.conindid = i.indexrelid AND c.contype IN ('p', 'u'))
    ORDER BY 1
"""


@asynccontextmanager
async def taken_off(
    connection: asyncpg.Connection, tables: Sequence[str], tell: Callable[[str], None]
) -> AsyncIterator[None]:
    """Hold tables without constraints, indexes and triggers; at the end all are back and checked.

    ``connection`` is a superuser's; what it writes meanwhile fires no trigger.
    """
    constraints = await connection.fetch(_CONSTRAINTS, list(tables))
    indexes = await connection.fetch(_INDEXES, list(tables))
    for row in reversed(constraints):  # those that refer to others first
        await connection.execute(f"ALTER TABLE {row['table']} DROP CONSTRAINT {row['name']}")
    for row in indexes:
        await connection.execute(f"DROP INDEX {row['name']}")
    await connection.execute("SET session_replication_role = replica")
    yield
    await connection.execute("SET session_replication_role = origin")
    keys = [row for row in constraints if row["kind"] != "f"]
    references = [row for row in constraints if row["kind"] == "f"]
    for number, row in enumerate(keys, start=1):
        tell(f"Putting key {number} of {len(keys)} back: {row['table']}")
        await _add(connection, row)
    for number, row in enumerate(indexes, start=1):
        tell(f"Putting index {number} of {len(indexes)} back: {row['name']}")
        await connection.execute(row["definition"])
    for number, row in enumerate(references, start=1):
        tell(f"Checking reference {number} of {len(references)}: {row['table']} {row['name']}")
        await _add(connection, row)
        await asyncio.sleep(0)


async def _add(connection: asyncpg.Connection, row: asyncpg.Record) -> None:
    await connection.execute(
        f"ALTER TABLE {row['table']} ADD CONSTRAINT {row['name']} {row['definition']}"
    )
