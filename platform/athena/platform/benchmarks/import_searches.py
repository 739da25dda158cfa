"""Searching while a file is imported: whether the same is found, and how long it takes."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from athena.platform.benchmarks.import_processes import FORCE
from athena.platform.benchmarks.scale.questions import misspell
from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.identity import Purpose, Subject
from athena.platform.runtime import Runtime
from athena.policies.roles.actions import Action
from athena.records.synthetic.people import SyntheticNominal
from athena.sharing.search.query import Asked, understand
from athena.tenants.members.service import subject_by_username

QUERY_SEED = 77_103
WARM_UP = 20
FIRST = 20


@dataclass(frozen=True, slots=True)
class Question:
    """A misspelt query and the id of the row that it means."""

    source_id: str
    given: str
    surname: str
    year: int | None


@dataclass(slots=True)
class Searched:
    """What searches found, and how long they took."""

    milliseconds: list[float] = field(default_factory=list)
    found: dict[str, bool] = field(default_factory=dict)
    """By question, whether it found whom it means, every time."""

    def summary(self) -> dict[str, Any]:
        """Return what a report tells; without times where there were too few."""
        told: dict[str, Any] = {
            "searches": len(self.milliseconds),
            "recall": round(sum(self.found.values()) / max(len(self.found), 1), 4),
        }
        if len(self.milliseconds) >= 100:
            cuts = statistics.quantiles(self.milliseconds, n=100)
            told |= {f"p{cut}": round(cuts[cut - 1], 2) for cut in (50, 95, 99)}
        return told

    def missed(self, *others: Searched) -> int:
        """Return how many questions these searches didn't always answer and all others did."""
        return sum(
            not found and all(other.found.get(each) for other in others)
            for each, found in self.found.items()
        )

    def with_(self, other: Searched) -> Searched:
        """Return these searches and others together."""
        return Searched(
            self.milliseconds + other.milliseconds,
            {each: found and other.found.get(each, True) for each, found in self.found.items()},
        )


def choose(rows: int, count: int) -> set[int]:
    """Return which rows of a file to ask for."""
    draw = random.Random(QUERY_SEED)  # noqa: S311 - reproducible, not secret
    return set(draw.sample(range(1, rows + 1), min(rows, count)))


def questions_of(people: Iterable[tuple[int, SyntheticNominal]]) -> list[Question]:
    """Misspell the names of people of numbered rows; who isn't shown can't be found."""
    draw = random.Random(QUERY_SEED)  # noqa: S311 - reproducible, not secret
    questions = []
    for number, person in people:
        name = person.draft.names[0]
        born = person.draft.date_of_birth
        if not name.given_names or not name.surname:
            continue
        given, surname = name.given_names.split()[0], name.surname
        if draw.random() < 0.7:
            surname = misspell(surname, draw)
        else:
            given = misspell(given, draw)
        year = born.year if born is not None and draw.random() < 0.67 else None
        questions.append(Question(f"P{number}", given, surname, year))
    return questions


async def search(
    runtime: Runtime,
    subject: Subject,
    questions: Sequence[Question],
    until: asyncio.Task[Any] | None = None,
) -> Searched:
    """Search for each question once, or again and again for as long as a task runs."""
    meant = await _ids(runtime, questions)
    for question in questions[:WARM_UP]:
        await _ask(runtime, subject, question)
    searched = Searched()
    while True:
        for question in questions:
            if until is not None and until.done():
                return searched
            started = time.perf_counter()
            hits = await _ask(runtime, subject, question)
            searched.milliseconds.append((time.perf_counter() - started) * 1000)
            found = meant.get(question.source_id) in hits
            before = searched.found.get(question.source_id, True)
            searched.found[question.source_id] = found and before
        if until is None:
            return searched


async def _ask(runtime: Runtime, subject: Subject, question: Question) -> list[str]:
    """Search as a member would; return the first hits."""
    asked = {"given_name": question.given, "surname": question.surname}
    entry = Entry(EventKind.CONSULTATION, "nominals.search", "A benchmark on made-up data", asked)
    query = understand(
        Asked(given_name=question.given, surname=question.surname, year_of_birth=question.year)
    )
    async with runtime.gate.consult(
        subject, Action.NOMINALS_SEARCH, Purpose.INVESTIGATION, entry
    ) as consultation:
        answer = await runtime.searcher.search(consultation, query, asked, FIRST)
    return [str(hit.id) for hit in answer.results]


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
