"""A switch is in force in every process, and the gate judges by what every process answered."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from athena.governance.flags import repository
from athena.governance.flags.switching import switch
from athena.governance.health.gate import Budget, Outcome, Verdict, judge
from athena.platform.kernel.database import Database
from athena.platform.kernel.features import BREAK_GLASS, LINK_SUGGESTIONS
from athena.platform.kernel.identity import TenantId
from athena.platform.kernel.settings import Settings
from athena.platform.kernel.store import Store, data_dir
from athena.platform.kernel.tokens import TokenIssuer
from athena.policies.agreements.founding import seed_baseline
from athena.tenants.members.service import subject_by_username
from support.cluster import ROOT, Cluster
from support.waiting import PATIENCE, until

AMO = "athena_amo"
NOTICED, UNTOLD = range(2)
"""A process that only a notice wakes, and one that no notice reaches."""

BROKEN = "norfolk"
"""For whose members one route of the second process fails."""

BUDGET = Budget(minimum_requests=40, error_rate=0.05, p95_milliseconds=15_000)
PURPOSE = {"Athena-Purpose": "investigation", "Athena-Reason": "A test of the platform"}


@dataclass
class Servers:
    """The processes, and what it takes to call them and to switch."""

    database: Database
    tokens: TokenIssuer
    clients: list[httpx.AsyncClient]
    forces: dict[str, TenantId] = field(default_factory=dict)
    _bearer: dict[str, str] = field(default_factory=dict)

    async def get(self, process: int, username: str, path: str) -> httpx.Response:
        """Read something from a process as a member, each time over a connection of its own.

        A server closes the connection on which a fault came up.
        """
        headers = await self.who(username) | {"Connection": "close"}
        return await self.clients[process].get(f"/api/v1/{path}", headers=headers)

    async def who(self, username: str) -> dict[str, str]:
        """Return the headers of a member's calls."""
        if username not in self._bearer:
            subject = await subject_by_username(self.database, username)
            self._bearer[username] = self.tokens.issue(subject.member_id)
        return PURPOSE | {"Authorization": f"Bearer {self._bearer[username]}"}

    async def switch(self, feature: str, force: str, *, on: bool) -> datetime:
        """Switch a feature for a force; return the store's time of it."""
        async with self.database.write(AMO) as session:
            await switch(session, [feature], [self.forces[force]], on=on, release="R-7")
            moment: datetime = await session.value("SELECT now()")
        return moment

    async def live(self, process: int, force: str) -> bool:
        """Whether a process has link suggestions for a force, as its members meet it."""
        answer = await self.get(process, f"supervisor.{force}", "links")
        if answer.status_code == 200:
            return True
        problem = answer.json()
        assert (answer.status_code, problem["type"]) == (403, "urn:athena:problem:feature-not-live")
        assert "aren't live for your force" in problem["detail"]
        return False

    async def counting(self, force: str, since: datetime) -> int:
        """Return how many processes have counted something of a force since a moment."""
        async with self.database.read(AMO) as session:
            processes: int = await session.value(
                "SELECT count(DISTINCT process) FROM governance.request_count "
                "WHERE tenant_id = :force AND began_at >= :since",
                {"force": self.forces[force], "since": since},
            )
        return processes

    async def judged(self, forces: list[str], since: datetime, requests: int) -> Verdict:
        """Return the gate's verdict, once so many requests have been counted."""

        async def verdict() -> Verdict:
            async with self.database.read(AMO) as session:
                return await judge(session, [self.forces[force] for force in forces], since, BUDGET)

        async def counted() -> bool:
            return (await verdict()).figures.requests >= requests

        await until(counted)
        return await verdict()


