"""Asks a filled store as officers do: one after the other, several at once, and over HTTP."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from athena.platform.benchmarks.scale.people import People
from athena.platform.benchmarks.scale.questions import FIRST, Question
from athena.platform.benchmarks.scale.timings import percentiles, recall
from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.identity import Purpose, Subject
from athena.platform.runtime import Runtime
from athena.policies.roles.actions import Action
from athena.sharing.search import repository
from athena.sharing.search.plan import make_plan
from athena.sharing.search.query import understand
from athena.sharing.search.ranking import rank
from athena.sharing.search.service import MOST_HITS

WARM_UP = 30
CLIENTS = 8
_REASON = "A benchmark on made-up data"


@dataclass(frozen=True, slots=True)
class Asker:
    """An officer, a purpose, and everybody on record."""

    runtime: Runtime
    subject: Subject
    purpose: Purpose
    people: People

    def id_of(self, question: Question) -> UUID:
        """Return the id of the person meant."""
        return UUID(bytes=self.people.ids[question.row].tobytes())


@dataclass(slots=True)
class _Parts:
    expansion: list[float] = field(default_factory=list)
    sql: list[float] = field(default_factory=list)
    ranking: list[float] = field(default_factory=list)

    def totals(self) -> list[float]:
        return [sum(parts) for parts in zip(self.expansion, self.sql, self.ranking, strict=True)]


async def ask_proper(asker: Asker, questions: Sequence[Question]) -> dict[str, Any]:
    """Time expansion, SQL and ranking on one warm connection, each in a logged transaction."""
    parts, found = _Parts(), []
    names = asker.runtime.searcher.names
    for number, question in enumerate([*questions[:WARM_UP], *questions]):
        query = understand(question.asked())
        names.current.forget_expansions()
        async with asker.runtime.gate.consult(
            asker.subject, Action.NOMINALS_SEARCH, asker.purpose, _entry(question)
        ) as consultation:
            begun = time.perf_counter()
            plan = make_plan(query, names.current)
            planned = time.perf_counter()
            candidates = await repository.by_name(consultation, plan)
            read = time.perf_counter()
            ranked = rank(plan, candidates, MOST_HITS)
            ended = time.perf_counter()
        if number >= WARM_UP:
            parts.expansion.append((planned - begun) * 1000)
            parts.sql.append((read - planned) * 1000)
            parts.ranking.append((ended - read) * 1000)
            first = [item.nominal_id for item in ranked[:FIRST]]
            found.append((question, asker.id_of(question) in first))
    return {
        **percentiles(parts.totals()),
        "expansion": percentiles(parts.expansion),
        "sql": percentiles(parts.sql),
        "ranking": percentiles(parts.ranking),
        "recall": recall(found),
        "queries": len(questions),
    }


async def ask_whole(asker: Asker, questions: Sequence[Question]) -> dict[str, Any]:
    """Time whole searches, from the typed fields to the commit of what was shown."""
    milliseconds, found = [], []
    for number, question in enumerate([*questions[:WARM_UP], *questions]):
        took, hits = await _search(asker, question)
        if number >= WARM_UP:
            milliseconds.append(took)
            found.append((question, asker.id_of(question) in hits))
    return {**percentiles(milliseconds), "recall": recall(found), "queries": len(questions)}


async def ask_at_once(asker: Asker, questions: Sequence[Question]) -> dict[str, Any]:
    """Time whole searches of several clients at once, in this one process."""
    waiting = list(questions)
    milliseconds: list[float] = []

    async def client() -> None:
        while waiting:
            took, _ = await _search(asker, waiting.pop())
            milliseconds.append(took)

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    waiting, milliseconds = list(questions), []
    begun = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    lasted = time.perf_counter() - begun
    return {
        **percentiles(milliseconds),
        "clients": CLIENTS,
        "searches_per_second": round(len(questions) / lasted, 1),
    }


async def _search(asker: Asker, question: Question) -> tuple[float, list[UUID | None]]:
    begun = time.perf_counter()
    asker.runtime.searcher.names.current.forget_expansions()
    query = understand(question.asked())
    async with asker.runtime.gate.consult(
        asker.subject, Action.NOMINALS_SEARCH, asker.purpose, _entry(question)
    ) as consultation:
        answer = await asker.runtime.searcher.search(consultation, query, question.fields(), FIRST)
    return (time.perf_counter() - begun) * 1000, [hit.id for hit in answer.results]


def _entry(question: Question) -> Entry:
    content = {"query": question.fields()}
    return Entry(EventKind.CONSULTATION, "nominals.search", _REASON, content)


async def ask_over_http(
    port: int, token: str, purpose: Purpose, questions: Sequence[Question]
) -> dict[str, Any]:
    """Time searches through the API, over one connection that is kept open."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    milliseconds = []
    try:
        for number, question in enumerate([*questions[:WARM_UP], *questions]):
            fields = {**question.fields(), "purpose": purpose.value, "reason": _REASON}
            body = json.dumps(fields).encode()
            begun = time.perf_counter()
            writer.write(
                b"POST /api/v1/nominals/search HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Type: application/json\r\n"
                + f"Authorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                + body
            )
            await _read_answer(reader)
            if number >= WARM_UP:
                milliseconds.append((time.perf_counter() - begun) * 1000)
    finally:
        writer.close()
    return {**percentiles(milliseconds), "queries": len(questions)}


async def _read_answer(reader: asyncio.StreamReader) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    if " 200 " not in head.split("\r\n", 1)[0] + " ":
        raise RuntimeError(f"the API answered {head.splitlines()[0]}")
    length = next(line for line in head.splitlines() if line.startswith("content-length:"))
    return await reader.readexactly(int(length.partition(":")[2]))
