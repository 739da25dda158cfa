"""How fast consortium search is and what it finds, under full row-level security.

The misspelt queries come from a seed and an error model that nothing was tuned on: letters dropped,
doubled, exchanged or mistyped at random, with the year of birth two times in three.
"""

from __future__ import annotations

import os
import platform
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

from athena.platform.benchmarks.trigram import trigram_search, trigram_server
from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.identity import NominalId, Purpose, Subject
from athena.platform.runtime import Runtime
from athena.policies.roles.actions import Action
from athena.records.synthetic.people import SyntheticNominal, generate
from athena.records.synthetic.service import load
from athena.sharing.search.query import Asked, understand
from athena.tenants.consortium import FORCE_SLUGS
from athena.tenants.members.service import subject_by_username

QUERY_SEED = 77_003
WARM_UP = 20
FIRST = 20
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Question:
    """A misspelt query and the key of whom it means."""

    key: str
    given: str
    surname: str
    year: int | None


@dataclass(frozen=True, slots=True)
class Timings:
    """What a series of searches took, in milliseconds, and how often it found its person."""

    p50: float
    p95: float
    p99: float
    recall: float

    @classmethod
    def of(cls, milliseconds: Sequence[float], found: int) -> Timings:
        """Summarise a series."""
        cuts = statistics.quantiles(milliseconds, n=100)
        return cls(
            round(cuts[49], 2),
            round(cuts[94], 2),
            round(cuts[98], 2),
            round(found / len(milliseconds), 4),
        )


async def measure(
    runtime: Runtime,
    nominals: int,
    queries: int,
    seed: int,
    peer: bool,
    tell: Callable[[str], None],
    progress: Callable[[int], None],
) -> dict[str, Any]:
    """Load made-up nominals, search them, and the peer; return everything for the report."""
    tell(f"Loading {nominals:,} nominals under all constraints")
    started = time.perf_counter()
    keys: dict[tuple[str, str], NominalId] = {}
    source = f"bench seed {seed}"
    await load(
        runtime.database,
        runtime.gate,
        generate(nominals, seed, FORCE_SLUGS),
        source,
        progress=progress,
        seen=lambda force, source_id, key: keys.__setitem__((force, source_id), key),
    )
    loading = time.perf_counter() - started
    await runtime.searcher.names.refresh()
    subject = await subject_by_username(runtime.database, "officer.kent")
    tell("Choosing and misspelling queries")
    everyone = _people(nominals, seed, keys)
    visible = await _visible(runtime, subject, everyone)
    questions = _questions(visible, queries)
    tell(f"Searching {len(questions):,} times as officer.kent")
    ours = await _time_ours(runtime, subject, questions)
    report: dict[str, Any] = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
        "nominals": nominals,
        "seed": seed,
        "queries": len(questions),
        "query_seed": QUERY_SEED,
        "loading_seconds": round(loading, 1),
        "athena": asdict(ours),
    }
    if peer:
        tell("Loading the peer: a trigram index on PostgreSQL 15, without row-level security")
        rows = [(str(key), _full(item), _born(item)) for key, item in everyone if _born(item)]
        async with trigram_server(rows) as connection:
            theirs = await _time_peer(connection, questions)
        report["trigram"] = asdict(theirs)
        report["ratio_p50"] = round(theirs.p50 / ours.p50, 2)
        report["ratio_p95"] = round(theirs.p95 / ours.p95, 2)
    return report


def _people(
    nominals: int, seed: int, keys: dict[tuple[str, str], NominalId]
) -> list[tuple[NominalId, SyntheticNominal]]:
    """Generate the same people again and return them with the ids they were stored under."""
    numbers = dict.fromkeys(FORCE_SLUGS, 0)
    people = []
    for item in generate(nominals, seed, FORCE_SLUGS):
        numbers[item.force] += 1
        key = keys.get((item.force, f"{numbers[item.force]}/{item.person}"))
        if key is not None:
            people.append((key, item))
    return people


async def _visible(
    runtime: Runtime, subject: Subject, people: Sequence[tuple[NominalId, SyntheticNominal]]
) -> list[tuple[NominalId, SyntheticNominal]]:
    """Return a sample of those whom the officer may see: who can't be seen can't be found."""
    draw = random.Random(QUERY_SEED)  # noqa: S311 - reproducible, not secret
    sample = draw.sample(people, min(len(people), 20_000))
    entry = Entry(EventKind.CONSULTATION, "bench", "A benchmark on made-up data")
    async with runtime.gate.consult(
        subject, Action.NOMINALS_SEARCH, Purpose.INVESTIGATION, entry
    ) as consultation:
        rows = await consultation.session.rows(
            "SELECT nominal_id FROM records.nominal WHERE nominal_id = ANY(CAST(:ids AS uuid[]))",
            {"ids": [key for key, _ in sample]},
        )
    seen = {row.nominal_id for row in rows}
    return [(key, item) for key, item in sample if key in seen and _born(item)]


def _questions(people: Sequence[tuple[NominalId, SyntheticNominal]], count: int) -> list[Question]:
    draw = random.Random(QUERY_SEED)  # noqa: S311 - reproducible, not secret
    questions = []
    for key, item in people[:count]:
        name = item.draft.names[0]
        given = name.given_names.split()[0]
        surname = name.surname
        if draw.random() < 0.7:
            surname = misspell(surname, draw)
        else:
            given = misspell(given, draw)
        born = _born(item)
        year = born.year if born is not None and draw.random() < 0.67 else None
        questions.append(Question(str(key), given, surname, year))
    return questions


async def _time_ours(runtime: Runtime, subject: Subject, questions: Sequence[Question]) -> Timings:
    milliseconds: list[float] = []
    found = 0
    for number, question in enumerate([*questions[:WARM_UP], *questions]):
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
            found += question.key in [str(hit.id) for hit in answer.results]
    return Timings.of(milliseconds, found)


async def _time_peer(connection: Any, questions: Sequence[Question]) -> Timings:
    milliseconds: list[float] = []
    found = 0
    for number, question in enumerate([*questions[:WARM_UP], *questions]):
        name = f"{question.given} {question.surname}".lower()
        started = time.perf_counter()
        keys = await trigram_search(connection, name, question.year)
        if number >= WARM_UP:
            milliseconds.append((time.perf_counter() - started) * 1000)
            found += question.key in keys
    return Timings.of(milliseconds, found)


def misspell(name: str, draw: random.Random) -> str:
    """Return a name with one letter dropped, doubled, exchanged with the next or mistyped."""
    if len(name) < 3:
        return name
    place = draw.randrange(len(name) - 1)
    kind = draw.randrange(4)
    if kind == 0:
        return name[:place] + name[place + 1 :]
    if kind == 1:
        return name[: place + 1] + name[place:]
    if kind == 2:
        return name[:place] + name[place + 1] + name[place] + name[place + 2 :]
    return name[:place] + draw.choice(_LETTERS) + name[place + 1 :]


def _full(item: SyntheticNominal) -> str:
    name = item.draft.names[0]
    return f"{name.given_names} {name.surname}".lower()


def _born(item: SyntheticNominal) -> date | None:
    born = item.draft.date_of_birth
    return born.earliest if born else None
