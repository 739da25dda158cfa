"""Imports as processes of their own: how long they take, how big they grow, and killing them."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg

from athena.platform.kernel.errors import AthenaError
from athena.platform.kernel.store import Store

FORCE = "kent"
KILLS = 5
_LOOK_SECONDS = 0.5
_LOOK_OFTEN = 0.05
_TICKS = os.sysconf("SC_CLK_TCK")

Progress = Callable[[int], None]
"""Learns how many rows are done."""


@dataclass(frozen=True, slots=True)
class Imported:
    """An import that ran to its end: what it reported, how long it took, how big it grew."""

    report: dict[str, Any]
    seconds: float
    cpu_seconds: float
    peak_mb: float
    """The highest memory of all its processes together, each at its own highest."""


@dataclass(slots=True)
class _Usage:
    """What a process and those that it started have used."""

    peaks: dict[int, float] = field(default_factory=dict)
    seconds: dict[int, float] = field(default_factory=dict)

    def look(self, pid: int) -> None:
        """Look at a process and its children as they are now."""
        for each in [pid, *_children(pid)]:
            try:
                status = Path(f"/proc/{each}/status").read_text()
                times = _times(each)
            except OSError:  # it has just ended
                continue
            peak = [line for line in status.splitlines() if line.startswith("VmHWM:")]
            if peak:
                self.peaks[each] = int(peak[0].split()[1]) / 1024
                self.seconds[each] = (int(times[11]) + int(times[12])) / _TICKS


async def run_import(
    data_dir: Path,
    directory: Path,
    name: str,
    meanwhile: Callable[[], Awaitable[None]] | None = None,
) -> Imported:
    """Run an import to its end; its seconds leave out the start of the program."""
    process = await _start(data_dir, directory, name)
    usage = _Usage()
    while process.returncode is None:
        usage.look(process.pid)
        if meanwhile is not None:
            await meanwhile()
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _LOOK_SECONDS)
    _refuse_failed(process, directory)
    report = json.loads((directory / f"{name}.json").read_text())
    started, ended = (datetime.fromisoformat(report[key]) for key in ("started_at", "changed_at"))
    return Imported(
        report,
        (ended - started).total_seconds(),
        sum(usage.seconds.values()),
        sum(usage.peaks.values()),
    )


def _refuse_failed(process: asyncio.subprocess.Process, directory: Path) -> None:
    """Raise an AthenaError with what an import that failed said at last."""
    if process.returncode:
        said = (directory / "errors").read_text().strip().splitlines()
        raise AthenaError(said[-1] if said else f"The import ended by {process.returncode}.")


async def run_killed(
    data_dir: Path,
    directory: Path,
    name: str,
    rows: int,
    seed: int,
    admin: asyncpg.Connection,
    progress: Progress,
) -> list[int]:
    """Kill an import (SIGKILL) again and again; return after how many rows, each time."""
    draw = random.Random(seed)  # noqa: S311 - reproducible, not secret
    killed: list[int] = []
    source = f"bench {name}"
    for number in range(KILLS):
        mark = rows * number // (KILLS + 1)
        process = await _start(data_dir, directory, name)
        while process.returncode is None and not await rows_done(admin, mark, source, progress):
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), _LOOK_OFTEN)
        with suppress(TimeoutError):  # somewhere within the batch, or while it commits
            await asyncio.wait_for(process.wait(), draw.uniform(0, 0.5))
        if process.returncode is None:
            process.kill()
            await process.wait()
            killed.append(await admin.fetchval(_DONE, source) or 0)
        else:
            _refuse_failed(process, directory)
    return killed


_DONE = "SELECT rows_read FROM records.import_run WHERE source = $1"


async def rows_done(admin: asyncpg.Connection, mark: int, source: str, progress: Progress) -> bool:
    """Whether the import of a source has begun and loaded so many rows."""
    done = await admin.fetchval(_DONE, source)
    progress(done or 0)
    return done is not None and done >= mark


async def connect(store: Store) -> asyncpg.Connection:
    """Open a superuser connection to a store."""
    return await asyncpg.connect(
        host=store.address.host,
        port=store.address.port,
        user=store.admin_url.username,
        password=store.admin_url.password,
        database=store.address.database,
    )


class ServerTime:
    """The processor time of every process of the store's server, those that ended included."""

    def __init__(self, store: Store) -> None:
        host = Path(store.address.host)
        found = [host / "postmaster.pid", *host.glob("**/postmaster.pid")]
        self._postmaster = next(
            (int(path.read_text().split()[0]) for path in found if path.exists()), None
        )

    def read(self) -> float:
        """Return the seconds so far; 0 where the server isn't on this machine."""
        if self._postmaster is None:
            return 0.0
        own = _times(self._postmaster)[11:15]
        ticks = sum(int(value) for value in own)
        for pid in _children(self._postmaster):
            with suppress(OSError):
                ticks += sum(int(value) for value in _times(pid)[11:13])
        return ticks / _TICKS


async def _start(data_dir: Path, directory: Path, name: str) -> asyncio.subprocess.Process:
    arguments = [
        sys.executable, "-m", "athena.platform.cli", "import", "nominals",
        str(directory / f"{name}.csv"), "--force", FORCE,
        "--mapping", str(directory / f"{name}.toml"), "--json",
    ]  # fmt: skip
    with (directory / f"{name}.json").open("w") as out, (directory / "errors").open("w") as errors:
        return await asyncio.create_subprocess_exec(
            *arguments,
            env={**os.environ, "ATHENA_DATA_DIR": str(data_dir)},
            stdout=out,
            stderr=errors,
        )


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += [int(child) for child in path.read_text().split()]
    return found


def _times(pid: int) -> list[str]:
    """Return the fields of a process's state that follow its name."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
