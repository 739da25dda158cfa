"""When something breaks midway there is the change with its event, or neither; never data alone."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import asyncpg

from support.api import Platform
from support.cluster import Cluster
from support.waiting import PATIENCE, until_stored

PERSON: dict[str, Any] = {
    "names": [{"given_names": "Wilhelmina", "surname": "Haverstock"}],
    "date_of_birth": "1966-06-06",
}

FAILING_COMMIT = """
    CREATE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'the commit fails'; END $$;
    CREATE CONSTRAINT TRIGGER fail_at_commit AFTER INSERT ON {table}
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.fail()
"""


async def superuser(platform: Platform, cluster: Cluster) -> asyncpg.Connection:
    """Return a superuser's connection to the platform's database."""
    return await cluster.admin(platform.runtime.store.address.database)


async def test_a_failing_commit_sends_no_data(platform: Platform, cluster: Cluster) -> None:
    created = await platform.create("officer.kent", PERSON)
    nominal_id = created.json()["id"]
    admin = await superuser(platform, cluster)
    try:
        partition = await admin.fetchval(
            "SELECT tableoid::regclass::text FROM audit.event ORDER BY at DESC LIMIT 1"
        )
        before = await admin.fetchval("SELECT count(*) FROM audit.event")
        await admin.execute(FAILING_COMMIT.format(table=partition))
        for answer in (
            await platform.search("officer.kent", name="wilhelmina haverstock"),
            await platform.read("officer.kent", nominal_id),
        ):
            assert answer.status_code >= 500
            assert "Haverstock" not in answer.text
            assert answer.headers["content-type"] == "application/problem+json"
        assert await admin.fetchval("SELECT count(*) FROM audit.event") == before
    finally:
        await admin.execute(f"DROP TRIGGER IF EXISTS fail_at_commit ON {partition}")
        await admin.execute("DROP FUNCTION public.fail()")
        await admin.close()
    assert (await platform.read("officer.kent", nominal_id)).status_code == 200


async def test_a_failing_write_leaves_neither_record_nor_event(
    platform: Platform, cluster: Cluster
) -> None:
    person = {**PERSON, "names": [{"given_names": "Clementine", "surname": "Ravensworth"}]}
    admin = await superuser(platform, cluster)
    try:
        written = (
            "SELECT (SELECT count(*) FROM audit.event WHERE kind IN ('collection', 'alteration')), "
            "(SELECT count(*) FROM records.nominal), (SELECT count(*) FROM records.nominal_name)"
        )
        before = await admin.fetchrow(written)
        await admin.execute(FAILING_COMMIT.format(table="records.nominal"))
        answer = await platform.create("officer.kent", person)
        assert answer.status_code >= 500
        assert await admin.fetchrow(written) == before
    finally:
        await admin.execute("DROP TRIGGER IF EXISTS fail_at_commit ON records.nominal")
        await admin.execute("DROP FUNCTION public.fail()")
        await admin.close()


WRITER = """
import asyncio, random, sys
from pathlib import Path
from string import ascii_lowercase
sys.path.insert(0, {tests!r})
from support.api import running_platform
from support.cluster import Cluster
from sqlalchemy import make_url

async def main():
    cluster = Cluster(make_url({url!r}), Path({lock!r}))
    store = cluster.store({database!r})
    async with running_platform(store, Path({data!r})) as platform:
        print("ready", flush=True)
        while True:
            given, surname = ("".join(random.choices(ascii_lowercase, k=12)) for _ in range(2))
            person = {{"names": [{{"given_names": given, "surname": surname}}]}}
            answer = await platform.create("officer.kent", person)
            assert answer.status_code == 201, answer.text
            await platform.search("officer.kent", name=surname)

asyncio.run(main())
"""


async def test_kill_9_leaves_both_or_neither(
    platform: Platform, cluster: Cluster, tmp_path: Path
) -> None:
    """Kill a busy process several times: every record has its event, every event its record."""
    database = platform.runtime.store.address.database
    script = WRITER.format(
        tests=str(Path(__file__).parents[1]),
        url=cluster.admin_url.render_as_string(hide_password=False),
        lock=str(tmp_path / "lock"),
        database=database,
        data=str(tmp_path),
    )
    admin = await superuser(platform, cluster)
    try:
        for round_number in range(3):
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE
            )
            assert process.stdout is not None
            assert (await process.stdout.readline()).strip() == b"ready"
            goal = 2 + round_number
            start: int = await admin.fetchval("SELECT count(*) FROM records.nominal")
            await until_stored(admin, f"SELECT count(*) >= {start + goal} FROM records.nominal")
            os.kill(process.pid, signal.SIGKILL)
            await process.wait()
        await until_stored(
            admin,
            "SELECT count(*) = 0 FROM pg_stat_activity WHERE state <> 'idle' "
            "AND datname = current_database() AND pid <> pg_backend_pid()",
        )
        unlogged = await admin.fetchval(
            "SELECT count(*) FROM records.nominal AS n WHERE NOT EXISTS (SELECT FROM audit.event "
            "AS e WHERE e.xid = n.changed_xid AND e.action = 'nominals.create')"
        )
        unwritten = await admin.fetchval(
            "SELECT count(*) FROM audit.event AS e JOIN audit.content AS c "
            "ON c.at = e.at AND c.event_id = e.event_id WHERE e.kind = 'alteration' "
            "AND e.action = 'nominals.create' AND NOT EXISTS (SELECT FROM records.nominal AS n "
            "WHERE n.changed_xid = e.xid AND c.content -> 'nominals' ? n.nominal_id::text)"
        )
        searches_without_event = await admin.fetchval(
            "SELECT count(*) FROM sharing.search AS s WHERE NOT EXISTS (SELECT FROM audit.event "
            "AS e WHERE e.at = s.created_at AND e.member_id = s.member_id)"
        )
        assert (unlogged, unwritten, searches_without_event) == (0, 0, 0)
    finally:
        await admin.close()


async def test_sessions_that_the_server_ended_fail_no_call(
    platform: Platform, cluster: Cluster
) -> None:
    """A suspension ends a force's sessions; once it is reinstated its next calls are answered."""
    assert (await platform.search("officer.kent", name="nobody")).status_code == 200
    admin = await superuser(platform, cluster)
    try:
        # With a time, it waits until the server's process has ended: its sockets are closed then.
        ended = await admin.fetch(
            "SELECT pg_terminate_backend(pid, $1) FROM pg_stat_activity "
            "WHERE usename = 'athena_kent' AND datname = current_database()",
            int(PATIENCE * 1000),
        )
        assert [row[0] for row in ended] == [True] * len(ended) != []
    finally:
        await admin.close()
    for _ in range(3):
        assert (await platform.search("officer.kent", name="nobody")).status_code == 200
