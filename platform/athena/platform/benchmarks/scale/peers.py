"""The peers of consortium search in the same run: trigrams with and without walls, and tantivy."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np

from athena.platform.benchmarks.scale.bulk import Filled
from athena.platform.benchmarks.scale.questions import FIRST, Question
from athena.platform.benchmarks.trigram import trigram_search, trigram_server
from athena.platform.kernel.errors import ConfigurationError
from athena.records.names.keys import day_of

MOST_SECONDS = 90.0
"""How long each peer may be asked; a slow one answers a subset of the questions."""

FEWEST = 20
SLIPS_OF_TANTIVY = {"tantivy": 1, "tantivy_two_slips": 2}
"""How many slips in a word it forgives, by the name of the peer; short words have one at most."""

_SHORT = 5
"""A word of fewer letters is short, as in our own look-up."""

_WARM_UP = 3
_RULES = """
    CREATE ROLE walled NOLOGIN;
    CREATE TABLE visible (label smallint);
    GRANT SELECT ON person, visible TO walled;
    ALTER TABLE person ENABLE ROW LEVEL SECURITY;
    CREATE POLICY labels ON person TO walled
        USING (label = ANY (ARRAY(SELECT v.label FROM visible AS v)));
"""

Tell = Callable[[str], None]
Answers = tuple[list[float], list[tuple[Question, bool]]]
"""Milliseconds of each question, and whether the person meant was found."""


async def ask_trigrams(
    filled: Filled, questions: Sequence[Question], visible_labels: Sequence[int], tell: Tell
) -> dict[str, Answers]:
    """Return the answers of a trigram index without any protection, and under row-level security.

    The index is of PostgreSQL 15 in a server of its own.
    """
    tell("Loading the trigram index of PostgreSQL 15")
    answers: dict[str, Answers] = {}
    async with trigram_server(_rows(filled)) as connection:
        tell("Asking the trigram index without protection")
        answers["trigram"] = await _ask_trigram(connection, questions)
        await connection.execute(_RULES)
        await connection.executemany(
            "INSERT INTO visible VALUES ($1)", [(label,) for label in visible_labels]
        )
        await connection.execute("SET ROLE walled")
        tell("Asking the trigram index under row-level security")
        answers["trigram_walled"] = await _ask_trigram(connection, questions)
        await connection.execute("RESET ROLE")
    return answers


async def _ask_trigram(connection: asyncpg.Connection, questions: Sequence[Question]) -> Answers:
    milliseconds, found = [], []
    started = time.perf_counter()
    for number, question in enumerate([*questions[:_WARM_UP], *questions]):
        name = f"{question.given} {question.surname}"
        year = question.born.year if question.born is not None else None
        begun = time.perf_counter()
        keys = await trigram_search(connection, name, year)
        if number >= _WARM_UP:
            milliseconds.append((time.perf_counter() - begun) * 1000)
            found.append((question, str(question.row) in keys))
        if time.perf_counter() - started > MOST_SECONDS and len(found) >= FEWEST:
            break
    return milliseconds, found


def ask_tantivy(
    filled: Filled, questions: Sequence[Question], most: int, folder: Path, tell: Tell
) -> dict[str, Answers]:
    """Return the answers of tantivy without any protection, over at most ``most`` people.

    Names by fuzzy terms, of one slip and of as many as our own look-up forgives; the year of birth
    as a wish. ConfigurationError where tantivy isn't installed.
    """
    try:
        tantivy = import_module("tantivy")
    except ImportError:
        raise ConfigurationError(
            "tantivy isn't installed; run uv sync --group bench, or leave the peers out with "
            "--no-peer."
        ) from None
    builder = tantivy.SchemaBuilder()
    builder.add_integer_field("row", stored=True)
    builder.add_text_field("name")
    builder.add_integer_field("year", indexed=True)
    schema = builder.build()
    tell("Building tantivy's index")
    index = tantivy.Index(schema, path=str(folder))
    writer = index.writer(heap_size=512_000_000)
    for row, (_, name, born, _) in enumerate(_rows(filled)):
        if row == most:
            break
        year = born.year if born is not None else 0
        writer.add_document(tantivy.Document(row=row, name=name, year=year))
    writer.commit()
    writer.wait_merging_threads()
    index.reload()
    searcher = index.searcher()
    within = [question for question in questions if question.row < most]
    answers = {}
    for name, slips in SLIPS_OF_TANTIVY.items():
        tell(f"Asking tantivy, slips in a word: {slips}")

        def query_of(question: Question, slips: int = slips) -> Any:
            return _tantivy_query(tantivy, schema, question, slips)

        answers[name] = _ask_tantivy(searcher, query_of, within)
    return answers


def _ask_tantivy(
    searcher: Any, query_of: Callable[[Question], Any], questions: Sequence[Question]
) -> Answers:
    milliseconds, found = [], []
    started = time.perf_counter()
    for number, question in enumerate([*questions[:_WARM_UP], *questions]):
        begun = time.perf_counter()
        query = query_of(question)
        hits = searcher.search(query, FIRST).hits
        rows = [searcher.doc(address)["row"][0] for _, address in hits]
        if number >= _WARM_UP:
            milliseconds.append((time.perf_counter() - begun) * 1000)
            found.append((question, question.row in rows))
        if time.perf_counter() - started > MOST_SECONDS and len(found) >= FEWEST:
            break
    return milliseconds, found


def _tantivy_query(tantivy: Any, schema: Any, question: Question, slips: int) -> Any:
    words = f"{question.given} {question.surname}".replace("-", " ").replace("'", " ").split()
    wanted = [
        (
            tantivy.Occur.Should,
            tantivy.Query.fuzzy_term_query(
                schema,
                "name",
                word,
                distance=slips if len(word) >= _SHORT else 1,
                transposition_cost_one=True,
            ),
        )
        for word in words
    ]
    if question.born is not None:
        year = tantivy.Query.term_query(schema, "year", question.born.year)
        wanted.append((tantivy.Occur.Should, year))
    return tantivy.Query.boolean_query(wanted)


def _rows(filled: Filled) -> Iterator[tuple[str, str, Any, int]]:
    """Yield (row, full name, date of birth, label) of everybody."""
    people, universe = filled.people, filled.universe
    columns = (people.given, people.second, people.surnames, people.days, filled.labels)
    for row, (given, second, surname, day, label) in enumerate(
        zip(*(np.asarray(column).tolist() for column in columns), strict=True)
    ):
        names = [universe.given.plain[given]]
        if second >= 0:
            names.append(universe.given.plain[second])
        names.append(universe.surnames.plain[surname])
        yield str(row), " ".join(names), day_of(day), label
