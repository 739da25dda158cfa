"""Importing a file: it is checked whole, then loaded in batches, each one transaction.

A row that breaks a rule is rejected with its line, field and reason; one that may be a nominal that
is there already is held until somebody decides; the rest is loaded. A batch, its event and the
checkpoint commit together, so an import that was killed goes on where it stopped.
"""

from __future__ import annotations

import asyncio
import csv
import gc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from uuid import uuid4

from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.errors import ConflictError, DecisionUnavailableError, InvalidInputError
from athena.platform.kernel.identity import LabelId, NominalId, Purpose, Subject
from athena.policies.roles.actions import Action
from athena.policies.visibility.models import Consultation
from athena.policies.visibility.service import Gate
from athena.records.imports import repository
from athena.records.imports.drafting import Drafter, DraftError, SourcedDraft
from athena.records.imports.loading import NamesForgottenError, load_batch, load_drafts
from athena.records.imports.mapping import FileMapping, load_mapping
from athena.records.imports.models import BATCH, Item, Rejected, Report, Run, RunState
from athena.records.imports.naming import NameBook
from athena.records.imports.reading import CheckedFile, check_file, read_rows
from athena.records.imports.review import repository as review
from athena.records.names.service import NameRegister
from athena.records.nominals import repository as nominals
from athena.records.nominals.schemas import NominalDraft
from athena.records.nominals.service import label_key

Progress = Callable[[int, int], None]
"""Learns how many rows are done, and of about how many."""

Stop = Callable[[], bool]
_PURPOSE = Purpose.DATA_QUALITY
_ATTEMPTS = 5
_RARELY = (200_000, 20, 50)
"""When to look for cycles: rows have none, and looking at each of them took a third of the time."""


class Loader:
    """Loads drafts for one member, and remembers labels and names from batch to batch."""

    def __init__(self, gate: Gate, register: NameRegister, subject: Subject) -> None:
        self.gate = gate
        self.subject = subject
        self.book = NameBook(register)
        self.labels: dict[tuple[object, ...], LabelId] = {}

    async def prepare(self, drafts: Sequence[NominalDraft]) -> None:
        """Make the names and labels of drafts known, before the transaction that writes them.

        A decision covers the labels that exist when it is made, so a new one must be there first.
        """
        await self.book.learn(drafts)
        new = {key: draft for draft in drafts if (key := label_key(draft)) not in self.labels}
        if new:
            async with self.gate.database.write(self.subject.login) as session:
                for key, draft in new.items():
                    self.labels[key] = await nominals.intern_label(session, draft)

    async def load(self, run: Run, items: Sequence[Item]) -> int:
        """Load a batch of a run in a transaction of its own; return how many nominals are new."""
        told = {
            "run": str(run.run_id),
            "file": run.file_name,
            "sha256": run.file_sha256,
            "rows": len(items),
        }
        entry = Entry(EventKind.COLLECTION, "nominals.import", _reason(run.source), told)
        for attempt in range(1, _ATTEMPTS + 1):
            await self.prepare([item.draft for item in items if item.draft is not None])
            try:
                async with self.gate.alter(
                    self.subject, Action.NOMINALS_IMPORT, _PURPOSE, entry
                ) as alteration:
                    return await load_batch(alteration, self.book, self.labels, run, items)
            except NamesForgottenError:
                self.book.forget()
            except DecisionUnavailableError:
                if attempt == _ATTEMPTS:
                    raise
        raise ConflictError("The dictionary of names is being cleaned; import again in a moment.")


async def import_nominals(
    gate: Gate,
    register: NameRegister,
    subject: Subject,
    path: Path,
    mapping_path: Path,
    rejects_path: Path,
    progress: Progress = lambda _done, _total: None,
    *,
    stop: Stop = lambda: False,
    restart: bool = False,
    batch: int = BATCH,
) -> Report:
    """Import a file of the subject's own force, or go on with it where it was interrupted.

    InvalidInputError refuses the whole file; ConflictError where an interrupted import of the same
    source was of another file, unless ``restart`` gives that up. ``stop`` is asked after each
    batch of so many rows: the report then says that the run isn't finished.
    """
    opening = Entry(EventKind.COLLECTION, "nominals.import", "Import of a file")
    await gate.permit(subject, Action.NOMINALS_IMPORT, _PURPOSE, opening)
    mapping = load_mapping(mapping_path)
    file = await asyncio.to_thread(check_file, path, mapping)
    run = await _begin(gate, subject, mapping, file, restart)
    loader = Loader(gate, register, subject)
    rows = islice(_items(file, mapping), run.rows_read, None)
    waiting = asyncio.create_task(asyncio.to_thread(_take, rows, batch))
    collecting = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*_RARELY)
    try:
        while items := await waiting:
            # The next rows are read while the store is at work on these.
            waiting = asyncio.create_task(asyncio.to_thread(_take, rows, batch))
            await loader.load(run, items)
            run = replace(run, rows_read=items[-1].row_number)
            progress(run.rows_read, max(file.about_rows, run.rows_read))
            if stop():
                break
        else:
            await _finish(gate, subject, run)
    finally:
        gc.set_threshold(*collecting)
        gc.unfreeze()
        await asyncio.gather(waiting, return_exceptions=True)
    return await _report(gate, subject, run, rejects_path)


