"""An import lets others have the processors first, and touches nobody's process but its own."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from athena.platform.kernel.standing_back import STEPS, parent_of, stand_back
from athena.records.names.repository import DICTIONARY
from support.cluster import Cluster


@asynccontextmanager
async def idle(*, of_its_own: bool) -> AsyncIterator[int]:
    """Yield a process that waits, in a session of its own or in ours."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import sys; print(flush=True); sys.stdin.read()",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=of_its_own,
    )
    assert process.stdout is not None
    await process.stdout.readline()  # by then it has its session
    try:
        yield process.pid
    finally:
        await process.communicate(b"")


def step_of(pid: int) -> int:
    return os.getpriority(os.PRIO_PROCESS, pid)


def step_of_session(pid: int) -> int | None:
    """Return how far the session of a process stands back; None where sessions don't count."""
    try:
        return int(Path(f"/proc/{pid}/autogroup").read_text().split()[-1])
    except (OSError, IndexError):
        return None


async def test_a_process_stands_back_with_the_session_that_it_leads() -> None:
    async with idle(of_its_own=True) as pid:
        stand_back(pid)
        assert step_of(pid) == STEPS
        assert step_of_session(pid) in (STEPS, None)


async def test_a_session_that_others_share_stays_as_it_is() -> None:
    before = step_of_session(os.getpid())
    async with idle(of_its_own=False) as pid:
        stand_back(pid)
        assert step_of(pid) == STEPS
        assert step_of_session(pid) == before
        assert parent_of(pid) == os.getpid()


async def test_a_process_that_is_gone_is_no_error() -> None:
    async with idle(of_its_own=True) as pid:
        pass
    stand_back(pid)


async def test_the_embedded_server_sets_back_its_own_processes_alone(
    cluster: Cluster, consortium: str
) -> None:
    if cluster.server is None:
        pytest.skip("a server of somebody else's is never set back")
    for behind in (False, True):
        store = replace(cluster.store(consortium), server=cluster.server, behind=behind)
        database = store.database()
        try:
            async with database.read(DICTIONARY) as session:
                serving = await session.value("SELECT pg_backend_pid()")
                assert (step_of(serving) == STEPS) is behind
        finally:
            await database.close()
    async with idle(of_its_own=True) as pid:
        cluster.server.set_back(pid)
        assert step_of(pid) == step_of(os.getpid())
