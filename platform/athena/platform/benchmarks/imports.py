"""What an import costs: against a bare COPY in the same run, in memory, and to those who search.

The import runs as a process of its own, as `athena import nominals` does. Two peers take the same
data in with nothing of what makes it records: COPY of the rows that the import stored into copies
of their tables without an index, and COPY of the file's columns into one such table. Then another
store takes the same file in by an import that is killed five times, and must hold the same.
"""

from __future__ import annotations

import asyncio
import os
import platform
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from athena.platform.benchmarks.import_content import content_of
from athena.platform.benchmarks.import_file import COLUMNS, MAPPING, write_file
from athena.platform.benchmarks.import_processes import (
    FORCE,
    KILLS,
    Imported,
    Progress,
    ServerTime,
    connect,
    rows_done,
    run_import,
    run_killed,
)
from athena.platform.benchmarks.import_searches import (
    QUERY_SEED,
    Question,
    choose,
    questions_of,
    search,
)
from athena.platform.kernel.settings import Settings
from athena.platform.kernel.store import Store
from athena.platform.runtime import Runtime, running
from athena.records.nominals.models import ROW_TABLES
from athena.records.synthetic.people import SyntheticNominal, generate
from athena.records.synthetic.service import load
from athena.tenants.consortium import FORCE_SLUGS
from athena.tenants.members.service import subject_by_username

OTHERS = 3_000
"""How many nominals of all forces are there before: they bring the labels of a real store."""
MOST_BESIDE = 200_000
"""How many rows at most are imported while others search."""
TABLES = ("nominal", *(table.name for table in ROW_TABLES), "name_key", "source_reference")
GOALS = {
    "ratio": "1/6 of a bare COPY of the same columns",
    "memory_mb": 500,
    "search_p95_ratio": 2,
    "same_store_after_kills": KILLS,
}

Tell = Callable[[str], None]
Open = Callable[[Settings], AbstractAsyncContextManager[Store]]
Bar = Callable[[str, int], AbstractContextManager[Progress]]
"""Shows under a heading how many of so many rows are done."""


async def measure(
    settings: Settings,
    rows: int,
    queries: int,
    seed: int,
    opened: Open,
    tell: Tell,
    bar: Bar,
) -> dict[str, Any]:
    """Measure in stores of their own under the settings' data directory; return the report."""
    with tempfile.TemporaryDirectory(prefix="athena-bench-") as scratch:
        directory = Path(scratch)
        beside = min(rows, MOST_BESIDE)
        with bar(f"Writing files of {rows:,} and {beside:,} nominals", rows + beside) as progress:
            questions = await asyncio.to_thread(
                _write_files, directory, rows, beside, queries, seed, progress
            )
        report: dict[str, Any] = {
            "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": {
                "cores": os.cpu_count(),
                "load": [round(load, 2) for load in os.getloadavg()],
                "python": platform.python_version(),
            },
            "rows": rows,
            "rows_beside_searches": beside,
            "columns": len(COLUMNS),
            "seed": seed,
            "query_seed": QUERY_SEED,
            "goals": GOALS,
        }
        content = await _undisturbed(settings, directory, report, questions, opened, tell, bar)
        killed_at, again = await _killed(settings, directory, rows, seed, opened, tell, bar)
    report["killed"] = {
        "after_rows": killed_at,
        "lines": again[0],
        "same_store": again == content,
    }
    return report


async def _undisturbed(
    settings: Settings,
    directory: Path,
    report: dict[str, Any],
    questions: list[Question],
    opened: Open,
    tell: Tell,
    bar: Bar,
) -> tuple[int, str, str]:
    """Import, copy, search, and search while importing; return what the first import left."""
    rows, beside = report["rows"], report["rows_beside_searches"]
    async with _prepared(settings, report["seed"], opened, tell) as runtime:
        store = runtime.store
        report["machine"]["postgresql"] = await _version(store)
        server = ServerTime(store)
        before = server.read()
        quiet = await _watched(settings, directory, store, "first", rows, bar)
        report["import"] = _summary(quiet, rows, server.read() - before)
        tell("Taking down what the store holds now")
        admin = await connect(store)
        content = await content_of(admin)
        report["labels"] = await admin.fetchval("SELECT count(*) FROM ctx.label")
        await admin.close()
        tell("Copying the same with nothing around it")
        peers = report["copy"] = await _copy(store, directory)
        report["ratio"] = {
            name: round(peer["seconds"] / quiet.seconds, 4) for name, peer in peers.items()
        }
        subject = await subject_by_username(runtime.database, f"officer.{FORCE}")
        tell("Building the dictionary of names anew")
        await runtime.searcher.names.rebuild()  # not while the searches are timed
        tell(f"Searching {len(questions):,} times")
        before_it = await search(runtime, subject, questions)
        importing = asyncio.create_task(_watched(settings, directory, store, "second", beside, bar))
        together = await search(runtime, subject, questions, importing)
        report["import_while_searching"] = _summary(await importing, beside, None)
        tell(f"Searching {len(questions):,} times again")
        after_it = await search(runtime, subject, questions)
        # The store grows meanwhile: times are compared with those before and after together.
        report["search_alone"] = before_it.with_(after_it).summary()
        report["search_while_importing"] = together.summary()
        report["missed_while_importing"] = together.missed(before_it, after_it)
    return content


