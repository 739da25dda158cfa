"""Through PgBouncer in transaction mode: the same answers, and nothing left for the next user."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import asyncpg
import pytest

from athena.platform.kernel.database import StoreAddress
from athena.platform.kernel.store import SERVICE_LOGINS
from athena.platform.kernel.web import held_port
from athena.tenants.consortium import FORCE_SLUGS
from athena.tenants.directory.models import force_login
from support.api import Platform, running_platform
from support.cluster import Cluster
from support.waiting import until

pytestmark = pytest.mark.needs_pgbouncer

POOL = 2
"""Server sessions for each login: far fewer than what the test asks for at once."""


@dataclass(frozen=True)
class Pooled:
    """The platform whose every session but migrations and notices goes through a pooler."""

    platform: Platform
    cluster: Cluster
    address: StoreAddress

    async def as_login(self, login: str) -> asyncpg.Connection:
        """Open a connection through the pooler."""
        return await asyncpg.connect(
            host=self.address.host,
            port=self.address.port,
            user=login,
            password=self.platform.runtime.database.password(login),
            database=self.address.database,
            statement_cache_size=0,
        )


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Yield a port that is held for the pooler."""
    with held_port() as held:
        yield held


@pytest.fixture(scope="module")
async def pooled(
    cluster: Cluster,
    consortium: str,
    tmp_path_factory: pytest.TempPathFactory,
    run_directory: Path,
    port: int,
) -> AsyncIterator[Pooled]:
    """Start PgBouncer before a store of the module's own and yield the platform behind it."""
    with cluster.locked():
        name = await cluster.create(consortium)
    store = cluster.store(name)
    directory = run_directory / f"pgbouncer-{name}"
    directory.mkdir()
    database = store.database()
    logins = [*SERVICE_LOGINS, *(force_login(slug) for slug in FORCE_SLUGS)]
    users = directory / "users.txt"
    users.write_text("".join(f'"{login}" "{database.password(login)}"\n' for login in logins))
    (directory / "pgbouncer.ini").write_text(
        f"""
        [databases]
        {name} = host={store.address.host} port={store.address.port}
        [pgbouncer]
        listen_addr = 127.0.0.1
        listen_port = {port}
        unix_socket_dir =
        auth_type = scram-sha-256
        auth_file = {users}
        pool_mode = transaction
        default_pool_size = {POOL}
        max_client_conn = 400
        ignore_startup_parameters = extra_float_digits
        """
    )
    process = await asyncio.create_subprocess_exec(
        "pgbouncer",
        "--quiet",
        str(directory / "pgbouncer.ini"),
        user=_hand_to_socket_owner(directory, store.address.host),
        stderr=asyncio.subprocess.DEVNULL,
    )
    address = StoreAddress("127.0.0.1", port, name)
    through = replace(store, address=address, direct=store.address)
    try:
        await _until_it_answers(port)
        async with running_platform(through, tmp_path_factory.mktemp("data")) as platform:
            yield Pooled(platform, cluster, address)
    finally:
        process.terminate()
        await process.wait()
        await cluster.drop(name)


def _hand_to_socket_owner(directory: Path, socket_directory: str) -> int | None:
    """Let the server's own user run the pooler for root: it won't run as root, as PostgreSQL."""
    if os.geteuid() != 0:
        return None
    owner = Path(socket_directory).stat().st_uid
    for path in (directory, *directory.iterdir()):
        os.chown(path, owner, -1)
    return owner


async def _until_it_answers(port: int) -> None:
    async def answers() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            return False
        writer.close()
        return True

    await until(answers)


async def test_many_officers_at_once_get_their_own_answers(pooled: Pooled) -> None:
    platform = pooled.platform
    person = {
        "names": [{"given_names": "Cressida", "surname": "Attenborough"}],
        "assessments": [{"basis": "officer", "text": "Synthetic opinion."}],
    }
    created = await platform.create("officer.essex", person)
    assert created.status_code == 201, created.text
    nominal_id = created.json()["id"]
    forces = ("essex", "kent", "norfolk", "suffolk") * 8
    answers = await asyncio.gather(
        *(platform.read(f"officer.{force}", nominal_id) for force in forces)
    )
    for force, answer in zip(forces, answers, strict=True):
        assert answer.status_code == 200, answer.text
        shown = answer.json()["nominal"]["assessments"]
        assert bool(shown) == (force in ("essex", "kent")), force
    found = await asyncio.gather(
        *(platform.search(f"officer.{force}", name="cresida atenborough") for force in forces)
    )
    assert {answer.json()["results"][0]["id"] for answer in found} == {nominal_id}


async def test_nothing_that_one_session_sets_helps_the_next(pooled: Pooled) -> None:
    """A setting, a role or a temporary table left behind opens nothing, for whoever comes next."""
    platform = pooled.platform
    person = {"names": [{"given_names": "Lucasta", "surname": "Bickerstaff"}]}
    assert (await platform.create("officer.kent", person)).status_code == 201
    kent = await pooled.as_login("athena_kent")
    try:
        for left_behind in (
            "SELECT set_config('athena.tenant', '1', false)",
            "SELECT set_config('search_path', 'records', false)",
            "SELECT set_config('role', 'athena_kent', false)",
        ):
            await kent.execute(left_behind)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await kent.execute("SET ROLE athena_essex")
    finally:
        await kent.close()
    seen = 0
    for _ in range(POOL * 4):  # both server sessions, several times
        again = await pooled.as_login("athena_kent")
        try:
            async with again.transaction():
                seen += await again.fetchval("SELECT count(*) FROM records.nominal")
        finally:
            await again.close()
    assert seen == 0
    found = await platform.search("officer.kent", name="lucasta bickerstaff")
    assert found.json()["results"][0]["nominal"]["names"][0]["surname"] == "Bickerstaff"
