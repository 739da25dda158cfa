"""A primary and a hot standby: two real servers, run by the embedded PostgreSQL's own programs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from athena.platform.kernel.database import StoreAddress
from support.cluster import Cluster, running_cluster
from support.waiting import until


@dataclass(frozen=True)
class HotStandby:
    """A server that replays what its primary writes, reached by a socket in its directory."""

    primary: Cluster
    programs: Path
    data: Path
    owner: int
    """The operating-system user that runs both servers."""

    @property
    def socket(self) -> Path:
        """The directory of its socket: what the primary's data holds is copied, its locks too."""
        return self.data.parent / "socket"

    @property
    def cluster(self) -> Cluster:
        """The standby as tests reach any server."""
        url = self.primary.admin_url.update_query_dict({"host": str(self.socket)})
        return Cluster(url, self.data.parent / "standby.lock")

    def address(self, database: str) -> StoreAddress:
        """Return where one of its databases is."""
        return StoreAddress(str(self.socket), self.primary.admin_url.port or 5432, database)

    def start(self) -> None:
        """Start it; it accepts connections once what it copied is consistent."""
        # A standby must allow at least as many sessions as its primary.
        options = (
            "-c listen_addresses='' -c max_connections=200 -c shared_buffers=32MB -c fsync=off "
        )
        options += f"-c unix_socket_directories='{self.socket}'"
        log = f"--log={self.data / 'server.log'}"
        self._run("pg_ctl", "start", f"--pgdata={self.data}", log, f"--options={options}", "--wait")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it as a crash does, or otherwise."""
        self._run("pg_ctl", "stop", f"--pgdata={self.data}", f"--mode={mode}", "--wait")

    def promote(self) -> None:
        """Make it a primary of its own."""
        self._run("pg_ctl", "promote", f"--pgdata={self.data}", "--wait")

    def copy_primary(self) -> None:
        """Take the base backup that it starts from."""
        for directory in (self.data, self.socket):
            directory.mkdir(mode=0o700)
            os.chown(directory, self.owner, -1)
        url = self.primary.admin_url
        host = str(url.query["host"])
        target = ("--pgdata", str(self.data), "--write-recovery-conf", "--checkpoint=fast")
        at = ("--host", host, "--port", str(url.port or 5432), "--username", str(url.username))
        self._run("pg_basebackup", *target, "--no-sync", *at, PGPASSWORD=str(url.password))

    def _run(self, program: str, *arguments: str, **variables: str) -> None:
        subprocess.run(
            [self.programs / program, *arguments],
            env={"LC_ALL": "C", **variables},
            user=self.owner if os.geteuid() == 0 else None,
            group=self.data.stat().st_gid if os.geteuid() == 0 else None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            check=True,
            start_new_session=True,
        )

    async def replays(self, wanted: bool) -> None:
        """Hold up what comes from the primary, or let it come again, and wait until it is so."""
        admin = await self.admin("postgres")
        try:
            await admin.execute(f"SELECT pg_wal_replay_{'resume' if wanted else 'pause'}()")
            if not wanted:

                async def is_paused() -> bool:
                    state = await admin.fetchval("SELECT pg_get_wal_replay_pause_state()")
                    return bool(state == "paused")

                await until(is_paused)
        finally:
            await admin.close()

    async def catch_up(self) -> None:
        """Wait until it has replayed everything that its primary has committed."""
        primary, here = await self.primary.admin(), await self.admin("postgres")
        try:
            position = await primary.fetchval("SELECT pg_current_wal_lsn()::text")

            async def has_replayed() -> bool:
                replayed = "SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn"
                return bool(await here.fetchval(replayed, position))

            await until(has_replayed)
        finally:
            await primary.close()
            await here.close()

    async def admin(self, database: str) -> asyncpg.Connection:
        """Open a superuser's connection to it."""
        return await self.cluster.admin(database)


@asynccontextmanager
async def hot_standby(directory: Path) -> AsyncIterator[HotStandby]:
    """Yield a standby of a primary that nothing else uses; both stop when the block ends."""
    with _removed_at_end(directory), running_cluster(directory, shared=False) as primary:
        admin = await primary.admin()
        try:
            programs = await admin.fetchval("SELECT setting FROM pg_config WHERE name = 'BINDIR'")
            data = Path(await admin.fetchval("SHOW data_directory"))
        finally:
            await admin.close()
        standby = HotStandby(primary, Path(programs), directory / "standby", _owner(data))
        standby.copy_primary()
        standby.start()
        try:
            yield standby
        finally:
            standby.stop("fast")


@contextmanager
def _removed_at_end(directory: Path) -> Iterator[None]:
    try:
        yield
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _owner(directory: Path) -> int:
    return directory.stat().st_uid
