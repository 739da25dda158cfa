"""Reading ahead: a process of its own reads and checks rows while the store loads others.

``python -m athena.records.imports.ahead`` is that process. It is told by its standard input what to
read, and answers on its standard output with one batch after another; the pipe holds it back when
nobody takes them. It never reaches the store, and ends with whoever started it.
"""

from __future__ import annotations

import asyncio
import gc
import pickle
import signal
import struct
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import BinaryIO

from athena.platform.kernel.errors import AthenaError, InvalidInputError
from athena.platform.kernel.standing_back import stand_back
from athena.records.imports.drafting import Drafter, DraftError
from athena.records.imports.mapping import FileMapping
from athena.records.imports.models import Batch, Item
from athena.records.imports.reading import CheckedFile, read_rows
from athena.records.imports.staging import stage_items

OF_ITS_OWN = 10_000
"""From how many rows reading is worth a process, which takes a second to start."""

RARELY = (200_000, 20, 50)
"""When to look for cycles: rows have none, and looking at each of them took a third of the time."""

_BUFFERED = 1 << 20
_LENGTH = struct.Struct("!Q")
_BROKE_OFF = "Reading the file broke off; import it again to go on after the last batch."


Take = Callable[[], Awaitable[Batch | None]]
"""Returns the next batch, or None after the last."""


@dataclass(frozen=True, slots=True)
class Job:
    """What to read: a checked file by its mapping, after so many rows, so many rows at a time."""

    file: CheckedFile
    mapping: FileMapping
    skip: int
    batch: int
    behind: bool = True
    """Whether the process lets others have the processors first."""

    def batches(self) -> Iterator[Batch]:
        """Yield the rows in batches."""
        rows = items(self.file, self.mapping, self.skip)
        while (batch := stage_items(islice(rows, self.batch))).rows:
            yield batch


@asynccontextmanager
async def reading(job: Job, of_its_own: int = OF_ITS_OWN) -> AsyncIterator[Take]:
    """Yield what takes one batch after another, read by a process where there are many rows."""
    if job.file.about_rows - job.skip < of_its_own:
        left = job.batches()
        yield lambda: asyncio.to_thread(next, left, None)
        return
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "athena.records.imports.ahead",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_BUFFERED,
        start_new_session=True,  # only so can it stand back behind the others of this one
    )
    assert process.stdin is not None  # it is a pipe, and so is the next
    assert process.stdout is not None
    try:
        process.stdin.write(pickle.dumps(job))
        process.stdin.close()
        yield partial(_take, process.stdout)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def _take(stream: asyncio.StreamReader) -> Batch | None:
    try:
        (length,) = _LENGTH.unpack(await stream.readexactly(_LENGTH.size))
        told: Batch | str | None = pickle.loads(await stream.readexactly(length))  # noqa: S301
    except asyncio.IncompleteReadError:
        raise AthenaError(_BROKE_OFF) from None
    if isinstance(told, str):
        raise InvalidInputError(told)
    return told


def items(file: CheckedFile, mapping: FileMapping, skip: int = 0) -> Iterator[Item]:
    """Yield every row of a file after the first so many, as a nominal or with what is wrong.

    Rows are numbered from 1. Those that are skipped are read, but nothing is made of them.
    """
    drafter = Drafter(mapping)
    left = islice(read_rows(file, mapping), skip, None)
    for number, row in enumerate(left, start=skip + 1):
        source_id = ""
        try:
            source_id = drafter.source_id(row)
            yield Item(number, row.line, source_id, drafter.draft(row), cells=row.cells)
        except DraftError as error:
            first = error.problems[0]
            yield Item(number, row.line, source_id, None, first.field, first.reason)


def main() -> None:
    """Read what standard input asks for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever started this
    gc.set_threshold(*RARELY)
    job: Job = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that started this
    if job.behind:
        stand_back()
    out = sys.stdout.buffer
    try:
        for batch in job.batches():
            _send(out, batch)
        _send(out, None)
    except InvalidInputError as error:
        _send(out, error.detail)
    except BrokenPipeError:
        sys.stderr.close()  # whoever asked is gone; there is nobody to tell


def _send(out: BinaryIO, what: Batch | str | None) -> None:
    packed = pickle.dumps(what, pickle.HIGHEST_PROTOCOL)
    out.write(_LENGTH.pack(len(packed)))
    out.write(packed)
    out.flush()


if __name__ == "__main__":
    main()
