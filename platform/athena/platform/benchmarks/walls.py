"""What row-level security costs: the same statements with it and without, in pairs.

The statements are those that a search and a reading really ran, taken down as they passed. They run
again as the force's login under a consultation, and as a superuser on a copy that holds exactly the
rows which that login may see and has no policies, so both give the same answers. Opening and
logging the consultation isn't part of that: it is measured by itself.

Where the system tells it (Linux), what counts is how long the server's process ran on a processor:
other work on the machine then disturbs little. Elsewhere it is the time that passed.
"""

from __future__ import annotations

import os
import platform
import random
import statistics
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg

from athena.platform.benchmarks.scale.questions import misspell
from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.database import Parameters, WriteSession
from athena.platform.kernel.identity import NominalId, Purpose, Subject
from athena.platform.kernel.store import Store
from athena.platform.runtime import Runtime
from athena.policies.decisions.embedded import EmbeddedPoint
from athena.policies.decisions.engine import WasmPolicy
from athena.policies.roles.actions import Action
from athena.policies.roles.service import RoleTable
from athena.policies.visibility.models import Consultation
from athena.policies.visibility.service import Gate
from athena.records.nominals import service as nominals
from athena.records.nominals.models import ROW_TABLES
from athena.records.synthetic.people import generate
from athena.records.synthetic.service import load
from athena.sharing.search.query import Asked, understand
from athena.tenants.consortium import FORCE_SLUGS
from athena.tenants.members.service import subject_by_username

OFFICER = "officer.kent"
GOAL = 1.15
"""The most that a search may take with row-level security, as a ratio of what it takes without."""

QUERY_SEED = 90_210
WARM_UP = 20
ROUNDS = 5
"""How often a case runs on each side, in turns; their median counts."""

_MEASURED = ("records.", "sharing.find_")
_ENTRY = Entry(EventKind.CONSULTATION, "bench", "A benchmark on made-up data")
_SCOPES = {
    "nominal": "summary",
    "record": "summary",
    "name_key": "match",
    **{table.name: table.group.value if table.group else "summary" for table in ROW_TABLES},
}


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement as the driver takes it, and the values it was run with."""

    sql: str
    values: tuple[Any, ...]


Case = list[Statement]
"""The statements of one search or one reading, in their order."""


class Recorder(WriteSession):
    """A session that also takes down what runs on it."""

    def __init__(self, session: WriteSession) -> None:
        super().__init__(session._connection, session.login)
        self.case: Case = []

    def _prepare(self, statement: str, parameters: Parameters | None) -> tuple[str, list[Any]]:
        sql, values = super()._prepare(statement, parameters)
        if any(word in statement for word in _MEASURED):
            self.case.append(Statement(sql, tuple(values)))
        return sql, values


@dataclass(frozen=True, slots=True)
class Recorded:
    """The statements that were taken down."""

    searches: list[Case]
    readings: list[Case]


async def record(
    runtime: Runtime,
    people: int,
    queries: int,
    seed: int,
    tell: Callable[[str], None],
    progress: Callable[[int], None],
) -> Recorded:
    """Load made-up nominals, search and read some, and return the statements that ran."""
    tell(f"Loading {people:,} nominals under all constraints")
    source = f"bench walls seed {seed}"
    made = generate(people, seed, FORCE_SLUGS)
    await load(runtime.database, runtime.gate, made, source, progress=progress)
    await runtime.searcher.names.refresh()
    subject = await subject_by_username(runtime.database, OFFICER)
    tell(f"Taking down {queries:,} searches and readings of {OFFICER}")
    recorded = Recorded([], [])
    for number, (nominal_id, asked) in enumerate(await _questions(runtime, subject, queries)):
        async with _recording(runtime, subject) as (consultation, recorder):
            await runtime.searcher.search(consultation, understand(asked), {"number": number})
        recorded.searches.append(recorder.case)
        async with _recording(runtime, subject) as (consultation, recorder):
            await nominals.read(consultation, nominal_id)
        recorded.readings.append(recorder.case)
    return recorded


async def compare(store: Store, recorded: Recorded, tell: Callable[[str], None]) -> dict[str, Any]:
    """Run what was taken down with row-level security and without; return the report."""
    database = store.database()
    gate = Gate(database, EmbeddedPoint(WasmPolicy.load()), RoleTable.load(), grant_seconds=900)
    try:
        subject = await subject_by_username(database, OFFICER)
        visibility = await gate.visibility(subject, Purpose.INVESTIGATION)
        password = database.password(subject.login)
    finally:
        await database.close()
    tell("Copying what the officer sees, without row-level security")
    async with _copied(store, str(visibility.grant_set_id)) as copy:
        walled = await _connect(store, subject.login, password, store.address.database)
        plain = await _as_superuser(store, copy)
        pair = _Pair(await _Side.of(walled), await _Side.of(plain), str(visibility.grant_set_id))
        try:
            tell(f"Running {len(recorded.searches):,} pairs of searches and of readings")
            return {
                "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
                "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
                "clock": pair.clock,
                "goal": GOAL,
                "search": await pair.time(recorded.searches),
                "reading": await pair.time(recorded.readings),
                "consultation_ms": await pair.time_consulting(len(recorded.searches)),
                "hidden_identifier": await pair.time_hidden(store, len(recorded.searches)),
            }
        finally:
            await walled.close()
            await plain.close()


@dataclass(frozen=True, slots=True)
class _Side:
    """A connection, and the clock of the server's process that serves it."""

    connection: asyncpg.Connection
    schedule: Path

    @classmethod
    async def of(cls, connection: asyncpg.Connection) -> _Side:
        """Find the process of a connection."""
        process = await connection.fetchval("SELECT pg_backend_pid()")
        return cls(connection, Path(f"/proc/{process}/schedstat"))

    def measures_processor(self) -> bool:
        """Tell whether the clock is that of the process: the server is on this machine."""
        return self.schedule.exists()

    def clock(self) -> float:
        """Return seconds that the server's process ran, or that passed where nobody tells."""
        if self.schedule.exists():
            return int(self.schedule.read_text().split()[0]) / 1e9
        return time.perf_counter()

    async def run(self, case: Case) -> tuple[float, list[str]]:
        """Run a case and return what it took and what it answered."""
        started = self.clock()
        answers = [
            await self.connection.fetch(statement.sql, *statement.values) for statement in case
        ]
        taken = self.clock() - started
        return taken, sorted(repr(tuple(row)) for rows in answers for row in rows)


