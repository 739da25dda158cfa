"""Migrations go up and down again, one process at a time, and say what stands."""

from __future__ import annotations

import asyncio
import re
import sys

import pytest

from athena.platform.kernel.errors import ConfigurationError
from athena.platform.kernel.store import alembic_config, migrate
from support.cluster import ROOT, Cluster
from support.waiting import until

VERSIONS = sorted((ROOT / "alembic" / "versions").glob("*.py"))


async def shape(cluster: Cluster, database: str) -> list[str]:
    """Return every table, policy, function and trigger of our schemas, one line each."""
    connection = await cluster.admin(database)
    rows = await connection.fetch(
        """
        SELECT 'table ' || c.oid::regclass || ' ' || c.relrowsecurity || c.relforcerowsecurity
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = ANY($1) AND c.relkind IN ('r', 'p')
        UNION ALL SELECT 'policy ' || tablename || ' ' || policyname || coalesce(qual, '')
        FROM pg_policies WHERE schemaname = ANY($1)
        UNION ALL SELECT 'function ' || p.oid::regprocedure || ' ' || p.proowner::regrole
        FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
        WHERE n.nspname = ANY($1)
        UNION ALL SELECT 'trigger ' || t.tgrelid::regclass || ' ' || t.tgname
        FROM pg_trigger AS t WHERE NOT t.tgisinternal
        ORDER BY 1""",
        [
            "audit",
            "ctx",
            "governance",
            "names",
            "policies",
            "records",
            "sharing",
            "tenants",
            "work",
        ],
    )
    await connection.close()
    return [row[0] for row in rows]


WAITING = """
    SELECT EXISTS (SELECT FROM pg_stat_activity
                   WHERE datname = $1 AND wait_event_type = 'Lock' AND query LIKE 'ALTER ROLE%')
"""


async def test_down_to_nothing_and_up_again(cluster: Cluster) -> None:
    with cluster.changing_roles():
        name = await cluster.create()
        store = cluster.store(name)
        await migrate(store)
        first = await shape(cluster, name)
        await downgrade(cluster, name)
        assert await shape(cluster, name) == []
        await migrate(store)
        assert await shape(cluster, name) == first
        await cluster.drop(name)
    assert len(first) > 100


async def test_another_database_of_the_server_may_be_made_ready_just_now(cluster: Cluster) -> None:
    """Both set the passwords of the same logins; the one that comes second waits and repeats."""
    with cluster.changing_roles():
        names = [await cluster.create() for _ in range(2)]
        store = cluster.store(names[0])
        await migrate(store)
        other, watching = [await cluster.admin(names[1]) for _ in range(2)]
        try:
            transaction = other.transaction()
            await transaction.start()
            verifier = store.verifier("athena_amo")
            await other.execute(f"ALTER ROLE athena_amo PASSWORD '{verifier}'")
            second = asyncio.create_task(migrate(store))

            async def waits() -> bool:
                return bool(await watching.fetchval(WAITING, names[0]))

            await until(waits)
            await transaction.commit()
            await second
        finally:
            await other.close()
            await watching.close()
        for name in names:
            await cluster.drop(name)


async def test_a_store_of_a_newer_release_is_told_in_a_sentence(cluster: Cluster) -> None:
    with cluster.changing_roles():
        name = await cluster.create()
        store = cluster.store(name)
        await migrate(store)
        admin = await cluster.admin(name)
        try:
            await admin.execute("UPDATE public.alembic_version SET version_num = '9999'")
            with pytest.raises(ConfigurationError, match="another release of Athena"):
                await migrate(store)
            assert await admin.fetchval("SELECT version_num FROM public.alembic_version") == "9999"
        finally:
            await admin.close()
        await cluster.drop(name)


async def test_each_migration_can_be_taken_back_alone(cluster: Cluster) -> None:
    with cluster.changing_roles():
        name = await cluster.create()
        store = cluster.store(name)
        for path in VERSIONS[1:]:
            number = path.name[:4]
            before = await upgrade(cluster, name, previous(number))
            await migrate(store, number)
            await downgrade(cluster, name, previous(number))
            assert await shape(cluster, name) == before
        await cluster.drop(name)


