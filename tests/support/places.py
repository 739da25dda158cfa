"""Where a run of tests keeps its servers' files: in memory where there is room.

Most tests have a database of their own, and a database is well over a thousand files. A file system
on a disk makes and unmakes them several times slower, and its processor time is the tests'.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

RUN_DIRECTORY = "ATHENA_TEST_DIRECTORY"
"""The environment variable by which a run's workers know its directory."""

_PREFIX = "athena-tests-"
_IN_MEMORY = Path("/dev/shm")
_ROOM = 6 * 1024**3
"""Bytes that must be free there, and of memory besides: a run takes about a third of it."""


def make_run_directory() -> Path:
    """Make the directory of a run, which the server's own user can enter."""
    parent = _IN_MEMORY if _has_room() else Path(tempfile.gettempdir())
    for left in parent.glob(f"{_PREFIX}*"):
        if not _is_used(left):
            shutil.rmtree(left, ignore_errors=True)
    directory = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=parent))
    directory.chmod(0o755)
    return directory


def _has_room() -> bool:
    try:
        if shutil.disk_usage(_IN_MEMORY).free < _ROOM:
            return False
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return False
    available = next((line for line in lines if line.startswith("MemAvailable:")), "0 0")
    return int(available.split()[1]) * 1024 >= _ROOM


def _is_used(directory: Path) -> bool:
    """Whether the process that made a directory still runs, or a server in it does."""
    pids = [directory.name.removeprefix(_PREFIX).split("-")[0]]
    pids += [file.read_text().split("\n")[0] for file in directory.glob("**/postmaster.pid")]
    return any(_runs(pid) for pid in pids)


def _runs(pid: str) -> bool:
    return pid.isdecimal() and Path("/proc", pid).exists()
