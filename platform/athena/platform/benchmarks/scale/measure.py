"""One run of the benchmark of search: fill a store, ask it, ask the peers, report."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
import uvicorn
from numpy.typing import NDArray

from athena.platform.app import create_app
from athena.platform.benchmarks.scale.asking import (
    Asker,
    ask_at_once,
    ask_over_http,
    ask_proper,
    ask_whole,
)
from athena.platform.benchmarks.scale.bulk import Filled, fill
from athena.platform.benchmarks.scale.kept import keep, recall_filled
from athena.platform.benchmarks.scale.peers import (
    SLIPS_OF_TANTIVY,
    Answers,
    ask_tantivy,
    ask_trigrams,
)
from athena.platform.benchmarks.scale.questions import (
    KINDS,
    PerfectRanker,
    Question,
    ask,
)
from athena.platform.benchmarks.scale.timings import machine, percentiles, recall
from athena.platform.kernel.identity import Level, Purpose, Subject
from athena.platform.kernel.settings import Settings
from athena.platform.kernel.store import Store, data_dir, dictionary_dir
from athena.platform.kernel.tokens import TokenIssuer
from athena.platform.runtime import Runtime, running
from athena.records.synthetic.people import generate
from athena.records.synthetic.service import load
from athena.sharing.search.names import LiveNames
from athena.sharing.search.warming import settle
from athena.tenants.consortium import FORCE_SLUGS
from athena.tenants.members.service import subject_by_username

OFFICER, OFFICER_OF_LITTLE = "officer.kent", "supervisor.warwickshire"
MOST_FOR_TANTIVY = 5_000_000
GOALS = {"p50": 2.5, "p95": 5.0, "api_p95": 20.0, "of_ceiling": 0.98}
"""What the measurement of ten million nominals is held to."""

_MOST_TEMPLATES, _FEWEST_TEMPLATES = 3_000, 500
_SHARE_OF_WHOLE = 4
"""One in how many questions is asked as a whole search, at once, and over HTTP."""

Tell = Callable[[str], None]
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Run:
    """How to run: sizes, seed, and whom to tell."""

    nominals: int
    queries: int
    seed: int
    query_seed: int
    peers: bool
    kept: Path | None
    """Where to keep the filled store for later runs."""
    tell: Tell
    progress: Progress


async def measure(store: Store, settings: Settings, run: Run) -> dict[str, Any]:
    """Fill an empty scratch store and measure search in it; return the report."""
    report: dict[str, Any] = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "nominals": run.nominals,
        "seed": run.seed,
        "query_seed": run.query_seed,
        "memory_megabytes": settings.embedded_memory_megabytes,
        "goals": GOALS,
    }
    async with running(store, settings) as runtime:
        filled, report["loading"] = await filled_store(store, runtime, run)
        report["sizes"] = await _sizes(store)
        report["dictionary"] = await _dictionary(store, settings, runtime, run.tell)
        settle()  # as a server does when it starts
        run.tell("Reading once what searches read, so that it is in memory")
        await _warm(store)
        for name, username in (("officer", OFFICER), ("officer_of_little", OFFICER_OF_LITTLE)):
            subject = await subject_by_username(runtime.database, username)
            purpose, visible = await _purpose(runtime, subject, filled, most=name == "officer")
            questions = ask(filled, visible, run.queries, run.query_seed)
            asker = Asker(runtime, subject, purpose, filled.people)
            run.tell(f"Asking {run.queries:,} times as {username}, who sees {visible.mean():.1%}")
            proper = await ask_proper(asker, questions)
            run.tell("Working out what a perfect ranker would find")
            ranker = PerfectRanker(filled, visible)
            report[name] = {
                "username": username,
                "purpose": purpose.value,
                "sees": round(float(visible.mean()), 4),
                "search": proper,
                "ceiling": _ceilings(ranker, questions),
            }
            fewer = questions[::_SHARE_OF_WHOLE]
            run.tell(f"Asking {len(fewer):,} times, whole transactions with their log")
            report[name]["whole"] = await ask_whole(asker, fewer)
            if name == "officer":
                run.tell("Asking as eight clients at once")
                report[name]["at_once"] = await ask_at_once(asker, fewer)
                of_officer = (subject, purpose, questions, visible)
    subject, purpose, questions, visible = of_officer
    run.tell("Asking through the API")
    # The templates were just recorded and wait to be compared; a process of its own would do that.
    async with served(store, settings.model_copy(update={"compares": False})) as port:
        token = TokenIssuer.open(settings, data_dir(settings)).issue(subject.member_id, 3600)
        fewer = questions[::_SHARE_OF_WHOLE]
        report["officer"]["api"] = await ask_over_http(port, token, purpose, fewer)
    if run.peers:
        labels = np.unique(filled.labels[visible]).tolist()
        report["peers"] = await _peers(filled, questions, labels, report, run.tell)
    return report


async def filled_store(store: Store, runtime: Runtime, run: Run) -> tuple[Filled, dict[str, Any]]:
    """Return who is in the store, once it is filled, and how the loading went."""
    known = recall_filled(run.kept, run.nominals, run.seed) if run.kept is not None else None
    if known is not None:
        return known
    begun = time.perf_counter()
    filled = await _fill(store, runtime, run)
    took = time.perf_counter() - begun
    loading = {
        "nominals": run.nominals,
        "seed": run.seed,
        "seconds": round(took, 1),
        "nominals_per_second": round(run.nominals / took),
        "templates": filled.templates,
        "labels": len(np.unique(filled.labels)),
    }
    if run.kept is not None:
        keep(run.kept, filled, loading)
    return filled, loading


async def _warm(store: Store) -> None:
    """Read every page of the names, the summaries and their indexes, as days of searching would."""
    async with administrator(store) as connection:
        for table in ("name_key", "nominal", "nominal_name"):
            await connection.execute(f"SELECT count(*), max(label_id) FROM records.{table}")
        await connection.execute("SET enable_seqscan = off")
        for table in ("nominal", "nominal_name"):
            await connection.execute(f"SELECT count(*) FROM records.{table} WHERE owner_force >= 0")
        for key in ("name_key", "date_key"):
            # From the lowest key on, so that further names are read too, by this very index.
            await connection.execute(
                f"SELECT count(*) FROM records.name_key WHERE {key} >= {-(1 << 63)}"
            )


async def _fill(store: Store, runtime: Runtime, run: Run) -> Filled:
    templates = min(max(run.nominals // 20, _FEWEST_TEMPLATES), _MOST_TEMPLATES)
    run.tell(f"Recording {templates:,} nominals through the service, as templates")
    made = generate(templates, run.seed, FORCE_SLUGS)
    await load(runtime.database, runtime.gate, made, "templates", run.progress)
    async with administrator(store) as connection:
        await connection.execute("ALTER SYSTEM SET max_wal_size = '8GB'")
        await connection.execute("ALTER SYSTEM SET checkpoint_timeout = '30min'")
        await connection.execute("SELECT pg_reload_conf()")
        return await fill(
            connection,
            run.nominals - templates,
            run.seed,
            run.tell,
            lambda done: run.progress(templates + done),
        )


async def _dictionary(
    store: Store, settings: Settings, runtime: Runtime, tell: Tell
) -> dict[str, Any]:
    tell("Building the dictionary of names")
    begun = time.perf_counter()
    await runtime.searcher.names.rebuild()
    built = time.perf_counter()
    await LiveNames(runtime.database, dictionary_dir(settings, store)).refresh()
    opened = time.perf_counter()
    current = runtime.searcher.names.current
    return {
        "names": len(current.base),
        "pairs": len(current.pairs),
        "megabytes": round(sum(array.nbytes for array in current.arrays().values()) / 1e6, 1),
        "build_seconds": round(built - begun, 1),
        "open_milliseconds": round((opened - built) * 1000, 1),
    }


async def _purpose(
    runtime: Runtime, subject: Subject, filled: Filled, most: bool
) -> tuple[Purpose, NDArray[np.bool_]]:
    """Return the purpose for which a member sees most, or least, and who is visible then."""
    seen = []
    for purpose in Purpose:
        visibility = await runtime.gate.visibility(subject, purpose)
        labels = [
            label
            for label, view in visibility.views.items()
            if view.level not in (Level.NONE, Level.POINTER)
        ]
        visible = np.isin(filled.labels, np.asarray(labels, dtype=np.int16))
        if visible.any():
            seen.append((float(visible.mean()), purpose, visible))
    _, purpose, visible = (max if most else min)(seen, key=lambda item: item[0])
    return purpose, visible


def _ceilings(ranker: PerfectRanker, questions: Sequence[Question]) -> dict[str, float]:
    ceilings = {
        kind: round(ranker.ceiling([item for item in questions if item.kind == kind]), 4)
        for kind in KINDS
    }
    return {**ceilings, "all": round(ranker.ceiling(questions), 4)}


async def _peers(
    filled: Filled,
    questions: Sequence[Question],
    labels: Sequence[int],
    report: dict[str, Any],
    tell: Tell,
) -> dict[str, Any]:
    own_p95 = report["officer"]["search"]["p95"]
    answers: dict[str, Answers] = await ask_trigrams(filled, questions, labels, tell)
    with tempfile.TemporaryDirectory(
        prefix="athena-tantivy-", ignore_cleanup_errors=True
    ) as folder:
        answers |= await asyncio.to_thread(
            ask_tantivy, filled, questions, MOST_FOR_TANTIVY, Path(folder), tell
        )
    peers = {}
    for name, (milliseconds, found) in answers.items():
        timed = percentiles(milliseconds)
        peers[name] = {
            **timed,
            "queries": len(milliseconds),
            "recall": recall(found),
            "times_slower_at_p95": round(timed["p95"] / own_p95, 1),
        }
    for name in SLIPS_OF_TANTIVY:
        peers[name]["nominals"] = min(len(filled.people), MOST_FOR_TANTIVY)
    return peers


async def _sizes(store: Store) -> dict[str, Any]:
    async with administrator(store) as connection:
        rows = await connection.fetch(
            "SELECT c.relname, c.reltuples::bigint AS rows, "
            "pg_total_relation_size(c.oid) / 1000000 AS megabytes FROM pg_class AS c "
            "JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = 'records' "
            "AND c.relkind = 'r' AND c.reltuples > 0 ORDER BY 3 DESC"
        )
        server = await connection.fetchval("SHOW server_version")
    tables = {row["relname"]: [row["rows"], row["megabytes"]] for row in rows}
    return {"postgresql": server, "tables_rows_and_megabytes": tables}


@asynccontextmanager
async def administrator(store: Store) -> AsyncIterator[asyncpg.Connection]:
    url = store.admin_url
    connection = await asyncpg.connect(
        host=url.query.get("host") or url.host,
        port=url.port or 5432,
        user=url.username,
        password=url.password,
        database=store.address.database,
    )
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def served(store: Store, settings: Settings) -> AsyncIterator[int]:
    """Serve the application on a free port of this machine."""
    config = uvicorn.Config(
        create_app(store, settings), host="127.0.0.1", port=0, log_level="warning"
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn tells nobody
        await asyncio.sleep(0.05)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await serving
