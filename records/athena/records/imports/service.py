"""Importing a file: it is checked whole, then loaded in batches, each one transaction.

A row that breaks a rule is rejected with its line, field and reason; one that may be a nominal that
is there already is held until somebody decides; the rest is loaded. A batch, its event and the
checkpoint commit together, so an import that was killed goes on where it stopped.
"""

from __future__ import annotations

import asyncio
import csv
import gc
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.errors import ConflictError, DecisionUnavailableError, InvalidInputError
from athena.platform.kernel.identity import LabelId, NominalId, Purpose, Subject
from athena.policies.roles.actions import Action
from athena.policies.visibility.models import Consultation
from athena.policies.visibility.service import Gate
from athena.records.imports import repository
from athena.records.imports.ahead import OF_ITS_OWN, RARELY, Job, Take, reading
from athena.records.imports.drafting import Drafter, SourcedDraft
from athena.records.imports.loading import NamesForgottenError, load_batch, load_drafts
from athena.records.imports.mapping import FileMapping, load_mapping
from athena.records.imports.models import (
    BATCH,
    Batch,
    Known,
    Loaded,
    Rejected,
    Report,
    Run,
    RunState,
)
from athena.records.imports.order import OvertakenError, Turn
from athena.records.imports.reading import CheckedFile, check_file
from athena.records.imports.review import repository as review
from athena.records.imports.staging import stage_drafts
from athena.records.names.service import NameRegister
from athena.records.nominals import repository as nominals
from athena.records.nominals.models import LabelParts

Progress = Callable[[int, int], None]
"""Learns how many rows are done, and of about how many."""

Stop = Callable[[], bool]
_PURPOSE = Purpose.DATA_QUALITY
_ATTEMPTS = 5


class Loader:
    """Loads batches for one member, and remembers labels from batch to batch."""

    def __init__(self, gate: Gate, register: NameRegister, subject: Subject) -> None:
        self.gate = gate
        self.subject = subject
        self.register = register
        self._labels: dict[LabelParts, LabelId] = {}

    async def prepare(self, batch: Batch) -> Known:
        """Make the names and labels of a batch known, before the transaction that writes it.

        A decision covers the labels that exist when it is made, so a new one must be there first.
        """
        await self.register.register_pairs(batch.pairs)
        new = [parts for parts in batch.labels if parts not in self._labels]
        if new:
            async with self.gate.database.write(self.subject.login) as session:
                for parts in new:
                    self._labels[parts] = await nominals.intern_label(session, parts)
        return Known(
            [self._labels[parts] for parts in batch.labels],
            [self.register.number_of(token) for token in batch.tokens],
        )

    async def load(
        self, run: Run, batch: Batch, known: Known, drafter: Drafter, turn: Turn | None = None
    ) -> Loaded:
        """Load a batch of a run in a transaction of its own.

        It keeps to its turn where the batch before may still be under way. StoppedError where
        that one failed, or the import was to stop after it.
        """
        turn = turn or Turn()
        try:
            for attempt in range(1, _ATTEMPTS + 1):
                try:
                    return await self._load_once(run, batch, known, drafter, turn)
                except NamesForgottenError:
                    self.register.forget()
                except OvertakenError:
                    pass
                except DecisionUnavailableError:
                    if attempt == _ATTEMPTS:
                        raise
                turn.again()
                await turn.let_pass()
                known = await self.prepare(batch)
        except BaseException:
            turn.stop()
            raise
        turn.stop()
        raise ConflictError("The dictionary of names is being cleaned; import again in a moment.")

    async def _load_once(
        self, run: Run, batch: Batch, known: Known, drafter: Drafter, turn: Turn
    ) -> Loaded:
        told = {
            "run": str(run.run_id),
            "file": run.file_name,
            "sha256": run.file_sha256,
            "rows": len(batch.rows),
        }
        entry = Entry(EventKind.COLLECTION, "nominals.import", _reason(run.source), told)
        async with self.gate.alter(
            self.subject, Action.NOMINALS_IMPORT, _PURPOSE, entry
        ) as alteration:
            return await load_batch(alteration, run, batch, known, drafter, turn)


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
    of_its_own: int = OF_ITS_OWN,
    behind: bool = True,
) -> Report:
    """Import a file of the subject's own force, or go on with it where it was interrupted.

    InvalidInputError refuses the whole file; ConflictError where an interrupted import of the same
    source was of another file, unless ``restart`` gives that up. ``stop`` is asked after each
    batch of so many rows: the report then says that the run isn't finished. A file of
    ``of_its_own`` rows or more is read by a process of its own, ``behind`` all others.
    """
    opening = Entry(EventKind.COLLECTION, "nominals.import", "Import of a file")
    await gate.permit(subject, Action.NOMINALS_IMPORT, _PURPOSE, opening)
    mapping = load_mapping(mapping_path)
    file = await asyncio.to_thread(check_file, path, mapping)
    run = await _begin(gate, subject, mapping, file, restart)
    loader = Loader(gate, register, subject)
    async with reading(Job(file, mapping, run.rows_read, batch, behind), of_its_own) as take:
        with _rarely_collecting():
            run = await _load_all(
                loader, run, take, Drafter(mapping), file.about_rows, progress, stop
            )
    return await _report(gate, subject, run, rejects_path)


