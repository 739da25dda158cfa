"""Importing a CSV file: the file is checked whole, then loaded in batches that each commit.

A row that breaks a rule goes to the reject file with its line, field and reason, and the rest are
loaded. Rows loaded before are known by their source's id, so a second run, or one after a crash,
adds nothing twice.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from pydantic import ValidationError

from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.errors import InvalidInputError
from athena.platform.kernel.identity import NominalId, Purpose, Subject
from athena.policies.roles.actions import Action
from athena.policies.visibility.models import Alteration
from athena.policies.visibility.service import Gate
from athena.records.imports import repository
from athena.records.imports.mapping import FileMapping, load_mapping
from athena.records.names.service import NameRegister
from athena.records.nominals import service as nominals
from athena.records.nominals.schemas import NominalDraft

BATCH = 500
LONGEST_CELL = 10_000

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class SourcedDraft:
    """A nominal to load, and the id of the record it comes from."""

    source_id: str
    draft: NominalDraft


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that wasn't loaded."""

    line: int
    source_id: str
    field: str
    reason: str


@dataclass(slots=True)
class Report:
    """What became of every row: ``read == loaded + known + rejected``."""

    file: Path
    checksum: str
    rejects: Path
    read: int = 0
    loaded: int = 0
    known: int = 0
    rejected: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def reconciles(self) -> bool:
        """Whether every row read is accounted for."""
        return self.read == self.loaded + self.known + self.rejected

    def document(self) -> dict[str, Any]:
        """Return the report for a program."""
        return {**asdict(self), "reconciles": self.reconciles}


async def load_drafts(
    alteration: Alteration, register: NameRegister, source: str, batch: Sequence[SourcedDraft]
) -> list[tuple[str, NominalId]]:
    """Write those of a batch that aren't known yet; return their source ids and new ids."""
    known = await repository.known(alteration, source, [item.source_id for item in batch])
    new = [(NominalId(uuid4()), item) for item in batch if item.source_id not in known]
    if not new:
        return []
    await nominals.create_many(alteration, register, [(key, item.draft) for key, item in new])
    references = [(item.source_id, key) for key, item in new]
    await repository.add(alteration, source, references)
    return references


async def import_nominals(
    gate: Gate,
    register: NameRegister,
    subject: Subject,
    path: Path,
    mapping_path: Path,
    rejects_path: Path,
    progress: Progress = lambda _: None,
) -> Report:
    """Import a CSV file of the subject's own force; InvalidInputError refuses the whole file."""
    gate.authorise(subject, Action.NOMINALS_IMPORT)
    mapping = load_mapping(mapping_path)
    report = Report(path, _check_file(path, mapping), rejects_path)
    rejected: list[Rejected] = []
    batch: list[SourcedDraft] = []
    for item in _read(path, mapping):
        report.read += 1
        if isinstance(item, Rejected):
            rejected.append(item)
            continue
        batch.append(item)
        if len(batch) == BATCH:
            await _load(gate, register, subject, mapping.source, report, batch)
            batch = []
            progress(report.read)
    if batch:
        await _load(gate, register, subject, mapping.source, report, batch)
    progress(report.read)
    report.rejected = len(rejected)
    for row in rejected:
        report.reasons[row.reason] = report.reasons.get(row.reason, 0) + 1
    _write_rejects(rejects_path, rejected)
    return report


async def _load(
    gate: Gate,
    register: NameRegister,
    subject: Subject,
    source: str,
    report: Report,
    batch: Sequence[SourcedDraft],
) -> None:
    await register.register(
        (name.given_names, name.surname) for item in batch for name in item.draft.names
    )
    entry = Entry(
        EventKind.COLLECTION,
        "nominals.import",
        f"Import of {source}",
        {"file": report.file.name, "sha256": report.checksum, "rows": len(batch)},
    )
    async with gate.alter(
        subject, Action.NOMINALS_IMPORT, Purpose.DATA_QUALITY, entry
    ) as alteration:
        loaded = await load_drafts(alteration, register, source, batch)
    report.loaded += len(loaded)
    report.known += len(batch) - len(loaded)


def _check_file(path: Path, mapping: FileMapping) -> str:
    """Return the file's SHA-256; refuse it whole when it can't be read as CSV in UTF-8."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                digest.update(line)
                if b"\0" in line:
                    raise InvalidInputError(
                        f"Line {number} of {path.name} holds a NUL byte; nothing was loaded."
                    )
                line.decode("utf-8")
    except OSError as error:
        raise InvalidInputError(f"{path} can't be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise InvalidInputError(
            f"Line {number} of {path.name} isn't UTF-8; convert the file, nothing was loaded."
        ) from None
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = next(csv.reader(file), [])
    missing = sorted(mapping.columns_used() - {name.strip() for name in header})
    if missing:
        raise InvalidInputError(
            f"{path.name} has no column {', '.join(missing)}; mend the mapping, nothing was loaded."
        )
    return digest.hexdigest()


def _read(path: Path, mapping: FileMapping) -> Iterator[SourcedDraft | Rejected]:
    first_seen: dict[str, int] = {}
    csv.field_size_limit(LONGEST_CELL)
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, skipinitialspace=True, strict=True)
        reader.fieldnames = [name.strip() for name in reader.fieldnames or []]
        rows = iter(reader)
        while True:
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                yield Rejected(reader.line_num, "", "", f"Not valid CSV: {error}")
                continue
            yield _read_row(row, reader.line_num, mapping, first_seen)


def _read_row(
    row: dict[Any, Any], line: int, mapping: FileMapping, first_seen: dict[str, int]
) -> SourcedDraft | Rejected:
    if None in row or None in row.values():
        return Rejected(line, "", "", "The row has another number of columns than the header")
    source_id = row[mapping.id].strip()
    if not source_id or len(source_id) > 200:
        return Rejected(line, "", mapping.id, "The row has no id, or one over 200 characters")
    if source_id in first_seen:
        reason = f"The same id as in line {first_seen[source_id]}"
        return Rejected(line, source_id, mapping.id, reason)
    first_seen[source_id] = line
    try:
        return SourcedDraft(source_id, mapping.draft(row))
    except ValidationError as error:
        first = error.errors()[0]
        place = "/" + "/".join(str(part) for part in first["loc"])
        return Rejected(line, source_id, place, first["msg"].removeprefix("Value error, "))
    except InvalidInputError as error:
        return Rejected(line, source_id, str(error.extra.get("field", "")), error.detail)


def _write_rejects(path: Path, rejected: Sequence[Rejected]) -> None:
    if not rejected:
        path.unlink(missing_ok=True)
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["line", "id", "field", "reason"])
        writer.writerows([row.line, row.source_id, row.field, row.reason] for row in rejected)