@asynccontextmanager
async def server(
    store: Store, directory: Path, *, notices: bool, fails_for: list[str]
) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of a server process."""
    told = {
        "host": store.address.host,
        "port": store.address.port,
        "database": store.address.database,
        "admin_url": store.admin_url.render_as_string(hide_password=False),
        "secret": store.master_secret.decode(),
        "directory": str(directory),
        "notices": notices,
        "fails_for": fails_for,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "tests" / "support" / "server_process.py"),
        json.dumps(told),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            port = int(await process.stdout.readline())
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE
        ) as client:
            yield client
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.fixture(scope="module")
async def servers(
    cluster: Cluster, consortium: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Servers]:
    with cluster.locked():
        name = await cluster.create(consortium)
    store, directory = cluster.store(name), tmp_path_factory.mktemp("data")
    database = store.database()
    await seed_baseline(database)
    settings = Settings(data_dir=directory)
    tokens = TokenIssuer.open(settings, data_dir(settings))
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(
                server(store, directory, notices=notices, fails_for=fails_for)
            )
            for notices, fails_for in ((True, []), (False, [BROKEN]))
        ]
        running = Servers(database, tokens, clients)
        async with database.read(AMO) as session:
            rows = await repository.forces(session)
        running.forces = {row.slug: TenantId(row.tenant_id) for row in rows}
        yield running
    await database.close()
    await cluster.drop(name)


@pytest.mark.parametrize("process", [NOTICED, UNTOLD])
async def test_a_switch_is_seen_by_notice_and_without_one(servers: Servers, process: int) -> None:
    assert await servers.live(process, "kent")
    for on in (False, True):
        await servers.switch(LINK_SUGGESTIONS, "kent", on=on)

        async def seen(on: bool = on) -> bool:
            return await servers.live(process, "kent") is on

        await until(seen)
        assert await servers.live(process, "essex")


async def test_a_switch_under_load_fails_nothing_and_changes_nothing_else(
    servers: Servers,
) -> None:
    stop = asyncio.Event()
    answered: Counter[tuple[str, str, int]] = Counter()

    async def ask(process: int, force: str, path: str) -> None:
        while not stop.is_set():
            answer = await servers.get(process, f"supervisor.{force}", path)
            answered[force, path, answer.status_code] += 1

    calls = [
        asyncio.create_task(ask(process, force, path))
        for process in (NOTICED, UNTOLD)
        for force in ("kent", "essex")
        for path in ("links", "governance/features")
    ]

    async def off_everywhere() -> bool:
        return not any([await servers.live(process, "kent") for process in (NOTICED, UNTOLD)])

    async def on_everywhere() -> bool:
        return all([await servers.live(process, "kent") for process in (NOTICED, UNTOLD)])

    try:
        for _ in range(3):
            await servers.switch(LINK_SUGGESTIONS, "kent", on=False)
            await until(off_everywhere)
            await servers.switch(LINK_SUGGESTIONS, "kent", on=True)
            await until(on_everywhere)
    finally:
        stop.set()
        await asyncio.gather(*calls)
    assert set(answered) == {
        ("kent", "links", 200),
        ("kent", "links", 403),
        ("kent", "governance/features", 200),
        ("essex", "links", 200),
        ("essex", "governance/features", 200),
    }


async def test_errors_in_a_ring_hold_it_and_another_forces_do_not(servers: Servers) -> None:
    since = await servers.switch(BREAK_GLASS, BROKEN, on=True)
    await servers.switch(BREAK_GLASS, "suffolk", on=True)

    async def features(process: int, force: str, times: int) -> Counter[int]:
        answers = [
            await servers.get(process, f"supervisor.{force}", "governance/features")
            for _ in range(times)
        ]
        return Counter(answer.status_code for answer in answers)

    # A process counts anew from when it sees the switch: what it answers before counts for nothing.
    for count, process in enumerate((NOTICED, UNTOLD), start=1):

        async def counts(process: int = process, count: int = count) -> bool:
            await features(process, "suffolk", 1)
            return await servers.counting("suffolk", since) == count

        await until(counts)
    before = await servers.judged(["suffolk"], since, 1)
    assert before.outcome is Outcome.TOO_LITTLE
    for process in (NOTICED, UNTOLD):
        assert await features(process, "suffolk", 30) == {200: 30}
    good = await servers.judged(["suffolk"], since, before.figures.requests + 60)
    assert good.outcome is Outcome.PASS
    assert await features(NOTICED, BROKEN, 40) == {200: 40}
    assert await features(UNTOLD, BROKEN, 10) == {500: 10}
    bad = await servers.judged([BROKEN], since, 50)
    assert bad.outcome is Outcome.HOLD
    assert bad.figures.errors == 10
    assert "10 failed" in bad.sentence
    ring = await servers.judged([BROKEN, "suffolk"], since, 110)
    assert ring.outcome is Outcome.HOLD
    assert (await servers.judged(["suffolk"], since, 60)).outcome is Outcome.PASS
    page = (await servers.clients[UNTOLD].get("/metrics")).text
    assert f'athena_requests_total{{failed="yes",force="{BROKEN}",route="governance"}} 10.0' in page
    assert "supervisor" not in page
