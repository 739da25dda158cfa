"""What a file is worth before a row of it is loaded: completeness, validity, duplicates.

A report holds counts and line numbers only, never what a line says.
"""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.identity import Purpose, Subject
from athena.policies.roles.actions import Action
from athena.policies.visibility.service import Gate
from athena.records.imports import repository
from athena.records.imports.drafting import Drafter, DraftError, Problem
from athena.records.imports.loading import find_duplicates
from athena.records.imports.mapping import load_mapping
from athena.records.imports.models import BATCH, OF_ONE_PERSON
from athena.records.imports.reading import RawRow, check_file, read_rows
from athena.records.names import repository as dictionary
from athena.records.names.keys import day_number, name_key
from athena.records.names.normalise import name_pairs
from athena.records.nominals.schemas import NominalDraft

EXAMPLES = 5
"""How many line numbers a report gives for each thing that it found."""

KINDS = ("id", "identifier", "name and date of birth")
"""What makes two rows, or a row and a nominal, the same."""


@dataclass(slots=True)
class Found:
    """How many rows something is true of, and the first lines of them."""

    rows: int = 0
    lines: list[int] = field(default_factory=list)

    def add(self, line: int) -> None:
        """Count a row."""
        self.rows += 1
        if len(self.lines) < EXAMPLES:
            self.lines.append(line)


@dataclass(slots=True)
class QualityReport:
    """What a dry run tells."""

    file: str
    checksum: str
    source: str
    rows: int = 0
    valid: int = 0
    complete: dict[str, int] = field(default_factory=dict)
    """By field, how many rows have something there."""
    rules: dict[tuple[str, str], Found] = field(default_factory=dict)
    """By field and rule, which rows break it."""
    in_file: dict[str, Found] = field(default_factory=dict)
    """By kind, which rows repeat an earlier one of the file."""
    in_store: dict[str, Found] = field(default_factory=dict)
    """By kind, which rows are, or may be, of a nominal that is there."""

    def document(self) -> dict[str, Any]:
        """Return the report for a program."""
        return {
            "file": self.file,
            "checksum": self.checksum,
            "source": self.source,
            "rows": self.rows,
            "valid": self.valid,
            "invalid": self.rows - self.valid,
            "completeness": {
                name: {"filled": filled, "share": round(filled / max(self.rows, 1), 4)}
                for name, filled in self.complete.items()
            },
            "broken_rules": [
                {"field": place, "rule": reason, **asdict(found)}
                for (place, reason), found in self.ordered_rules()
            ],
            "duplicates_in_file": {kind: asdict(found) for kind, found in self.in_file.items()},
            "duplicates_in_store": {kind: asdict(found) for kind, found in self.in_store.items()},
        }

    def ordered_rules(self) -> list[tuple[tuple[str, str], Found]]:
        """Return the broken rules, the most frequent first."""
        return sorted(self.rules.items(), key=lambda item: (-item[1].rows, item[0]))


@dataclass(slots=True)
class _Seen:
    """Hashes of what rows are, and their lines: 16 bytes a row, whatever a row says."""

    hashes: array[int] = field(default_factory=lambda: array("q"))
    lines: array[int] = field(default_factory=lambda: array("q"))

    def add(self, what: object, line: int) -> None:
        self.hashes.append(hash(what))
        self.lines.append(line)

    def repeated(self) -> Found:
        """Return the rows that repeat an earlier one."""
        hashes, lines = np.array(self.hashes), np.array(self.lines)
        order = np.argsort(hashes, kind="stable")
        same = np.flatnonzero(hashes[order][1:] == hashes[order][:-1]) + 1
        found = np.unique(lines[order][same])
        return Found(len(found), [int(line) for line in found[:EXAMPLES]])


@dataclass(frozen=True, slots=True)
class _Looked:
    """A row, what it is, and the rules that it breaks."""

    row: RawRow
    source_id: str
    draft: NominalDraft | None
    problems: Sequence[Problem]


