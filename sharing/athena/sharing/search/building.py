"""Building an edition of the dictionary, in a process of its own where it is large.

So the rules of sound, which are Python's own work, hold up no search, and the memory that sorting
takes goes back when it is done. ``python -m athena.sharing.search.building FOLDER WORK`` is how
that process starts.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from uuid import uuid4

import numpy as np

from athena.platform.kernel.errors import ConfigurationError
from athena.records.names.repository import Registered, RegisterState
from athena.sharing.search.dictionary import NameDictionary
from athena.sharing.search.editions import Shelf
from athena.sharing.search.expansion import NameIndex

SMALL = 20_000
"""Up to how many terms are indexed in this process: less than half a second of work."""

_STATE = "state.json"
_NICE = 10


async def build(
    shelf: Shelf, state: RegisterState, registered: Registered, known: NameIndex | None
) -> None:
    """Build an edition of everything registered and publish it; the caller has the right to.

    OSError where the directory can't take it, ConfigurationError where building it fails.
    """
    if len(registered.term_ids) <= SMALL:
        await asyncio.to_thread(_publish, shelf, state, registered, known)
    else:
        await _build_apart(shelf, state, registered)


def _publish(
    shelf: Shelf, state: RegisterState, registered: Registered, known: NameIndex | None
) -> None:
    built = NameDictionary.of_arrays(
        registered.tokens, registered.term_ids, registered.pairs, known
    )
    shelf.publish(state, built.arrays())


async def _build_apart(shelf: Shelf, state: RegisterState, registered: Registered) -> None:
    work = shelf.folder / f"unfinished-work-{uuid4().hex}"
    work.mkdir(mode=0o700)
    try:
        for name, array in (
            ("tokens", registered.tokens),
            ("term_ids", registered.term_ids),
            ("pairs", registered.pairs),
        ):
            await asyncio.to_thread(np.save, work / f"{name}.npy", array)
        (work / _STATE).write_text(json.dumps(asdict(state)))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", __name__, str(shelf.folder), str(work)
        )
        try:
            ended = await process.wait()
        except asyncio.CancelledError:
            process.kill()
            await process.wait()
            raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if ended != 0:
        raise ConfigurationError(
            f"The dictionary of names wasn't built in {shelf.folder} (exit status {ended}); "
            "see whether the machine has two gigabytes of memory and the directory room."
        )


def main(folder: Path, work: Path) -> None:
    """Build an edition of what another process left in a directory."""
    os.nice(_NICE)
    state = RegisterState(**json.loads((work / _STATE).read_text()))
    registered = Registered(
        *(np.load(work / f"{name}.npy") for name in ("tokens", "term_ids", "pairs"))
    )
    shelf = Shelf(folder)
    before = shelf.open_any()
    known = NameIndex.of_arrays(before.arrays) if before is not None else None
    _publish(shelf, state, registered, known)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
