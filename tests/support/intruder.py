"""Changing a store past its guards, as an intruder with every right would, or passing time."""

from __future__ import annotations

from support.api import Platform
from support.cluster import Cluster


async def alter(platform: Platform, cluster: Cluster, statement: str, *values: object) -> None:
    """Change a platform's store without a trigger, and let it forget what it had decided."""
    admin = await cluster.admin(platform.runtime.store.address.database)
    try:
        async with admin.transaction():
            await admin.execute("SET LOCAL session_replication_role = replica")
            await admin.execute(statement, *values)
    finally:
        await admin.close()
    platform.runtime.gate.forget()
