"""One dictionary of names for every process: built once, mapped by all, fresh in each."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from athena.platform.kernel.database import Database
from athena.platform.kernel.errors import ConfigurationError
from athena.platform.kernel.store import Store
from athena.records.names.repository import RegisterState
from athena.records.names.service import NameRegister
from athena.sharing.search import building, names
from athena.sharing.search.names import LiveNames
from support.cluster import Cluster
from support.waiting import PATIENCE, until

ROOT = Path(__file__).parents[2]


@pytest.fixture
async def database(fresh_store: Store) -> AsyncIterator[Database]:
    database = fresh_store.database()
    yield database
    await database.close()


@asynccontextmanager
async def another_process(
    store: Store, directory: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Yield a process that runs the platform over the same store and the same files."""
    told = {
        "host": store.address.host,
        "port": store.address.port,
        "database": store.address.database,
        "admin_url": store.admin_url.render_as_string(hide_password=False),
        "secret": store.master_secret.decode(),
        "directory": str(directory),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "tests" / "support" / "another_process.py"),
        json.dumps(told),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def said(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        return (await process.stdout.readline()).decode().strip()


async def ask(process: asyncio.subprocess.Process, name: str) -> None:
    assert process.stdin is not None
    process.stdin.write(f"{name}\n".encode())
    await process.stdin.drain()


def editions(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_dir()}


def known(live: LiveNames, name: str) -> bool:
    return name in {item.token for item in live.current.expand(name)}


async def test_a_name_recorded_in_one_process_is_known_in_all(
    fresh_store: Store, database: Database, tmp_path: Path
) -> None:
    register = NameRegister(database)
    await register.register([("Ada", "Lovelace"), ("Grace", "Hopper")])
    async with (
        another_process(fresh_store, tmp_path) as first,
        another_process(fresh_store, tmp_path) as second,
    ):
        for process in (first, second):
            assert await said(process) == "ready 4 0"
        (folder,) = (tmp_path / "dictionary").iterdir()
        shared = editions(folder)
        assert len(shared) == 1
        for given, surname in (("Hedy", "Lamarr"), ("Mary", "Somerville")):
            await register.register([(given, surname)])
            for process in (first, second):
                await ask(process, surname.lower())
            for process in (first, second):
                assert await said(process) == surname.lower()
        assert editions(folder) == shared


async def test_names_are_known_at_once_where_they_were_registered(
    database: Database, tmp_path: Path
) -> None:
    live = LiveNames(database, tmp_path / "names")
    await live.refresh()
    assert not known(live, "lovelace")
    await NameRegister(database).register([("Ada", "Lovelace")])
    await live.refresh()
    assert known(live, "lovelace")
    assert len(live.current.base) == 0


async def test_a_later_process_opens_what_is_there_and_reads_only_what_is_new(
    database: Database, tmp_path: Path
) -> None:
    register, folder = NameRegister(database), tmp_path / "names"
    await register.register([("Ada", "Lovelace")])
    first = LiveNames(database, folder)
    await first.refresh()
    built = editions(folder)
    await register.register([("Grace", "Hopper")])
    second = LiveNames(database, folder)
    await second.refresh()
    assert editions(folder) == built
    assert (len(second.current.base), len(second.current.overlay)) == (2, 2)
    assert known(second, "lovelace")
    assert known(second, "hopper")


async def test_a_grown_overlay_is_folded_by_one_and_opened_by_all(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "FOLD_AT", 3)
    monkeypatch.setattr(building, "SMALL", 2)  # so that a process of its own builds
    register, folder = NameRegister(database), tmp_path / "names"
    await register.register([("Ada", "Lovelace")])
    first, second = LiveNames(database, folder), LiveNames(database, folder)
    await first.refresh()
    await second.refresh()
    built = editions(folder)
    await register.register([("Grace", "Hopper"), ("Hedy", "Lamarr"), ("Mary", "Somerville")])
    await first.refresh()
    assert known(first, "somerville")

    async def is_folded() -> bool:
        return not len(first.current.overlay)

    await until(is_folded)
    assert editions(folder).isdisjoint(built)
    await second.refresh()
    for live in (first, second):
        assert (len(live.current.base), len(live.current.overlay)) == (8, 0)
        assert known(live, "somerville")
    await first.close()


async def test_what_was_cleaned_away_leaves_the_files_too(
    cluster: Cluster, fresh_store: Store, database: Database, tmp_path: Path
) -> None:
    register, folder = NameRegister(database), tmp_path / "names"
    await register.register([("Ada", "Lovelace")])
    live = LiveNames(database, folder)
    await live.refresh()
    built = editions(folder)
    owner = await cluster.admin(fresh_store.address.database)
    await owner.fetchval("SELECT names.forget_unborne()")
    await owner.close()
    for process in (live, LiveNames(database, folder)):
        await process.refresh()
        assert not known(process, "lovelace")
        assert len(process.current.base) == 0
    assert editions(folder).isdisjoint(built)


async def test_a_store_brought_back_to_an_earlier_moment_is_read_again(
    database: Database, tmp_path: Path
) -> None:
    folder = tmp_path / "names"
    live = LiveNames(database, folder)
    await NameRegister(database).register([("Ada", "Lovelace")])
    await live.refresh()
    state, everything = await live._read(0)
    later = RegisterState(state.store, state.cleanings, state.horizon + 1_000_000)
    await building.build(live._shelf, later, everything, None)
    of_the_future = editions(folder)
    await NameRegister(database).register([("Grace", "Hopper")])
    await live.refresh()
    assert known(live, "hopper")
    assert editions(folder).isdisjoint(of_the_future)


async def test_a_directory_that_cannot_be_written_is_told_in_a_sentence(
    database: Database, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no directory")
    live = LiveNames(database, tmp_path / "file" / "names")
    with pytest.raises(ConfigurationError, match="ATHENA_DICTIONARY_DIR"):
        await live.refresh()