async def check_quality(
    gate: Gate,
    subject: Subject,
    path: Path,
    mapping_path: Path,
    progress: Any = lambda _done, _total: None,
) -> QualityReport:
    """Read a file as an import would and report on it; nothing is written but events in the log.

    What the file may double in the store is told as far as the member may see it.
    """
    opening = Entry(EventKind.CONSULTATION, "nominals.import_check", "Dry run of an import")
    await gate.permit(subject, Action.NOMINALS_IMPORT, Purpose.DATA_QUALITY, opening)
    mapping = load_mapping(mapping_path)
    file = await asyncio.to_thread(check_file, path, mapping)
    drafter = Drafter(mapping)
    report = QualityReport(path.name, file.sha256, mapping.source)
    report.complete = dict.fromkeys(drafter.fields, 0)
    report.in_store = {kind: Found() for kind in KINDS}
    seen = {kind: _Seen() for kind in KINDS}
    rows = _looked(read_rows(file, mapping), drafter)
    while batch := await asyncio.to_thread(_take, rows):
        for item in batch:
            _note(report, seen, drafter, item)
        await _compare(gate, subject, report, batch)
        progress(report.rows, max(file.about_rows, report.rows))
    report.in_file = {kind: each.repeated() for kind, each in seen.items()}
    return report


def _looked(rows: Iterator[RawRow], drafter: Drafter) -> Iterator[_Looked]:
    for row in rows:
        source_id, draft, problems = "", None, list[Problem]()
        try:
            source_id = drafter.source_id(row)
        except DraftError as error:
            problems += error.problems
        if not row.problem:
            try:
                draft = drafter.draft(row)
            except DraftError as error:
                problems += error.problems
        yield _Looked(row, source_id, draft, problems)


def _take(rows: Iterator[_Looked]) -> list[_Looked]:
    return list(islice(rows, BATCH))


def _note(report: QualityReport, seen: dict[str, _Seen], drafter: Drafter, item: _Looked) -> None:
    line = item.row.line
    report.rows += 1
    report.valid += not item.problems
    for place, reason in {(each.field, each.reason) for each in item.problems}:
        report.rules.setdefault((place, reason), Found()).add(line)
    if item.row.problem:
        return
    for name, take in drafter.fields.items():
        report.complete[name] += bool(take(item.row.cells))
    if item.source_id:
        seen[KINDS[0]].add(item.source_id, line)
    if item.draft is not None:
        for number in item.draft.identifiers:
            if number.kind in OF_ONE_PERSON:
                seen[KINDS[1]].add((number.kind, number.value), line)
        person = _person(item.draft)
        if person is not None:
            seen[KINDS[2]].add(person, line)


async def _compare(
    gate: Gate, subject: Subject, report: QualityReport, batch: Sequence[_Looked]
) -> None:
    """Note which rows of a batch are of nominals that are there."""
    drafted = [(item.row.line, item.draft) for item in batch if item.draft is not None]
    leading = await _leading(gate, [draft for _, draft in drafted])
    told = {"file": report.file, "sha256": report.checksum, "rows": len(batch)}
    entry = Entry(
        EventKind.CONSULTATION, "nominals.import_check", f"Dry run of {report.source}", told
    )
    async with gate.consult(
        subject, Action.NOMINALS_IMPORT, Purpose.DATA_QUALITY, entry
    ) as consultation:
        await repository.by_index(consultation)
        known = await repository.known(
            consultation, report.source, [item.source_id for item in batch if item.source_id]
        )
        by_identifier, by_name = await find_duplicates(
            consultation, [_numbers(draft) for _, draft in drafted], leading
        )
    for item in batch:
        if item.source_id in known:
            report.in_store[KINDS[0]].add(item.row.line)
    for kind, found in zip(KINDS[1:], (by_identifier, by_name), strict=True):
        for place in sorted(found):
            report.in_store[kind].add(drafted[place][0])


def _numbers(draft: NominalDraft) -> list[tuple[str, str]]:
    return [
        (str(each.kind), each.value) for each in draft.identifiers if each.kind in OF_ONE_PERSON
    ]


async def _leading(gate: Gate, drafts: Sequence[NominalDraft]) -> list[int | None]:
    """Return the first name key of each draft, of terms that are known; no name is registered."""
    people = [_person(draft) for draft in drafts]
    tokens = {token for person in people if person for token in person[:2]}
    async with gate.database.read(dictionary.DICTIONARY) as session:
        numbers = await dictionary.find_terms(session, tokens)
    return [
        name_key(numbers[person[0]], numbers[person[1]], person[2])
        if person and person[0] in numbers and person[1] in numbers
        else None
        for person in people
    ]


def _person(draft: NominalDraft) -> tuple[str, str, int] | None:
    """Return surname, first given name and day of birth, where all three are known."""
    born = draft.date_of_birth
    if born is None or born.day is None:
        return None
    family, given = _leading_pair(draft.names[0].given_names, draft.names[0].surname)
    return (family, given, day_number(born.earliest)) if family and given else None


@lru_cache(20_000)
def _leading_pair(given_names: str, surname: str) -> tuple[str, str]:
    return name_pairs(given_names, surname)[0]