async def load_synthetic(
    loader: Loader, source: str, batch: Sequence[SourcedDraft], entry: Entry
) -> list[tuple[str, NominalId]]:
    """Load made-up nominals in a transaction of its own; return those that were new."""
    await loader.prepare([item.draft for item in batch])
    async with loader.gate.alter(
        loader.subject, Action.NOMINALS_IMPORT, _PURPOSE, entry
    ) as alteration:
        return await load_drafts(alteration, loader.book, loader.labels, source, batch)


def _items(file: CheckedFile, mapping: FileMapping) -> Iterator[Item]:
    """Yield every row of a file, numbered from 1, as a nominal or with what is wrong."""
    drafter = Drafter(mapping)
    for number, row in enumerate(read_rows(file, mapping), start=1):
        source_id = ""
        try:
            source_id = drafter.source_id(row)
            yield Item(number, row.line, source_id, drafter.draft(row))
        except DraftError as error:
            first = error.problems[0]
            yield Item(number, row.line, source_id, None, first.field, first.reason)


def _take(rows: Iterator[Item], most: int) -> list[Item]:
    return list(islice(rows, most))


async def _begin(
    gate: Gate, subject: Subject, mapping: FileMapping, file: CheckedFile, restart: bool
) -> Run:
    source, digest = mapping.source, mapping.sha256
    told = {"file": file.path.name, "sha256": file.sha256, "about_rows": file.about_rows}
    entry = Entry(EventKind.COLLECTION, "nominals.import", _reason(source), told)
    async with gate.alter(subject, Action.NOMINALS_IMPORT, _PURPOSE, entry) as alteration:
        earlier = await repository.unfinished(alteration, source)
        if earlier is not None:
            if (earlier.file_sha256, earlier.mapping_sha256) == (file.sha256, digest):
                return earlier
            if not restart:
                what = "file" if earlier.file_sha256 != file.sha256 else "mapping"
                raise ConflictError(
                    f"An import of {source} stopped after row {earlier.rows_read:,} of "
                    f"{earlier.file_name}, and this isn't the same {what}: import it as it was to "
                    "go on, or give --restart to begin anew; what was loaded stays."
                )
            await repository.close(alteration, earlier.run_id, RunState.ABANDONED)
        now = datetime.now(UTC)
        run = Run(
            run_id=uuid4(),
            source=source,
            file_name=file.path.name,
            file_sha256=file.sha256,
            mapping_sha256=digest,
            rows_read=0,
            state=RunState.RUNNING,
            started_at=now,
            changed_at=now,
            loaded=None,
        )
        await repository.begin(alteration, run)
    return run


async def _finish(gate: Gate, subject: Subject, run: Run) -> None:
    """End a run with the number of its rows that the store holds."""
    entry = Entry(
        EventKind.COLLECTION,
        "nominals.import",
        _reason(run.source),
        {"run": str(run.run_id), "sha256": run.file_sha256, "finished": True},
    )
    async with gate.alter(subject, Action.NOMINALS_IMPORT, _PURPOSE, entry) as alteration:
        counted = await review.counted(alteration, run)
        await repository.close(alteration, run.run_id, RunState.FINISHED, counted.loaded)


async def _report(gate: Gate, subject: Subject, run: Run, rejects_path: Path) -> Report:
    entry = Entry(
        EventKind.CONSULTATION,
        "nominals.import_report",
        _reason(run.source),
        {"run": str(run.run_id)},
    )
    async with gate.consult(subject, Action.NOMINALS_IMPORT, _PURPOSE, entry) as consultation:
        stored = await review.find_run(consultation, run.run_id)
        assert stored is not None  # it was begun above, and nobody may delete one
        counted = await review.counted(consultation, stored)
        await _write_rejects(consultation, stored, rejects_path)
    return Report.of(stored, counted, rejects_path)


async def _write_rejects(consultation: Consultation, run: Run, path: Path) -> None:
    """Write the rejected rows of a run from the store: a run that was interrupted has them too."""
    after, begun = 0, False
    while rows := await review.rejected(consultation, run.run_id, after, BATCH):
        await asyncio.to_thread(_append_rejects, path, [row for _, row in rows], begun)
        after, begun = rows[-1][0], True
    if not begun:
        await asyncio.to_thread(path.unlink, missing_ok=True)


def _append_rejects(path: Path, rows: Sequence[Rejected], begun: bool) -> None:
    try:
        with path.open("a" if begun else "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            if not begun:
                writer.writerow(["line", "id", "field", "reason"])
            writer.writerows([row.line, row.source_id, row.field, row.reason] for row in rows)
    except OSError as error:
        raise InvalidInputError(
            f"The rows are loaded, but {path} can't be written: {error.strerror}; "
            "`athena imports rejected` shows what was rejected."
        ) from None


def _reason(source: str) -> str:
    return f"Import of {source}"