class _Pair:
    """A connection with row-level security and one without."""

    def __init__(self, walled: _Side, plain: _Side, grant_set: str) -> None:
        self._walled = walled
        self._plain = plain
        self._grant_set = grant_set
        told = walled.measures_processor() and plain.measures_processor()
        self.clock = "the server's processor" if told else "what passed"

    async def time(self, cases: Sequence[Case]) -> dict[str, Any]:
        """Run each case some rounds on both in turns; return medians and ratios."""
        walled: list[float] = []
        plain: list[float] = []
        for case in [*cases[:WARM_UP], *cases]:
            with_walls, without = [], []
            for _ in range(ROUNDS):
                seconds, shown = await self._time_walled(case)
                with_walls.append(seconds)
                seconds, there = await self._time_plain(case)
                without.append(seconds)
                if shown != there:
                    raise AssertionError("the sides answer differently: the measurement is void")
            walled.append(statistics.median(with_walls))
            plain.append(statistics.median(without))
        walled, plain = walled[-len(cases) :], plain[-len(cases) :]
        ratios = statistics.quantiles(
            [ours / theirs for ours, theirs in zip(walled, plain, strict=True)], n=20
        )
        return {
            "pairs": len(cases),
            "statements": round(statistics.fmean(len(case) for case in cases), 1),
            "with_ms": _milliseconds(walled),
            "without_ms": _milliseconds(plain),
            "ratio": round(sum(walled) / sum(plain), 3),
            "ratio_of_pairs": {
                "median": round(ratios[9], 3),
                "p05": round(ratios[0], 3),
                "p95": round(ratios[18], 3),
            },
        }

    async def time_consulting(self, times: int) -> dict[str, float]:
        """Return what a logged, empty transaction takes longer than one that isn't logged."""
        taken: dict[bool, list[float]] = {True: [], False: []}
        for number in range(2 * times):
            logged = bool(number % 2)
            started = self._walled.clock()
            async with self._walled.connection.transaction():
                if logged:
                    await self._consult()
                else:
                    await self._walled.connection.fetchval("SELECT 1")
            taken[logged].append(self._walled.clock() - started)
        logged_ms, bare_ms = _milliseconds(taken[True]), _milliseconds(taken[False])
        return {"logged": logged_ms["p50"], "bare": bare_ms["p50"]}

    async def time_hidden(self, store: Store, times: int) -> dict[str, float]:
        """Return how long it takes to look for an identifier of hidden nominals, and for none's."""
        admin = await _as_superuser(store, store.address.database)
        try:
            hidden = await admin.fetchval(
                "SELECT value FROM records.identifier AS i WHERE label_id <> ALL (ARRAY("
                "SELECT unnest(labels) FROM ctx.grant_scope WHERE grant_set_id = $1 "
                "AND scope = 'identifiers')) GROUP BY value HAVING count(*) = 1 LIMIT 1",
                self._grant_set,
            )
        finally:
            await admin.close()
        if hidden is None:  # too few people for one that only hidden nominals bear
            return {}
        query = "SELECT 1 FROM records.identifier WHERE value = $1 AND kind = 'x'"
        taken: dict[str, list[float]] = {"hidden": [], "nobodys": []}
        async with self._walled.connection.transaction():
            await self._consult()
            for number in range(times * 20):
                which = "hidden" if number % 2 else "nobodys"
                value = hidden if number % 2 else hidden[::-1] + "-"
                started = self._walled.clock()
                await self._walled.connection.fetch(query, value)
                taken[which].append(self._walled.clock() - started)
        return {which: _milliseconds(times_)["p50"] for which, times_ in taken.items()}

    async def _time_walled(self, case: Case) -> tuple[float, list[str]]:
        async with self._walled.connection.transaction():
            await self._consult()
            return await self._walled.run(case)

    async def _time_plain(self, case: Case) -> tuple[float, list[str]]:
        async with self._plain.connection.transaction():
            await self._plain.connection.fetchval("SELECT 1")
            return await self._plain.run(case)

    async def _consult(self) -> None:
        await self._walled.connection.fetchrow(
            "SELECT * FROM audit.append($1, 'consultation', 'bench', 'A benchmark', '{}', '[]')",
            self._grant_set,
        )


