"""Switches and the gate over a real store, as the client body's login uses them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from athena.governance.flags import repository
from athena.governance.flags.models import FEATURES
from athena.governance.flags.switching import switch
from athena.governance.health import repository as counts
from athena.governance.health.gate import Budget, Outcome, judge
from athena.governance.health.models import Counts
from athena.platform.kernel.database import Database
from athena.platform.kernel.errors import InvalidInputError
from athena.platform.kernel.features import BREAK_GLASS, LINK_SUGGESTIONS
from athena.platform.kernel.identity import TenantId
from support.cluster import Cluster

AMO = "athena_amo"
MOMENT = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
BUDGET = Budget(minimum_requests=100, error_rate=0.01, p95_milliseconds=500)


@pytest.fixture(scope="module")
async def database(cluster: Cluster, consortium: str) -> AsyncIterator[Database]:
    with cluster.locked():
        name = await cluster.create(consortium)
    database = cluster.store(name).database()
    yield database
    await database.close()
    await cluster.drop(name)


@pytest.fixture(scope="module")
async def forces(database: Database) -> dict[str, TenantId]:
    async with database.read(AMO) as session:
        return {row.slug: TenantId(row.tenant_id) for row in await repository.forces(session)}


async def test_a_switch_is_for_its_forces_and_features_alone(
    database: Database, forces: dict[str, TenantId]
) -> None:
    kent, essex = forces["kent"], forces["essex"]
    async with database.write(AMO) as session:
        await switch(session, list(FEATURES), [kent, essex], on=True, release="R-1")
        await switch(session, [BREAK_GLASS], [kent], on=False, release="R-2")
    async with database.read(repository.MONITOR) as session:
        found = await repository.every(session)
    assert {key: (held.on, held.release) for key, held in found.items()} == {
        (BREAK_GLASS, kent): (False, "R-2"),
        (BREAK_GLASS, essex): (True, "R-1"),
        (LINK_SUGGESTIONS, kent): (True, "R-1"),
        (LINK_SUGGESTIONS, essex): (True, "R-1"),
    }
    async with database.read("athena_kent") as session:
        assert {force for _, force in await repository.every(session)} == {kent}


@pytest.mark.parametrize(
    ("features", "force", "release", "told"),
    [
        (["hover-boards"], "kent", "R-1", "no feature 'hover-boards'"),
        ([BREAK_GLASS], "amo", "R-1", "for forces only"),
        ([BREAK_GLASS], "kent", "", "Name the release"),
        ([BREAK_GLASS], "kent", "R" * 101, "Name the release"),
    ],
)
async def test_what_is_no_switch_is_refused_whole(
    database: Database,
    forces: dict[str, TenantId],
    features: list[str],
    force: str,
    release: str,
    told: str,
) -> None:
    async with database.read(repository.MONITOR) as session:
        before = await repository.every(session)
    async with database.read(AMO) as session:
        amo = TenantId(await session.value("SELECT ctx.session_tenant()"))
    meant = [forces["essex"], {**forces, "amo": amo}[force]]
    with pytest.raises(InvalidInputError, match=told):
        async with database.write(AMO) as session:
            await switch(session, features, meant, on=False, release=release)
    async with database.read(repository.MONITOR) as session:
        assert await repository.every(session) == before


async def test_the_gate_sums_every_process_and_reads_no_other_force(
    database: Database, forces: dict[str, TenantId]
) -> None:
    kent, essex, norfolk = (forces[slug] for slug in ("kent", "essex", "norfolk"))
    since = MOMENT.replace(year=datetime.now(UTC).year + 1)  # nobody else's counts are there

    def counted(requests: int, errors: int = 0) -> Counts:
        one = Counts()
        for number in range(requests):
            one.add(100.0, failed=number < errors)
        return one

    async with database.write(counts.MONITOR) as writing:
        for process in (uuid4(), uuid4()):
            await counts.put(
                writing,
                process,
                [
                    (kent, since, counted(40)),
                    (essex, since + timedelta(seconds=20), counted(20)),
                    (norfolk, since, counted(200, errors=200)),
                    (kent, since - timedelta(microseconds=1), counted(200, errors=200)),
                ],
            )
    async with database.read(AMO) as session:
        ring = await judge(session, [kent, essex], since, BUDGET)
        alone = await judge(session, [kent], since, BUDGET)
        broken = await judge(session, [norfolk], since, BUDGET)
    assert (ring.outcome, ring.figures.requests, ring.figures.errors) == (Outcome.PASS, 120, 0)
    assert (alone.outcome, alone.figures.requests) == (Outcome.TOO_LITTLE, 80)
    assert (broken.outcome, broken.figures.errors) == (Outcome.HOLD, 400)
    async with database.read("athena_essex") as session:
        seen = await counts.total(session, [kent, essex, norfolk], since)
    assert seen.requests == 40


async def test_counting_on_replaces_and_what_is_old_goes(
    database: Database, forces: dict[str, TenantId]
) -> None:
    process, kent, now = uuid4(), forces["kent"], datetime.now(UTC)
    old, young = now - timedelta(days=7, minutes=1), now - timedelta(days=6)
    growing = Counts()
    for _ in range(3):
        growing.add(3.0, failed=False)
        async with database.write(counts.MONITOR) as writing:
            await counts.put(writing, process, [(kent, old, growing), (kent, young, growing)])
    async with database.read(AMO) as session:
        assert (await counts.total(session, [kent], young)).requests >= 3
        before = await counts.total(session, [kent], old)
    async with database.write(counts.MONITOR) as writing:
        assert await counts.forget_old(writing) == 1
        assert await counts.forget_old(writing) == 0
    async with database.read(AMO) as session:
        after = await counts.total(session, [kent], old)
    assert before.requests - after.requests == 3
