"""The benchmark of the walls measures something: both sides run, and answer alike."""

from __future__ import annotations

from pathlib import Path

from athena.platform.benchmarks.walls import compare, record
from athena.platform.kernel.settings import Settings
from athena.platform.kernel.store import Store
from athena.platform.runtime import running
from athena.policies.agreements.founding import seed_baseline


async def test_it_compares_what_was_really_run(fresh_store: Store, tmp_path: Path) -> None:
    database = fresh_store.database()
    await seed_baseline(database)
    await database.close()
    told: list[str] = []
    async with running(fresh_store, Settings(data_dir=tmp_path)) as runtime:
        recorded = await record(runtime, 600, 25, 3, told.append, lambda _: None)
    ran = {statement.sql for case in recorded.searches for statement in case}
    assert any("sharing.find_people" in sql for sql in ran)
    assert not any("sharing.search" in sql or "audit." in sql for sql in ran)
    report = await compare(fresh_store, recorded, told.append)
    for what in ("search", "reading"):
        assert report[what]["pairs"] == 25
        assert report[what]["statements"] >= 2
        assert report[what]["ratio"] > 0
    assert report["consultation_ms"]["logged"] > 0
