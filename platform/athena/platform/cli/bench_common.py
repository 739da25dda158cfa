"""What the commands of benchmarks share: a store thrown away, progress, and the report."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from athena.platform.cli.common import print_json, run
from athena.platform.cli.data import progress_bar
from athena.platform.kernel.settings import Settings

Report = dict[str, Any]
"""What a benchmark found, as its JSON has it."""

OutFile = Annotated[Path | None, typer.Option("--out", help="Write JSON here too.")]


def in_scratch(
    work: Callable[[Settings], Coroutine[Any, Any, Report]],
    kept: Path | None = None,
    memory_megabytes: int = 256,
) -> Report:
    """Run a measurement over settings whose data directory is thrown away afterwards.

    Not so where ``kept`` says in which directory it stays.
    """
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        directory = kept.resolve() / "store"
        return run(work(Settings(data_dir=directory, embedded_memory_megabytes=memory_megabytes)))
    with tempfile.TemporaryDirectory(prefix="athena-bench-") as scratch:
        directory = Path(scratch)
        directory.chmod(0o755)  # the server's own user must be able to enter
        return run(work(Settings(data_dir=directory, embedded_memory_megabytes=memory_megabytes)))


@contextmanager
def loading(nominals: int) -> Iterator[Callable[[int], None]]:
    """Show how far the loading of nominals is; yield what is told the count."""
    with progress_bar() as bar:
        task = bar.add_task("Loading", total=nominals)
        yield lambda done: bar.update(task, completed=done)


def hand_in(report: Report, out_file: Path | None, *, as_json: bool) -> bool:
    """Write a report where it is wanted; return whether it was for a program, not a person."""
    if out_file is not None:
        out_file.write_text(json.dumps(report, indent=2) + "\n")
    if as_json:
        print_json(report)
    return as_json
