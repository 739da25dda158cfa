"""An import that is killed at any moment ends with the store of one that nobody disturbed."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from pathlib import Path

import asyncpg

from athena.platform.benchmarks.import_content import content_of
from athena.policies.agreements.founding import seed_baseline
from support.cluster import Cluster
from support.conversion import importer, write_old_file

ROWS, BATCH, KILLS, SEED = 2_000, 80, 5, 20_261_125
LAST_KILL = ROWS // BATCH // 2
"""Half of it is left then: a machine that looks late must not find it finished."""


async def rows_read(admin: asyncpg.Connection) -> int:
    """Return how far the checkpoint is."""
    return await admin.fetchval("SELECT coalesce(max(rows_read), 0) FROM records.import_run") or 0


async def prepared(cluster: Cluster, consortium: str) -> str:
    """Return a database with the baseline of agreements."""
    with cluster.locked():
        name = await cluster.create(consortium)
    database = cluster.store(name).database()
    await seed_baseline(database)
    await database.close()
    return name


async def test_killed_five_times_it_loads_the_same(
    cluster: Cluster, consortium: str, tmp_path: Path
) -> None:
    write_old_file(tmp_path, ROWS, SEED)
    draw = random.Random(SEED)
    marks = sorted(draw.sample(range(2, LAST_KILL), KILLS))
    killed = await prepared(cluster, consortium)
    admin = await cluster.admin(killed)
    try:
        for mark in marks:
            process = await importer(cluster, killed, tmp_path, BATCH)
            while process.returncode is None and await rows_read(admin) < mark * BATCH:
                with suppress(TimeoutError):
                    await asyncio.wait_for(process.wait(), 0.05)
            assert process.returncode is None, (await process.communicate())[1].decode()
            process.kill()
            await process.communicate()
        assert await rows_read(admin) < ROWS, "it was killed before its end, every time"
        process = await importer(cluster, killed, tmp_path, BATCH)
        _, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
        found = await content_of(admin)
        logged = await admin.fetchval(
            "SELECT count(DISTINCT n) FROM audit.content AS c JOIN audit.event AS e "
            "USING (at, event_id), jsonb_array_elements_text(c.content -> 'nominals') AS n "
            "WHERE e.action = 'nominals.imported' AND e.kind = 'collection'"
        )
        stored = await admin.fetchval("SELECT count(*) FROM records.nominal")
        state = await admin.fetchval("SELECT state FROM records.import_run")
    finally:
        await admin.close()
        await cluster.drop(killed)
    assert logged == stored > ROWS * 0.8
    assert state == "finished"

    undisturbed = await prepared(cluster, consortium)
    process = await importer(cluster, undisturbed, tmp_path, 700, ROWS + 1)
    _, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    admin = await cluster.admin(undisturbed)
    try:
        assert await content_of(admin) == found
    finally:
        await admin.close()
        await cluster.drop(undisturbed)