MIGRATE = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from sqlalchemy import make_url
from support.cluster import Cluster
from athena.platform.kernel.store import migrate
asyncio.run(migrate(Cluster(make_url({url!r}), Path("unused")).store({database!r})))
"""


async def test_two_migrating_at_once_wait_for_each_other(cluster: Cluster) -> None:
    with cluster.changing_roles():
        name = await cluster.create()
        code = MIGRATE.format(
            tests=str(ROOT / "tests"),
            url=cluster.admin_url.render_as_string(hide_password=False),
            database=name,
        )
        processes = [
            await asyncio.create_subprocess_exec(sys.executable, "-c", code) for _ in range(2)
        ]
        assert [await process.wait() for process in processes] == [0, 0]
        connection = await cluster.admin(name)
        assert await connection.fetchval("SELECT version_num FROM alembic_version") == head()
        await connection.close()
        await cluster.drop(name)


async def test_a_migration_gives_up_behind_a_lock(cluster: Cluster) -> None:
    """A table somebody holds isn't queued for: the migration fails and leaves no trace."""
    with cluster.changing_roles():
        name = await cluster.create()
        store = cluster.store(name)
        await migrate(store, "0006")
        holder = await cluster.admin(name)
        async with holder.transaction():
            await holder.execute("LOCK TABLE records.nominal IN ACCESS EXCLUSIVE MODE")
            try:
                await migrate(store)
            except Exception as error:  # noqa: BLE001 - any refusal will do, checked below
                refused = str(error)
            else:
                refused = ""
        assert "lock" in refused
        assert await holder.fetchval("SELECT to_regclass('records.source_reference')") is None
        await holder.close()
        await cluster.drop(name)


def test_versions_are_numbered_in_one_line() -> None:
    numbers = [path.name[:4] for path in VERSIONS]
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
    for path, below in zip(VERSIONS, [None, *numbers], strict=False):
        text = path.read_text()
        assert f'revision = "{path.name[:4]}"' in text
        stated = re.search(r"down_revision = (.+)", text)
        assert stated is not None
        assert stated[1] == (f'"{below}"' if below else "None")


def test_the_head_is_named_so_that_two_branches_conflict() -> None:
    assert (ROOT / "alembic" / "HEAD").read_text().strip() == head()


async def upgrade(cluster: Cluster, name: str, revision: str) -> list[str]:
    """Bring a database to a revision and return its shape."""
    await migrate(cluster.store(name), revision)
    return await shape(cluster, name)


async def downgrade(cluster: Cluster, name: str, revision: str = "base") -> None:
    """Take a database back to a revision."""
    from alembic import command
    from sqlalchemy import NullPool
    from sqlalchemy.engine import Connection
    from sqlalchemy.ext.asyncio import create_async_engine

    def work(connection: Connection) -> None:
        command.downgrade(alembic_config(connection), revision)

    engine = create_async_engine(cluster.store(name).admin_url, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(work)
    await engine.dispose()


def head() -> str:
    """Return the newest migration's number."""
    return VERSIONS[-1].name[:4]


def previous(number: str) -> str:
    """Return the number before a migration's."""
    return f"{int(number) - 1:04}"


RIGHTS = """
    SELECT has_database_privilege('public', current_database(), 'CONNECT'),
           has_database_privilege('public', current_database(), 'TEMPORARY'),
           has_database_privilege('athena_stager', current_database(), 'TEMPORARY'),
           has_database_privilege('athena_force', current_database(), 'CONNECT')
"""


async def test_the_rights_that_a_dump_leaves_out_are_set_again(cluster: Cluster) -> None:
    with cluster.locked():
        name = await cluster.create()
        store = cluster.store(name)
        await migrate(store)
        admin = await cluster.admin(name)
        try:
            assert tuple(await admin.fetchrow(RIGHTS)) == (False, False, True, True)
            await admin.execute(f"""
                REVOKE TEMPORARY ON DATABASE "{name}" FROM athena_stager;
                REVOKE CONNECT ON DATABASE "{name}" FROM athena_force;
                GRANT CONNECT, TEMPORARY ON DATABASE "{name}" TO PUBLIC
            """)
            await migrate(store)
            assert tuple(await admin.fetchrow(RIGHTS)) == (False, False, True, True)
        finally:
            await admin.close()
        await cluster.drop(name)
