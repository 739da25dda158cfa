"""Letting others have the processors first: an import stands back behind whoever searches."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

STEPS = 10
"""How far back, of 19 steps: to a tenth of the share of others where they want all of it."""

_PROC = Path("/proc")
_AGAIN_SECONDS = 0.11
_ATTEMPTS = 3


def stand_back(pid: int | None = None) -> None:
    """Have a process, or this one, stand back wherever others want the processors.

    Linux may share them among sessions first (``sched_autogroup_enabled``): the step of a process
    then counts within its own alone, so the session of a process that leads one is set back too. A
    machine that doesn't do so, or doesn't let us, is left as it is.
    """
    who = pid or os.getpid()
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, who, STEPS)
    with suppress(OSError):
        if os.getsid(who) == who:
            _set_session_back(who)


def _set_session_back(pid: int) -> None:
    for _ in range(_ATTEMPTS):
        try:
            (_PROC / str(pid) / "autogroup").write_text(str(STEPS))
        except BlockingIOError:  # who isn't root may do so once in a tenth of a second
            time.sleep(_AGAIN_SECONDS)
        else:
            return


def parent_of(pid: int) -> int | None:
    """Return which process started another one; None where that can't be told."""
    try:
        return int((_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return None
