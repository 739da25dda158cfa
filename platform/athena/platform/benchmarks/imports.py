"""What an import costs: against a bare COPY in the same run, in memory, and to those who search.

The import runs as a process of its own, as `athena import nominals` does. Two peers take the same
data in with nothing of what makes it records: COPY of the file's columns into one table without an
index, and COPY of the rows that the import stored into copies of their tables without an index.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import asyncpg

from athena.platform.benchmarks.import_file import COLUMNS, MAPPING, write_file
from athena.platform.benchmarks.search import misspell
from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.errors import AthenaError
from athena.platform.kernel.identity import Purpose, Subject
from athena.platform.runtime import Runtime
from athena.policies.roles.actions import Action
from athena.records.nominals.models import ROW_TABLES
from athena.records.synthetic.people import SyntheticNominal, generate
from athena.records.synthetic.service import load
from athena.sharing.search.query import Asked, understand
from athena.tenants.consortium import FORCE_SLUGS
from athena.tenants.members.service import subject_by_username

FORCE = "kent"
QUERY_SEED = 77_103
WARM_UP = 20
FIRST = 20
OTHERS = 3_000
"""How many nominals of all forces are there before: they bring the labels of a real store."""
TABLES = ("nominal", *(table.name for table in ROW_TABLES), "name_key", "source_reference")
GOALS = {"ratio": "1/6 of a bare COPY", "memory_mb": 500, "search_p95_ratio": 2}

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Imported:
    """An import that ran as a process: what it reported, how long it took, how big it grew."""

    report: dict[str, Any]
    seconds: float
    cpu_seconds: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Question:
    """A misspelt query and the id of the row that it means."""

    source_id: str
    given: str
    surname: str
    year: int | None


async def measure(
    runtime: Runtime, data_dir: Path, rows: int, queries: int, seed: int, tell: Tell
) -> dict[str, Any]:
    """Import a file twice the size, half of it while others search; return the whole report."""
    with tempfile.TemporaryDirectory(prefix="athena-bench-") as scratch:
        directory = Path(scratch)
        tell(f"Writing two files of {rows:,} made-up nominals each")
        people = list(generate(2 * rows, seed, (FORCE,)))
        first, second = people[:rows], people[rows:]
        for name, part in (("first", first), ("second", second)):
            await asyncio.to_thread(_write, directory, name, part)
        del people, second
        tell("Loading nominals of all forces, so that there are many labels")
        others = generate(OTHERS, seed + 1, FORCE_SLUGS)
        await load(runtime.database, runtime.gate, others, "bench others")
        tell("Importing the first")
        server = _ServerTime(runtime)
        before = server.read()
        quiet = await _import(data_dir, directory, "first")
        server_seconds = server.read() - before
        tell("Copying the same with nothing around it")
        peers = await _copy(runtime, directory / "first.csv")
        subject = await subject_by_username(runtime.database, f"officer.{FORCE}")
        await runtime.searcher.names.refresh()
        questions = _questions(first, queries)
        tell(f"Searching {len(questions):,} times")
        alone = await _search(runtime, subject, questions)
        tell("Importing the second, and searching meanwhile")
        running = asyncio.create_task(_import(data_dir, directory, "second"))
        beside: list[dict[str, float]] = []
        while not running.done():
            beside.append(await _search(runtime, subject, questions, running))
        busy = await running
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cores": os.cpu_count(),
            "load": [round(load, 2) for load in os.getloadavg()],
            "python": platform.python_version(),
        },
        "rows": rows,
        "columns": len(COLUMNS),
        "labels": peers.pop("labels"),
        "seed": seed,
        "query_seed": QUERY_SEED,
        "goals": GOALS,
        "import": _summary(quiet, rows, server_seconds),
        "import_while_searching": _summary(busy, rows, None),
        "copy": peers,
        "ratio": {name: round(peer["seconds"] / quiet.seconds, 4) for name, peer in peers.items()},
        "search_alone": alone,
        "search_while_importing": _together(beside),
    }


def _write(directory: Path, name: str, people: Sequence[SyntheticNominal]) -> None:
    write_file(directory / f"{name}.csv", people)
    (directory / f"{name}.toml").write_text(MAPPING.format(source=f"bench {name}"))


async def _import(data_dir: Path, directory: Path, name: str) -> Imported:
    """Run the import as a process; its own seconds leave out the start of the program."""
    arguments = [
        sys.executable, "-m", "athena.platform.cli", "import", "nominals",
        str(directory / f"{name}.csv"), "--force", FORCE,
        "--mapping", str(directory / f"{name}.toml"), "--json",
    ]  # fmt: skip
    output = directory / f"{name}.json"
    with output.open("w") as out, (directory / "errors").open("w") as errors:
        process = await asyncio.create_subprocess_exec(
            *arguments,
            env={**os.environ, "ATHENA_DATA_DIR": str(data_dir)},
            stdout=out,
            stderr=errors,
        )
        peak, cpu = 0.0, 0.0
        while process.returncode is None:
            peak, cpu = _usage(process.pid, peak, cpu)
            try:
                await asyncio.wait_for(process.wait(), 0.1)
            except TimeoutError:
                continue
    if process.returncode != 0:
        raise AthenaError((directory / "errors").read_text().splitlines()[-1])
    report = json.loads(output.read_text())
    started, ended = (datetime.fromisoformat(report[key]) for key in ("started_at", "changed_at"))
    return Imported(report, (ended - started).total_seconds(), cpu, peak)


def _usage(pid: int, peak: float, cpu: float) -> tuple[float, float]:
    """Return a process's highest memory in MB and its processor time in seconds so far."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        times = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has just ended
        return peak, cpu
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            peak = max(peak, int(line.split()[1]) / 1024)
    return peak, (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")


class _ServerTime:
    """The processor time of every process of the store's server, those that ended included."""

    def __init__(self, runtime: Runtime) -> None:
        host = Path(runtime.store.address.host)
        found = [host / "postmaster.pid", *host.glob("**/postmaster.pid")]
        self._postmaster = next(
            (int(path.read_text().split()[0]) for path in found if path.exists()), None
        )

    def read(self) -> float:
        """Return the seconds so far; 0 where the server isn't on this machine."""
        if self._postmaster is None:
            return 0.0
        ticks = 0
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = path.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            pid = int(path.parent.name)
            if pid == self._postmaster:
                ticks += sum(int(value) for value in fields[11:15])
            elif int(fields[1]) == self._postmaster:
                ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")


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


async def _copy(runtime: Runtime, file: Path) -> dict[str, Any]:
    """Return how long bare COPYs take, of the file and of the stored rows, and how many labels."""
    url = runtime.store.admin_url
    connection = await asyncpg.connect(
        host=runtime.store.address.host,
        port=runtime.store.address.port,
        user=url.username,
        password=url.password,
        database=runtime.store.address.database,
    )
    try:
        await connection.execute("CREATE SCHEMA bench")
        columns = ", ".join(f"{column} text" for column in COLUMNS)
        await connection.execute(f"CREATE TABLE bench.file ({columns})")
        started = time.perf_counter()
        await connection.copy_to_table(
            "file", schema_name="bench", source=str(file), format="csv", header=True
        )
        taken: dict[str, Any] = {"file": {"seconds": round(time.perf_counter() - started, 3)}}
        seconds = 0.0
        for table in TABLES:
            rows = BytesIO()
            await connection.copy_from_table(
                table, schema_name="records", output=rows, format="binary"
            )
            rows.seek(0)
            await connection.execute(f"CREATE TABLE bench.{table} (LIKE records.{table})")
            started = time.perf_counter()
            await connection.copy_to_table(table, schema_name="bench", source=rows, format="binary")
            seconds += time.perf_counter() - started
        taken["labels"] = await connection.fetchval("SELECT count(*) FROM ctx.label")
        taken["stored rows"] = {"seconds": round(seconds, 3)}
    finally:
        await connection.execute("DROP SCHEMA bench CASCADE")
        await connection.close()
    return taken


def _questions(people: Sequence[SyntheticNominal], count: int) -> list[Question]:
    """Misspell the names of people of the first file; who isn't shown can't be found."""
    draw = random.Random(QUERY_SEED)  # noqa: S311 - reproducible, not secret
    questions = []
    for number in draw.sample(range(len(people)), min(len(people), count)):
        name = people[number].draft.names[0]
        born = people[number].draft.date_of_birth
        if not name.given_names or not name.surname:
            continue
        given, surname = name.given_names.split()[0], name.surname
        if draw.random() < 0.7:
            surname = misspell(surname, draw)
        else:
            given = misspell(given, draw)
        year = born.year if born is not None and draw.random() < 0.67 else None
        questions.append(Question(f"P{number + 1}", given, surname, year))
    return questions


async def _search(
    runtime: Runtime,
    subject: Subject,
    questions: Sequence[Question],
    until: asyncio.Task[Imported] | None = None,
) -> dict[str, float]:
    """Search for each question, or as long as a task runs; return times and what was found."""
    meant = await _ids(runtime, questions)
    milliseconds: list[float] = []
    found = 0
    for number, question in enumerate([*questions[:WARM_UP], *questions]):
        if until is not None and until.done():
            break
        asked = {"given_name": question.given, "surname": question.surname}
        entry = Entry(
            EventKind.CONSULTATION, "nominals.search", "A benchmark on made-up data", asked
        )
        started = time.perf_counter()
        query = understand(
            Asked(
                given_name=question.given,
                surname=question.surname,
                year_of_birth=question.year,
            )
        )
        async with runtime.gate.consult(
            subject, Action.NOMINALS_SEARCH, Purpose.INVESTIGATION, entry
        ) as consultation:
            answer = await runtime.searcher.search(consultation, query, asked, FIRST)
        if number >= WARM_UP:
            milliseconds.append((time.perf_counter() - started) * 1000)
            found += meant.get(question.source_id) in [str(hit.id) for hit in answer.results]
    if len(milliseconds) < 2:
        return {"searches": len(milliseconds), "found": found}
    cuts = statistics.quantiles(milliseconds, n=100)
    return {
        "searches": len(milliseconds),
        "p50": round(cuts[49], 2),
        "p95": round(cuts[94], 2),
        "p99": round(cuts[98], 2),
        "found": found,
        "recall": round(found / len(milliseconds), 4),
    }


async def _ids(runtime: Runtime, questions: Sequence[Question]) -> dict[str, str]:
    """Return the nominals that the questions mean, as the first import stored them."""
    manager = await subject_by_username(runtime.database, f"records.{FORCE}")
    entry = Entry(EventKind.CONSULTATION, "bench", "A benchmark on made-up data")
    async with runtime.gate.consult(
        manager, Action.NOMINALS_IMPORT, Purpose.DATA_QUALITY, entry
    ) as consultation:
        rows = await consultation.session.rows(
            "SELECT source_id, nominal_id FROM records.source_reference "
            "WHERE source = 'bench first' AND source_id = ANY(CAST(:ids AS text[]))",
            {"ids": [question.source_id for question in questions]},
        )
    return {row.source_id: str(row.nominal_id) for row in rows}


def _together(rounds: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the worst of whole rounds of searches, or the only one."""
    whole = [each for each in rounds if "p95" in each]
    if not whole:
        return {"searches": sum(each["searches"] for each in rounds)}
    return max(whole, key=lambda each: each["p95"])
