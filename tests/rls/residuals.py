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


RESIDUALS: dict[str, Steps] = {
    "reads and rolls the consultation back": leaves_no_trace,
    "learns from EXPLAIN that an identifier exists": counts_hidden_rows,
}
