"""What a transaction may see is looked up, however many others have looked in the last minutes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from support.cluster import Cluster
from support.world import World, loaded_world, open_consultation

ASKING = (
    "SELECT ctx.open_grant_set()",
    "SELECT ctx.visible_labels('match')",
    "SELECT ctx.shown_labels('summary')",
    "SELECT ctx.excepts()",
    "SELECT ctx.session_member()",
    "SELECT count(*) FROM ctx.granted_records('match')",
    "SELECT count(*) FROM ctx.withheld_records('match')",
    "SELECT count(*) FROM records.name_key",
    "SELECT count(*) FROM records.nominal",
)
SCANS = "SELECT pg_stat_get_xact_numscans($1::oid)"
"""How often this transaction has read a table from end to end, or looked into an index."""


@pytest.fixture(scope="module")
async def world(cluster: Cluster, consortium: str) -> AsyncIterator[World]:
    """Yield a loaded world."""
    async with loaded_world(cluster, consortium) as made:
        yield made


@pytest.mark.parametrize("asking", ASKING)
async def test_the_open_consultation_is_found_in_its_index(
    world: World, cluster: Cluster, asking: str
) -> None:
    admin = await cluster.admin(world.database)
    table, index = await admin.fetchrow(
        "SELECT 'ctx.consultation'::regclass::oid, 'ctx.consultation_pkey'::regclass::oid"
    )
    await admin.close()
    connection = await world.as_login("athena_kent")
    try:
        async with connection.transaction():
            await open_consultation(connection, world.grants["kent"])
            before = await connection.fetchval(SCANS, index)
            assert await connection.fetchval(asking) is not None
            assert await connection.fetchval(SCANS, index) > before
            assert await connection.fetchval(SCANS, table) == 0
    finally:
        await connection.close()


async def test_nothing_is_read_whole_to_find_it(world: World, cluster: Cluster) -> None:
    """A plan that has to read a table whole would be priced, and compiled, as if it took hours."""
    admin = await cluster.admin(world.database)
    try:
        async with admin.transaction():
            await admin.execute("SET LOCAL enable_seqscan = off; SET LOCAL ROLE athena_visibility")
            plan = await admin.fetch(
                "EXPLAIN SELECT s.shown FROM ctx.open_consultation AS o "
                "JOIN ctx.grant_scope AS s ON s.grant_set_id = o.grant_set_id "
                "WHERE s.scope = 'match'"
            )
    finally:
        await admin.close()
    told = "\n".join(row[0] for row in plan)
    assert "consultation_pkey" in told
    assert "Seq Scan" not in told
