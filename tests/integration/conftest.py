"""A running platform for each test module."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.api import Platform, running_platform
from support.cluster import Cluster


@pytest.fixture(scope="module")
async def platform(
    cluster: Cluster, consortium: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Platform]:
    """Yield the application over a store of the module's own, with no record in it."""
    with cluster.locked():
        name = await cluster.create(consortium)
    directory: Path = tmp_path_factory.mktemp("data")
    async with running_platform(cluster.store(name), directory) as running:
        yield running
    await cluster.drop(name)
