"""Batches of person checks for tests: made, sent, read, and a process of its own that answers."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx

from athena.platform.kernel.identity import TenantId
from athena.sharing.ppss.batches import repository
from athena.sharing.ppss.signatures.models import PPSS
from athena.sharing.ppss.signatures.signing import Asker, signed_headers
from support.api import Platform
from support.cluster import ROOT, Cluster
from support.partners import BASE, Partners
from support.waiting import PATIENCE

PATH = "/ppss/v1/person-check-batches"


def body(*people: dict[str, Any], **changes: Any) -> bytes:
    """Return the body of a batch that asks about people, with changes."""
    checks = [
        {"reference": f"r{place}", "person": asked, "case_reference": "CASE-1"}
        for place, asked in enumerate(people)
    ]
    batch = {"purpose": "safeguarding", "reason": "A yearly look", "checks": checks}
    return json.dumps(batch | changes).encode()


def nobody(name: str) -> dict[str, Any]:
    """Return who isn't known."""
    return {"family_name": name, "given_names": "None", "date_of_birth": "1990-01-01"}


async def post(
    partners: Partners, who: Asker, content: bytes, path: str = PATH, key: str | None = None
) -> httpx.Response:
    """Send something signed."""
    named = (key or uuid4().hex) if content else None
    headers = signed_headers(who, "POST", BASE + path, content, idempotency_key=named)
    return await partners.platform.client.post(path, content=content, headers=headers)


async def submit(partners: Partners, who: Asker, content: bytes) -> dict[str, Any]:
    """Send a batch and return how it stands."""
    answer = await post(partners, who, content)
    assert answer.status_code == 202, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def progress(partners: Partners, who: Asker, sent: dict[str, Any]) -> dict[str, Any]:
    """Return how a batch stands now."""
    answer = await partners.get(who, sent["address"])
    assert answer.status_code == 200, answer.text
    now: dict[str, Any] = answer.json()
    return now


async def results(partners: Partners, who: Asker, sent: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what is answered of a batch."""
    answer = await partners.get(who, f"{sent['address']}/results")
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


ANSWERER = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from sqlalchemy import make_url
from support.api import Platform
from support.cluster import Cluster
from athena.platform.kernel.settings import Settings
from athena.platform.runtime import running
from athena.sharing.ppss.batches.worker import BatchWorker

async def work():
    store = Cluster(make_url({url!r}), Path("unused")).store({database!r})
    async with running(store, Settings(data_dir=Path({directory!r}))) as runtime:
        await BatchWorker(runtime.checks).run()

asyncio.run(work())
"""


async def answering_process(
    cluster: Cluster, database: str, directory: Path
) -> asyncio.subprocess.Process:
    """Start a process that answers batches until it is killed."""
    code = ANSWERER.format(
        tests=str(ROOT / "tests"),
        url=cluster.admin_url.render_as_string(hide_password=False),
        database=database,
        directory=str(directory),
    )
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, stderr=asyncio.subprocess.PIPE
    )


async def stopped_by_a_lock(
    cluster: Cluster,
    platform: Platform,
    admin: asyncpg.Connection,
    directory: Path,
    table: str,
) -> None:
    """Let a process answer until it waits to write a table, and kill it there."""
    database = platform.runtime.database.address.database
    holding = await cluster.admin(database)
    try:
        async with holding.transaction():
            await holding.execute(f"LOCK TABLE sharing.{table} IN SHARE MODE")
            process = await answering_process(cluster, database, directory)
            try:
                async with asyncio.timeout(PATIENCE):
                    while process.returncode is None and not await admin.fetchval(
                        "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted "
                        "AND relation = to_regclass($1) AND database = "
                        "(SELECT oid FROM pg_database WHERE datname = current_database()))",
                        f"sharing.{table}",
                    ):
                        with suppress(TimeoutError):
                            await asyncio.wait_for(process.wait(), 0.05)
                assert process.returncode is None, (await process.communicate())[1].decode()
            finally:
                process.kill()
                await process.communicate()
    finally:
        await holding.close()


async def checks_of(admin: asyncpg.Connection, batch: UUID) -> set[UUID]:
    """Return the checks that a batch's questions became."""
    rows = await admin.fetch(
        "SELECT check_id FROM sharing.partner_check WHERE idempotency_key LIKE $1",
        f"batch/{batch}/%",
    )
    return {row["check_id"] for row in rows}


async def waiting(platform: Platform) -> list[TenantId]:
    """Return the partners of whom something can be answered."""
    async with platform.runtime.database.read(PPSS) as session:
        return list(await repository.waiting_partners(session))