async def _killed(
    settings: Settings,
    directory: Path,
    rows: int,
    seed: int,
    opened: Open,
    tell: Tell,
    bar: Bar,
) -> tuple[list[int], tuple[int, str, str]]:
    """Kill an import of the first file again and again; return when, and what it left at last."""
    apart = settings.model_copy(update={"data_dir": _data_dir(settings) / "killed"})
    _data_dir(apart).mkdir(mode=0o755)
    async with _prepared(apart, seed, opened, tell) as runtime:
        admin = await connect(runtime.store)
        try:
            with bar(f"Importing, killed {KILLS} times", rows) as progress:
                killed_at = await run_killed(
                    _data_dir(apart), directory, "first", rows, seed, admin, progress
                )
            await _watched(apart, directory, runtime.store, "first", rows, bar)
            tell("Comparing the stores")
            return killed_at, await content_of(admin)
        finally:
            await admin.close()


@asynccontextmanager
async def _prepared(
    settings: Settings, seed: int, opened: Open, tell: Tell
) -> AsyncIterator[Runtime]:
    """Open a store with nominals of all forces, so that there are many labels."""
    async with opened(settings) as store, running(store, settings) as runtime:
        tell("Loading nominals of all forces, so that there are many labels")
        others = generate(OTHERS, seed + 1, FORCE_SLUGS)
        await load(runtime.database, runtime.gate, others, "bench others")
        yield runtime


def _write_files(
    directory: Path, rows: int, beside: int, queries: int, seed: int, progress: Progress
) -> list[Question]:
    """Write both files; return misspelt queries for people of the first."""
    people = generate(rows + beside, seed, (FORCE,))
    asked = choose(rows, queries)
    kept: list[tuple[int, SyntheticNominal]] = []

    def passing(count: int, before: int) -> Iterator[SyntheticNominal]:
        for number, person in enumerate(islice(people, count), start=1):
            if number % 1_000 == 0:
                progress(before + number)
            if number in asked and len(kept) < len(asked):
                kept.append((number, person))
            yield person

    for name, count, before in (("first", rows, 0), ("second", beside, rows)):
        write_file(directory / f"{name}.csv", passing(count, before))
        (directory / f"{name}.toml").write_text(MAPPING.format(source=f"bench {name}"))
    return questions_of(kept)


async def _watched(
    settings: Settings, directory: Path, store: Store, name: str, rows: int, bar: Bar
) -> Imported:
    """Import a file, showing how far it is."""
    admin = await connect(store)
    try:
        with bar(f"Importing the {name} file", rows) as progress:

            async def look() -> None:
                await rows_done(admin, rows, f"bench {name}", progress)

            return await run_import(_data_dir(settings), directory, name, look)
    finally:
        await admin.close()


def _summary(imported: Imported, rows: int, server_seconds: float | None) -> dict[str, Any]:
    report = imported.report
    found: dict[str, Any] = {
        "seconds": round(imported.seconds, 2),
        "rows_per_second": round(rows / imported.seconds),
        "process_cpu_us_per_row": round(imported.cpu_seconds / rows * 1e6),
        "peak_mb": round(imported.peak_mb),
        **{key: report[key] for key in ("read", "loaded", "rejected", "held", "reconciles")},
    }
    if server_seconds is not None:
        found["server_cpu_us_per_row"] = round(server_seconds / rows * 1e6)
    return found


async def _copy(store: Store, directory: Path) -> dict[str, Any]:
    """Return how long bare COPYs take, of the stored rows and of the file."""
    connection = await connect(store)
    try:
        await connection.execute("CREATE SCHEMA bench")
        seconds = 0.0
        for table in TABLES:
            rows = directory / f"{table}.binary"
            await connection.copy_from_table(
                table, schema_name="records", output=str(rows), format="binary"
            )
            await connection.execute(f"CREATE TABLE bench.{table} (LIKE records.{table})")
            started = time.perf_counter()
            await connection.copy_to_table(
                table, schema_name="bench", source=str(rows), format="binary"
            )
            seconds += time.perf_counter() - started
            await asyncio.to_thread(rows.unlink)
        columns = ", ".join(f"{column} text" for column in COLUMNS)
        await connection.execute(f"CREATE TABLE bench.file ({columns})")
        started = time.perf_counter()
        await connection.copy_to_table(
            "file",
            schema_name="bench",
            source=str(directory / "first.csv"),
            format="csv",
            header=True,
        )
        whole = time.perf_counter() - started
    finally:
        await connection.execute("DROP SCHEMA bench CASCADE")
        await connection.close()
    return {
        "stored rows": {"seconds": round(seconds, 3)},
        "file": {"seconds": round(whole, 3)},
    }


async def _version(store: Store) -> str:
    connection = await connect(store)
    try:
        version: str = await connection.fetchval("SHOW server_version")
    finally:
        await connection.close()
    return version


def _data_dir(settings: Settings) -> Path:
    assert settings.data_dir is not None  # a scratch directory
    return settings.data_dir
