"""Fixtures that every kind of test shares: the server, the databases, what the machine lacks."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))

from athena.platform.kernel import database
from athena.platform.kernel.store import Store
from support.cluster import Cluster, running_cluster
from support.places import RUN_DIRECTORY, make_run_directory
from support.standby import HotStandby, hot_standby
from support.waiting import PATIENCE

settings.register_profile(
    "athena",
    # How long an example takes is a property of the machine, and so is how many are drawn.
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
    print_blob=True,
)
settings.register_profile("anew", settings.get_profile("athena"), derandomize=False)
settings.load_profile("athena")
"""A change is judged by the same examples each time; `--hypothesis-profile anew` draws others."""

database.WAIT_SECONDS = PATIENCE  # a busy machine is no fault of the store's

TOOLS = Path(__file__).parents[1] / ".tools" / "bin"

NEEDED = {
    "needs_opa": ("opa", "OPA isn't on PATH nor in .tools; `make policies` installs it"),
    "needs_postgresql_15": (
        "/usr/lib/postgresql/15/bin/postgres",
        "PostgreSQL 15's server programs aren't installed (Debian: postgresql-15)",
    ),
    "needs_browser": ("chromium", "Chromium isn't on PATH (Debian: chromium)"),
    "needs_pgbouncer": ("pgbouncer", "PgBouncer isn't on PATH (Debian: pgbouncer)"),
}


def pytest_configure(config: pytest.Config) -> None:
    """Let tests find the tools that the Makefile installs, and workers their run's directory."""
    os.environ["PATH"] += f"{os.pathsep}{TOOLS}{os.pathsep}/usr/sbin"
    if not hasattr(config, "workerinput"):
        os.environ[RUN_DIRECTORY] = str(make_run_directory())


def pytest_unconfigure(config: pytest.Config) -> None:
    """Take a run's directory away when its last worker has gone."""
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ[RUN_DIRECTORY], ignore_errors=True)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose server is absent, or fail it where every server must be present."""
    for marker, (command, reason) in NEEDED.items():
        if item.get_closest_marker(marker) and shutil.which(command) is None:
            if os.environ.get("ATHENA_REQUIRE_SERVERS") == "1":
                pytest.fail(f"{reason}; ATHENA_REQUIRE_SERVERS=1 allows no skip")
            pytest.skip(reason)


@pytest.fixture(scope="session")
def run_directory() -> Path:
    """Return a directory that all workers of this run share and the server's user can enter."""
    return Path(os.environ[RUN_DIRECTORY])


@pytest.fixture(scope="session")
def cluster(run_directory: Path) -> Iterator[Cluster]:
    """Yield the PostgreSQL server of this run."""
    with running_cluster(run_directory) as running:
        yield running


@pytest.fixture(scope="session")
async def consortium(cluster: Cluster) -> str:
    """Return the template database with the nine forces and no record."""
    with cluster.locked():
        return await cluster.consortium_template()


@pytest.fixture(scope="session")
async def standby(run_directory: Path) -> AsyncIterator[HotStandby]:
    """Yield a hot standby, with a primary that the other tests don't use."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    async with hot_standby(run_directory / f"replicated-{worker}") as running:
        yield running


@pytest.fixture
async def fresh_store(cluster: Cluster, consortium: str) -> AsyncIterator[Store]:
    """Yield a store of the test's own: nine forces, their members, no record."""
    with cluster.locked():
        name = await cluster.create(consortium)
    try:
        yield cluster.store(name)
    finally:
        await cluster.drop(name)
