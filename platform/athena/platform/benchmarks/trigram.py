"""The peer of consortium search: a trigram index on PostgreSQL 15, without any protection."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from athena.platform.kernel.errors import ConfigurationError

PROGRAMS = Path("/usr/lib/postgresql/15/bin")
LIMIT = 20

_SEARCH = """
    SELECT key FROM person WHERE name % $1
    ORDER BY similarity(name, $1) + CASE WHEN extract(year FROM born) = $2 THEN 0.3 ELSE 0 END DESC
    LIMIT 20
"""


@asynccontextmanager
async def trigram_server(
    people: Iterable[tuple[str, str, object, int]],
) -> AsyncIterator[asyncpg.Connection]:
    """Yield a connection to a scratch server whose table ``person`` has a trigram index.

    ``people`` are (key, full name in lower case, date of birth or None, label).
    """
    if not (PROGRAMS / "initdb").exists():
        raise ConfigurationError(
            "The peer needs PostgreSQL 15 with contrib (Debian: postgresql-15); "
            "or leave it out with --no-peer."
        )
    directory = Path(tempfile.mkdtemp(prefix="athena-peer-"))
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(directory, user)

    def run(program: str, *arguments: str) -> None:
        command = [str(PROGRAMS / program), *arguments]
        subprocess.run(  # noqa: S603 - the system's PostgreSQL, arguments of our own
            command, user=user, check=True, stdout=subprocess.DEVNULL, cwd="/"
        )

    data = str(directory / "data")
    run("initdb", "-D", data, "-U", "peer", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8")
    options = f"-h '' -k {directory} -c shared_buffers=512MB -c maintenance_work_mem=512MB"
    run("pg_ctl", "-D", data, "-w", "-l", str(directory / "log"), "-o", options, "start")
    try:
        connection = await asyncpg.connect(host=str(directory), user="peer", database="postgres")
        await connection.execute("CREATE EXTENSION pg_trgm")
        await connection.execute(
            "CREATE TABLE person (key text, name text, born date, label smallint)"
        )
        await connection.copy_records_to_table("person", records=people)
        await connection.execute("CREATE INDEX ON person USING gin (name gin_trgm_ops)")
        await connection.execute("ANALYZE person")
        yield connection
        await connection.close()
    finally:
        run("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(directory, ignore_errors=True)


async def trigram_search(connection: asyncpg.Connection, name: str, year: int | None) -> list[str]:
    """Return the keys of the twenty likest names."""
    rows = await connection.fetch(_SEARCH, name, year)
    return [row["key"] for row in rows]
