"""What a force's login can still learn, as docs/threat-model.md names it: known and accepted.

A test holds that each still stands: one that no longer does must be taken out of the threat model.
"""

from __future__ import annotations

import asyncpg

from rls.attacks import Steps
from support.world import World


async def leaves_no_trace(connection: asyncpg.Connection, world: World) -> bool:
    """Read under a consultation, and roll it back with the transaction."""
    transaction = connection.transaction()
    await transaction.start()
    event = await connection.fetchval(
        "SELECT event_id FROM audit.append($1, 'consultation', 'x', 'x', '{}', '[]')",
        world.grants["kent"],
    )
    seen = await connection.fetch("SELECT 1 FROM records.nominal")
    await transaction.rollback()
    admin = await world.cluster.admin(world.database)
    try:
        logged = await admin.fetchval("SELECT true FROM audit.event WHERE event_id = $1", event)
    finally:
        await admin.close()
    return bool(seen) and not logged


async def counts_hidden_rows(connection: asyncpg.Connection, world: World) -> bool:
    """Tell by EXPLAIN, without a consultation, whether any force holds an identifier."""
    plans = []
    await connection.execute("SET enable_seqscan = off")
    for value in ("SECRET-closed", "no such value"):
        rows = await connection.fetch(
            "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) "
            f"SELECT 1 FROM records.identifier WHERE value = '{value}'"
        )
        plans.append([row[0] for row in rows if "Rows Removed by Filter" in row[0]])
    return plans[0] != plans[1]


async def knows_how_many(connection: asyncpg.Connection, world: World) -> bool:
    """Read, without a consultation, how many nominals all forces hold together."""
    told = await connection.fetchval(
        "SELECT reltuples FROM pg_class WHERE oid = 'records.nominal'::regclass"
    )
    return int(told) == len(world.nominals)


async def holds_everyone_up(connection: asyncpg.Connection, world: World) -> bool:
    """Lock a table against every other login."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute("LOCK TABLE records.nominal IN ACCESS EXCLUSIVE MODE")
        return True
    finally:
        await transaction.rollback()


RESIDUALS: dict[str, Steps] = {
    "reads and rolls the consultation back": leaves_no_trace,
    "learns from the catalogue how many rows all forces hold": knows_how_many,
    "holds every force up by a lock": holds_everyone_up,
    "learns from EXPLAIN that an identifier exists": counts_hidden_rows,
}
