"""The counts of one process: every request once, whatever happens between it and the store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from athena.governance.flags.repository import forces
from athena.governance.health import counting, repository
from athena.governance.health.counting import Tally
from athena.governance.health.models import Counts
from athena.platform.kernel.database import Database, StoreAddress, WriteSession
from athena.platform.kernel.errors import StoreUnavailableError
from athena.platform.kernel.identity import TenantId
from athena.tenants.consortium import FORCE_SLUGS
from support.cluster import Cluster


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
async def database(cluster: Cluster, consortium: str) -> AsyncIterator[Database]:
    with cluster.locked():
        name = await cluster.create(consortium)
    database = cluster.store(name).database()
    yield database
    await database.close()
    await cluster.drop(name)


_slugs = iter(FORCE_SLUGS)


@pytest.fixture
async def force(database: Database) -> TenantId:
    """Return a force of whom no other test has counted anything."""
    slug = next(_slugs)
    async with database.read("athena_amo") as session:
        rows = await forces(session)
    return next(TenantId(row.tenant_id) for row in rows if row.slug == slug)


async def stored(database: Database, force: TenantId, since: datetime) -> Counts:
    async with database.read("athena_amo") as session:
        return await repository.total(session, [force], since)


async def test_a_row_grows_ends_with_its_minute_and_at_a_switch(
    database: Database, force: TenantId
) -> None:
    clock = Clock()
    tally, begun = Tally(database, clock), clock.now
    for seconds in (0, 30, 59):
        clock.now = begun + timedelta(seconds=seconds)
        tally.add(force, 10.0, failed=seconds == 30)
        await tally.flush()
        await tally.flush()
    assert (await stored(database, force, begun)).requests == 3
    clock.now = minute = begun + timedelta(seconds=60)
    tally.add(force, 10.0, failed=False)
    clock.now = switched = begun + timedelta(seconds=70)
    tally.add(force, 10.0, failed=False)
    tally.begin_anew()
    tally.add(force, 10.0, failed=True)
    await tally.flush()
    found = [await stored(database, force, since) for since in (begun, minute, switched)]
    assert [(counts.requests, counts.errors) for counts in found] == [(6, 2), (3, 1), (1, 1)]


async def test_what_the_store_did_not_take_is_sent_again_and_counts_once(
    database: Database, force: TenantId, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    tally, begun = Tally(database, clock), clock.now
    tally.add(force, 10.0, failed=False)
    take = repository.put

    async def taken_without_an_answer(
        session: WriteSession, process: UUID, counts: Iterable[tuple[TenantId, datetime, Counts]]
    ) -> None:
        await take(session, process, counts)
        tally.add(force, 10.0, failed=False)  # a request that comes meanwhile
        raise StoreUnavailableError("broke off")

    with monkeypatch.context() as patch:
        patch.setattr(repository, "put", taken_without_an_answer)
        with pytest.raises(StoreUnavailableError):
            await tally.flush()
    await tally.flush()
    assert (await stored(database, force, begun)).requests == 2


async def test_a_store_that_is_away_for_long_costs_the_oldest_counts_alone(
    database: Database, force: TenantId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "MOST_UNSENT", 3)
    clock = Clock()
    nowhere = Database(StoreAddress("/nowhere", 1, "none"), b"x" * 32)
    tally, begun = Tally(nowhere, clock), clock.now
    for minute in range(5):
        clock.now = begun + timedelta(minutes=minute)
        tally.add(force, 10.0, failed=False)
    with pytest.raises(StoreUnavailableError):
        await tally.flush()
    tally.drop_oldest()
    monkeypatch.setattr(tally, "_database", database)
    await tally.flush()
    assert (await stored(database, force, begun)).requests == 3
    assert (await stored(database, force, begun + timedelta(minutes=2))).requests == 3