@asynccontextmanager
async def _copied(store: Store, grant_set: str) -> AsyncIterator[str]:
    """Yield a copy of the store with the rows that a grant set shows, and no policies."""
    copy = f"{store.address.database}_without_walls"
    server = await _as_superuser(store, "postgres")
    await server.execute(f'CREATE DATABASE "{copy}" TEMPLATE "{store.address.database}"')
    try:
        await _take_walls_down(await _as_superuser(store, copy), grant_set)
        source = await _as_superuser(store, store.address.database)
        await source.execute("VACUUM ANALYZE")
        await source.close()
        yield copy
    finally:
        await server.execute(f'DROP DATABASE "{copy}" WITH (FORCE)')
        await server.close()


async def _take_walls_down(copy: asyncpg.Connection, grant_set: str) -> None:
    await copy.execute("SET session_replication_role = replica")
    for table, scope in _SCOPES.items():
        await copy.execute(f"ALTER TABLE records.{table} DISABLE ROW LEVEL SECURITY")
        await copy.execute(
            f"DELETE FROM records.{table} WHERE label_id <> ALL (ARRAY("  # noqa: S608 - names only
            "SELECT unnest(labels) FROM ctx.grant_scope "
            f"WHERE grant_set_id = '{grant_set}' AND scope = '{scope}'))"
        )
    await copy.execute("ALTER TABLE records.location DISABLE ROW LEVEL SECURITY")
    await copy.execute("VACUUM ANALYZE")
    await copy.close()


@asynccontextmanager
async def _recording(
    runtime: Runtime, subject: Subject
) -> AsyncIterator[tuple[Consultation, Recorder]]:
    async with runtime.gate.alter(
        subject, Action.NOMINALS_SEARCH, Purpose.INVESTIGATION, _ENTRY
    ) as consultation:
        recorder = Recorder(consultation.session)
        yield replace(consultation, session=recorder), recorder


async def _questions(
    runtime: Runtime, subject: Subject, count: int
) -> list[tuple[NominalId, Asked]]:
    """Return some nominals that the officer sees, each with a misspelt question for it."""
    draw = random.Random(QUERY_SEED)  # noqa: S311 - reproducible, not secret
    async with runtime.gate.consult(
        subject, Action.NOMINALS_SEARCH, Purpose.INVESTIGATION, _ENTRY
    ) as consultation:
        rows = await consultation.session.rows(
            "SELECT n.nominal_id, m.given_names, m.surname, "
            "CAST(extract(year FROM n.date_of_birth) AS integer) AS year "
            "FROM records.nominal AS n JOIN records.nominal_name AS m USING (owner_force, "
            "nominal_id) WHERE m.kind = 'primary' AND m.given_names <> '' AND m.surname <> '' "
            "AND n.date_of_birth IS NOT NULL ORDER BY n.nominal_id LIMIT :most",
            {"most": 20 * count},
        )
    questions = []
    for row in draw.sample(list(rows), min(count, len(rows))):
        asked = Asked(
            given_name=row.given_names.split()[0],
            surname=misspell(row.surname, draw),
            year_of_birth=row.year if draw.random() < 0.67 else None,
        )
        questions.append((NominalId(row.nominal_id), asked))
    return questions


async def _as_superuser(store: Store, database: str) -> asyncpg.Connection:
    return await _connect(store, store.admin_url.username, store.admin_url.password, database)


async def _connect(
    store: Store, user: str | None, password: Any, database: str
) -> asyncpg.Connection:
    return await asyncpg.connect(
        host=store.address.host,
        port=store.address.port,
        user=user,
        password=password,
        database=database,
    )


def _milliseconds(seconds: Sequence[float]) -> dict[str, float]:
    cuts = statistics.quantiles(seconds, n=20)
    return {"p50": round(cuts[9] * 1000, 3), "p95": round(cuts[18] * 1000, 3)}
