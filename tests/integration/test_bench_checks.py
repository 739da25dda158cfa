"""The benchmark of person checks asks both ways, and in a batch, and is answered."""

from __future__ import annotations

from pathlib import Path

from athena.platform.benchmarks.checks import CLIENTS, GOAL, measure
from athena.platform.kernel.settings import Settings
from athena.platform.kernel.store import Store
from athena.policies.agreements.founding import seed_baseline
from support.cluster import Cluster


async def test_partners_and_officers_are_asked_the_same(
    fresh_store: Store, cluster: Cluster, tmp_path: Path
) -> None:
    database = fresh_store.database()
    await seed_baseline(database)
    await database.close()
    told: list[str] = []
    report = await measure(
        fresh_store, Settings(data_dir=tmp_path), 500, 20, 3, told.append, lambda _: None
    )
    assert report["goal"] == GOAL
    assert report["at_once"]["clients"] == CLIENTS
    for name in ("check_ms", "search_ms", "signature_ms", "decision_ms"):
        assert 0 < report[name]["p50"] <= report[name]["p95"] <= report[name]["p99"]
    measured = report["check_ms"]["p95"] / report["search_ms"]["p95"]
    assert abs(report["ratio_p95"] - measured) < 0.001
    admin = await cluster.admin(fresh_store.address.database)
    try:
        answered = await admin.fetchval(
            "SELECT count(*) FROM sharing.partner_batch_item WHERE state = 'answered'"
        )
    finally:
        await admin.close()
    assert report["batch"]["persons"] == answered > 0
    assert report["batch"]["persons_per_second"] > 0
    assert len(told) == 3
