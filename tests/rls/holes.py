"""Attacks that the store does not stop yet: each test of them is expected to fail, strictly.

A hole that is closed turns its test into a failure, which says: move the attack to the others.
"""

from __future__ import annotations

import asyncio
import json
from uuid import uuid4

import asyncpg

from rls.attacks import Steps
from support.world import World, open_consultation


async def outlives_its_grant(connection: asyncpg.Connection, world: World) -> bool:
    """Hold a transaction open past the expiry of its grant set, and read what's new."""
    writer = await world.as_login("athena_policy_writer")
    try:
        grant = await writer.fetchval(
            "SELECT ctx.store_grant_set('athena_kent', $1, $2, 'x', '{}', 'x', $2, "
            "(SELECT revision FROM ctx.policy_versions()), 0, 1, $3)",
            world.kent,
            uuid4(),
            json.dumps({"summary": [world.labels["open"]]}),
        )
    finally:
        await writer.close()
    async with connection.transaction():
        await open_consultation(connection, grant)
        await asyncio.sleep(1.2)
        return bool(await connection.fetch("SELECT 1 FROM records.nominal"))


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


async def stores_unseen(connection: asyncpg.Connection, world: World) -> bool:
    """Write a large object, without an event, and give it to another force."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        number = await connection.fetchval("SELECT lo_from_bytea(0, 'unseen')")
        await connection.execute(f"GRANT SELECT ON LARGE OBJECT {number} TO athena_essex")
        return True
    finally:
        await transaction.rollback()


HOLES: dict[str, Steps] = {
    "reads on after its grant set expired": outlives_its_grant,
    "reads and rolls the consultation back": leaves_no_trace,
    "learns from EXPLAIN that an identifier exists": counts_hidden_rows,
    "hands over data in a large object": stores_unseen,
}
