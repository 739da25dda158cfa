"""A real PostgreSQL for the tests: one server for all workers, a database for each use.

With ``ATHENA_TEST_DATABASE_URL`` the tests run on that server (its login must be superuser);
without it, on an embedded one that the first worker starts and the last one stops.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
from sqlalchemy import URL, make_url

from athena.platform.kernel.database import StoreAddress
from athena.platform.kernel.embedded import EmbeddedServer
from athena.platform.kernel.store import Store, migrate
from athena.tenants.consortium import found_consortium

MASTER_SECRET = b"a secret that only the tests have, 0123456789"
ROOT = Path(__file__).parents[2]

CONNECTING = (
    "athena_force",
    "athena_amo",
    "athena_auditor",
    "athena_counter",
    "athena_dictionary",
    "athena_directory",
    "athena_linker",
    "athena_monitor",
    "athena_outbox",
    "athena_policy_writer",
    "athena_ppss",
)
"""The roles that connect to a store."""


class Cluster:
    """One PostgreSQL server, and the migrated template that databases are copied from."""

    def __init__(
        self, admin_url: URL, lock_file: Path, server: EmbeddedServer | None = None
    ) -> None:
        self.admin_url = admin_url
        self._lock_file = lock_file
        self.server = server

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock under which test workers copy databases."""
        with _held(self._lock_file):
            yield

    @contextmanager
    def changing_roles(self) -> Iterator[None]:
        """Hold the lock under which test workers migrate: roles belong to the whole server.

        Take it after `locked`, never before. A migration may be long, and the workers that only
        copy a database needn't wait for it.
        """
        with _held(self._lock_file.with_suffix(".roles")):
            yield

    def store(self, database: str) -> Store:
        """Return the store of one database on this server."""
        socket = self.admin_url.query.get("host")
        host = socket if isinstance(socket, str) else self.admin_url.host or "localhost"
        return Store(
            address=StoreAddress(host, self.admin_url.port or 5432, database),
            admin_url=self.admin_url.set(database=database),
            master_secret=MASTER_SECRET,
            master_secret_version=1,
            pool_size=2,
            server=None,
        )

    async def admin(self, database: str = "postgres") -> asyncpg.Connection:
        """Open a superuser connection."""
        store = self.store(database)
        return await asyncpg.connect(
            host=store.address.host,
            port=store.address.port,
            user=self.admin_url.username,
            password=self.admin_url.password,
            database=database,
        )

    async def login(self, database: str, login: str) -> asyncpg.Connection:
        """Open a plain connection as a login, as an attacker with its password would."""
        store = self.store(database)
        return await asyncpg.connect(
            host=store.address.host,
            port=store.address.port,
            user=login,
            password=store.database().password(login),
            database=database,
        )

    async def create(self, template: str | None = None) -> str:
        """Create a database, empty or a copy of a template, and return its name."""
        name = f"test_{uuid4().hex[:16]}"
        source = f' TEMPLATE "{template}"' if template else ""
        statements = [f'CREATE DATABASE "{name}"{source}']
        if template:  # database privileges aren't copied with a template
            statements += [
                f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC',
                f'GRANT CONNECT ON DATABASE "{name}" TO {", ".join(CONNECTING)}',
                f'GRANT TEMPORARY ON DATABASE "{name}" TO athena_stager',
            ]
        await self._run(*statements)
        return name

    async def drop(self, database: str) -> None:
        """Drop a database, whoever is still connected."""
        await self._run(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    async def consortium_template(self) -> str:
        """Return a database with every migration and the founded consortium, made once."""
        name = "template_" + _migrations_digest()
        connection = await self.admin()
        try:
            exists = await connection.fetchval(
                "SELECT true FROM pg_database WHERE datname = $1", name
            )
        finally:
            await connection.close()
        if not exists:
            if (
                self.server is not None
            ):  # the run deletes it: nothing of it need outlive the machine
                await self._run("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
            building = await self.create()
            store = self.store(building)
            with self.changing_roles():
                await migrate(store)
                database = store.database()
                await found_consortium(database, store.verifier)
                await database.close()
            await self._run(f'ALTER DATABASE "{building}" RENAME TO "{name}"')
        return name

    async def _run(self, *statements: str) -> None:
        connection = await self.admin()
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()


@contextmanager
def running_cluster(directory: Path, *, shared: bool = True) -> Iterator[Cluster]:
    """Yield the server that all workers of a test run share, or an embedded one of the test's."""
    lock_file = directory / "cluster.lock"
    given = os.environ.get("ATHENA_TEST_DATABASE_URL")
    if given and shared:
        yield Cluster(make_url(given).set(drivername="postgresql+asyncpg"), lock_file)
        return
    server = EmbeddedServer.start(directory / "postgresql")
    try:
        admin = server.address
        address = StoreAddress(admin.host, admin.port, "postgres")
        yield Cluster(address.url(admin.admin_user, admin.admin_password), lock_file, server)
    finally:
        server.stop()


@contextmanager
def _held(lock_file: Path) -> Iterator[None]:
    with lock_file.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _migrations_digest() -> str:
    digest = hashlib.sha256()
    sources = [
        *sorted((ROOT / "alembic" / "versions").glob("*.py")),
        ROOT / "tenants/athena/tenants/consortium.py",
    ]
    for path in sources:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