async def _load_all(
    loader: Loader,
    run: Run,
    take: Take,
    drafter: Drafter,
    about_rows: int,
    progress: Progress,
    stop: Stop,
) -> Run:
    """Load batch after batch; return the run as it then is, finished unless it was stopped."""

    async def prepared() -> tuple[Batch, Known] | None:
        batch = await take()
        return None if batch is None else (batch, await loader.prepare(batch))

    # The next rows are read, and their names registered, while the store is at work on these.
    waiting = asyncio.create_task(prepared())
    under_way: deque[_UnderWay] = deque()
    try:
        while True:
            ready = await waiting
            if ready is not None:
                waiting = asyncio.create_task(prepared())
                before = under_way[-1].turn if under_way else None
                under_way.append(_UnderWay.begin(loader, run, *ready, drafter, before))
                await asyncio.wait([under_way[-1].turn.decided])
            if len(under_way) > (ready is not None):
                loaded = await under_way[0].task
                ended = under_way.popleft()
                run = replace(run, rows_read=ended.last_row)
                progress(run.rows_read, max(about_rows, run.rows_read))
                if stop():
                    ended.turn.stop()
                    return run
                ended.turn.end(loaded.as_decided)
            if ready is None:
                await _finish(loader.gate, loader.subject, run)
                return run
    finally:
        waiting.cancel()
        for each in under_way:
            each.turn.stop()
        await asyncio.gather(waiting, *(each.task for each in under_way), return_exceptions=True)


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """A batch that is being loaded, with its turn and its last row."""

    task: asyncio.Task[Loaded]
    turn: Turn
    last_row: int

    @classmethod
    def begin(
        cls,
        loader: Loader,
        run: Run,
        batch: Batch,
        known: Known,
        drafter: Drafter,
        before: Turn | None,
    ) -> _UnderWay:
        """Begin to load a batch after another, which may still be under way."""
        turn = Turn(before)
        task = asyncio.create_task(loader.load(run, batch, known, drafter, turn))
        return cls(task, turn, batch.rows[-1].row_number)


@contextmanager
def _rarely_collecting() -> Iterator[None]:
    collecting = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*RARELY)
    try:
        yield
    finally:
        gc.set_threshold(*collecting)
        gc.unfreeze()


async def load_synthetic(
    loader: Loader, source: str, batch: Sequence[SourcedDraft], entry: Entry
) -> list[tuple[str, NominalId]]:
    """Load made-up nominals in a transaction of its own; return those that were new."""
    staged = stage_drafts(batch)
    known = await loader.prepare(staged)
    async with loader.gate.alter(
        loader.subject, Action.NOMINALS_IMPORT, _PURPOSE, entry
    ) as alteration:
        return await load_drafts(alteration, source, staged, known)


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
