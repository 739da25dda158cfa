"""The training store: made again from nothing, and nothing else is ever thrown away for it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from athena.platform.cli import app
from athena.platform.kernel import training
from athena.platform.kernel.errors import AthenaError, ConfigurationError, ConflictError
from athena.platform.kernel.store import Store
from support.cluster import MASTER_SECRET, Cluster, running_cluster


@pytest.fixture(scope="module")
def server(run_directory: Path) -> Iterator[Cluster]:
    """Yield a server of the module's own: a training store sets its logins' passwords."""
    directory = run_directory / f"training-{os.getpid()}"
    directory.mkdir(mode=0o755)
    with running_cluster(directory, shared=False) as cluster:
        yield cluster
    shutil.rmtree(directory, ignore_errors=True)


class Terminal:
    """Runs ``athena training`` over a database of a server, with a live store elsewhere."""

    def __init__(self, server: Cluster, directory: Path, database: str) -> None:
        self.store: Store = server.store(database)
        self.environment = {
            "ATHENA_DATA_DIR": str(directory),
            "ATHENA_TRAINING_DATABASE_URL": _url(self.store),
            "ATHENA_TRAINING_MASTER_SECRET": MASTER_SECRET.decode(),
        }

    def run(self, *arguments: str, answer: str = "", **more: str) -> Result:
        """Run a command; what it is asked it is answered."""
        environment = {**self.environment, **more}
        return CliRunner().invoke(app, ["training", *arguments], input=answer, env=environment)

    def reset(self, *more: str, answer: str = "") -> Result:
        """Make the training store again, with a few people."""
        return self.run("reset", "--nominals", "30", *more, answer=answer)

    def state(self) -> str:
        """Return how far the training store is."""
        found = self.run("status", "--json")
        assert found.exit_code == 0, found.output
        return str(json.loads(found.stdout)["state"])


def _url(store: Store) -> str:
    return store.admin_url.render_as_string(hide_password=False)


async def _count(server: Cluster, database: str, table: str) -> int:
    connection = await server.admin(database)
    try:
        return int(await connection.fetchval(f"SELECT count(*) FROM {table}"))
    finally:
        await connection.close()


def refused(result: Result) -> AthenaError:
    """Return the problem that a command ended with."""
    assert result.exit_code != 0
    assert isinstance(result.exception, AthenaError), result.output
    return result.exception


def test_it_is_made_again_and_killed_half_way_it_starts_afresh(
    server: Cluster, tmp_path: Path
) -> None:
    terminal = Terminal(server, tmp_path, "training")
    assert terminal.state() == "absent"

    async def killed() -> None:
        async with training.made_anew(terminal.store):
            with pytest.raises(ConflictError, match="Another reset"):
                async with training.made_anew(terminal.store):
                    raise AssertionError("two at once")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(killed())
    assert terminal.state() == "half_made"

    declined = terminal.reset(answer="n\n")
    assert declined.exit_code == 1
    assert "made again" not in declined.stdout
    assert terminal.state() == "half_made"

    assert terminal.reset(answer="y\n").exit_code == 0
    assert terminal.state() == "ready"
    assert asyncio.run(_count(server, "training", "records.nominal")) == 30
    assert asyncio.run(_count(server, "training", "tenants.tenant WHERE kind = 'force'")) == 9


def test_what_bears_no_mark_stays(server: Cluster, tmp_path: Path) -> None:
    async def prepare() -> None:
        connection = await server.admin()
        await connection.execute("CREATE DATABASE somebodys")
        await connection.close()
        connection = await server.admin("somebodys")
        await connection.execute("CREATE TABLE kept (id integer)")
        await connection.close()

    asyncio.run(prepare())
    terminal = Terminal(server, tmp_path, "somebodys")
    for arguments in (("reset", "--yes"), ("status",)):
        problem = refused(terminal.run(*arguments))
        assert isinstance(problem, ConflictError)
        assert "isn't a training store" in problem.detail
    assert asyncio.run(_count(server, "somebodys", "kept")) == 0


@pytest.mark.parametrize("live", ["training_live", "postgres"])
def test_the_live_stores_server_is_left_alone(server: Cluster, tmp_path: Path, live: str) -> None:
    """Whether the live store is the very database or another on the same server."""

    async def prepare() -> None:
        connection = await server.admin()
        await connection.execute("DROP DATABASE IF EXISTS training_live")
        await connection.execute("CREATE DATABASE training_live")
        await connection.close()

    asyncio.run(prepare())
    terminal = Terminal(server, tmp_path, "training_live")
    result = terminal.run(
        "reset",
        "--yes",
        ATHENA_DATABASE_URL=_url(server.store(live)),
        ATHENA_MASTER_SECRET=MASTER_SECRET.decode(),
    )
    problem = refused(result)
    assert isinstance(problem, ConfigurationError)
    assert "live store's server" in problem.detail
    assert asyncio.run(training.mark_of(terminal.store)).made_at == ""


def test_production_names_a_server_for_it(tmp_path: Path) -> None:
    environment = {"ATHENA_ENV": "production", "ATHENA_DATA_DIR": str(tmp_path)}
    problem = refused(CliRunner().invoke(app, ["training", "reset", "--yes"], env=environment))
    assert isinstance(problem, ConfigurationError)
    assert "ATHENA_TRAINING_DATABASE_URL" in problem.detail
