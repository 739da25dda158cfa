"""How long comparing one new nominal takes against a store: candidates, scores, links, log."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import numpy as np

from athena.platform.benchmarks.scale.bulk import Filled
from athena.platform.benchmarks.scale.measure import Run, administrator, filled_store
from athena.platform.benchmarks.scale.questions import KINDS, Question, ask
from athena.platform.benchmarks.scale.timings import machine, percentiles
from athena.platform.kernel.identity import NominalId
from athena.platform.kernel.settings import Settings
from athena.platform.kernel.store import Store
from athena.platform.runtime import Runtime, running
from athena.records.nominals.dates import PartialDate, Precision
from athena.records.nominals.schemas import NameDraft, NominalDraft
from athena.records.synthetic.people import SyntheticNominal, generate
from athena.records.synthetic.service import load
from athena.tenants.consortium import FORCE_SLUGS

GOAL_MS = 20.0
WARM = 50
"""How many are compared before any is timed: the pages of a store in use are in memory."""

_OF_NOMINAL = "owner_force, nominal_id"
READ = {
    "nominal": (_OF_NOMINAL,),
    "nominal_name": (_OF_NOMINAL,),
    "identifier": (_OF_NOMINAL, "value, kind"),
    "contact": (_OF_NOMINAL, "value"),
    "address": (_OF_NOMINAL,),
    "location": ("owner_force, location_id",),
    "name_key": ("name_key", "date_key"),
}
"""What comparing reads, and by which keys."""


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A new record of somebody whom the store holds already, written with a slip."""

    question: Question
    nominal_id: NominalId


async def measure_store(store: Store, settings: Settings, run: Run) -> dict[str, Any]:
    """Record somebody again, compare that record alone, and so on; times are milliseconds.

    A whole transaction each: the turn, the queue, the log of the combination, the look-ups, the
    scores and both sides of the links. ``met`` is how many were compared with the record that
    the store held of the same person. What was recorded is taken out of the store again.
    """
    async with running(store, settings) as runtime:
        filled, loading = await filled_store(store, runtime, run)
        run.tell("Reading the names")
        await runtime.searcher.names.rebuild()
        async with administrator(store) as connection:
            await connection.execute("DELETE FROM sharing.match_queue")
        run.tell(f"Recording {run.queries + WARM:,} people again, each with a slip")
        newcomers = await _record(runtime, filled, run)
        try:
            await runtime.searcher.names.refresh()
            run.tell("Comparing them one by one")
            run.tell("Reading the match fields once, so that they are in memory")
            await _warm(store)
            begun = datetime.now(UTC)
            times = [await _compare_one(runtime) for _ in newcomers][WARM:]
            met = await _met(store, filled, newcomers, begun)
        finally:
            await _take_out(store, newcomers)
    return {
        "machine": machine(),
        "nominals": run.nominals,
        "seed": run.seed,
        "loaded": loading,
        "memory_megabytes": settings.embedded_memory_megabytes,
        "compared": len(times),
        "goal_p95_ms": GOAL_MS,
        **percentiles(times),
        "met": met,
    }


async def _compare_one(runtime: Runtime) -> float:
    started = time.perf_counter()
    await runtime.linker.compare_batch(1)
    return (time.perf_counter() - started) * 1000


async def _record(runtime: Runtime, filled: Filled, run: Run) -> list[Newcomer]:
    """Record people again through the service, in an order that no force leads."""
    made = list(generate(run.queries + WARM, run.query_seed, FORCE_SLUGS))
    random.Random(run.query_seed).shuffle(made)  # noqa: S311 - reproducible, not secret
    everybody = np.ones(len(filled.people), dtype=np.bool_)
    drawn = ask(filled, everybody, len(KINDS) * len(made), run.query_seed)
    waiting = {kind: iter([item for item in drawn if item.kind == kind]) for kind in KINDS}
    questions = [next(waiting[_kind(record.draft)]) for record in made]
    stored: dict[int, NominalId] = {}

    def seen(_force: str, source_id: str, nominal_id: NominalId) -> None:
        stored[int(source_id.partition("/")[2])] = nominal_id

    people = _written(questions, made)
    source = f"bench link {time.time_ns()}"
    await load(runtime.database, runtime.gate, people, source, seen=seen)
    return [Newcomer(question, stored[place]) for place, question in enumerate(questions)]


def _kind(draft: NominalDraft) -> str:
    """Return the kind of question that knows as much of the date of birth as a draft."""
    name_only, with_year, with_date = KINDS
    if draft.date_of_birth is None:
        return name_only
    return with_date if draft.date_of_birth.precision is Precision.DAY else with_year


def _written(
    questions: Sequence[Question], made: Sequence[SyntheticNominal]
) -> Iterator[SyntheticNominal]:
    """Yield made-up records under the names and dates of birth that questions give."""
    for place, (question, record) in enumerate(zip(questions, made, strict=True)):
        given, surname = question.given.title(), question.surname.title()
        names = (NameDraft(given_names=given, surname=surname), *record.draft.names[1:])
        update = {"names": names, "date_of_birth": _born(question), "date_of_death": None}
        yield SyntheticNominal(record.force, place, record.draft.model_copy(update=update))


def _born(question: Question) -> PartialDate | None:
    year = question.year_typed()
    if year is not None:
        return PartialDate(year)
    whole = question.date_typed()
    return PartialDate.of(date.fromisoformat(whole)) if whole else None


async def _met(
    store: Store, filled: Filled, newcomers: list[Newcomer], since: datetime
) -> dict[str, float]:
    """Return how many were compared with the person's earlier record, as the log tells it."""
    compared: dict[str, set[str]] = {}
    async with administrator(store) as connection:
        for together in await connection.fetch(
            "SELECT array_agg(r ->> 'nominal_id') AS nominals FROM audit.event AS e, "
            "jsonb_array_elements(e.records) AS r "
            "WHERE e.action = 'links.compare' AND e.at >= $1 GROUP BY e.xid",
            since,
        ):
            for nominal in together["nominals"]:
                compared.setdefault(nominal, set()).update(together["nominals"])
    met: dict[str, list[bool]] = {}
    for newcomer in newcomers:
        earlier = str(UUID(bytes=bytes(filled.people.ids[newcomer.question.row])))
        found = earlier in compared.get(str(newcomer.nominal_id), ())
        met.setdefault(newcomer.question.kind, []).append(found)
        met.setdefault("all", []).append(found)
    return {kind: round(sum(found) / len(found), 4) for kind, found in met.items()}


async def _warm(store: Store) -> None:
    """Read the tables that comparing reads, and their indexes, as a day of it would.

    By their keys: a table that is read from end to end stays out of the server's memory.
    """
    async with administrator(store) as connection:
        for kind in ("seqscan", "bitmapscan", "indexonlyscan"):
            await connection.execute(f"SET enable_{kind} = off")
        for table, keys in READ.items():
            for key in keys:
                await connection.execute(
                    f"SELECT count(w) FROM (SELECT * FROM records.{table} ORDER BY {key}) AS w"  # noqa: S608 - names of ours
                )


async def _take_out(store: Store, newcomers: list[Newcomer]) -> None:
    async with administrator(store) as connection:
        await connection.execute(
            "DELETE FROM records.nominal WHERE nominal_id = ANY ($1::uuid[])",
            [newcomer.nominal_id for newcomer in newcomers],
        )
