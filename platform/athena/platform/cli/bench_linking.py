"""The benchmark of linking, as a command."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from athena.platform.benchmarks.linking import measure
from athena.platform.benchmarks.linking_store import measure_store
from athena.platform.cli.common import Json, opened_store, out, print_json, run, say
from athena.platform.cli.data import progress_bar
from athena.platform.kernel.settings import Settings
from athena.platform.runtime import running


def link(
    seed: Annotated[int, typer.Option(help="Of the random pairs that training draws.")] = 1,
    nominals: Annotated[
        int, typer.Option(min=0, help="The size of a store to compare in as well; 0 leaves it out.")
    ] = 0,
    out_file: Annotated[Path | None, typer.Option("--out", help="Write JSON here too.")] = None,
    as_json: Json = False,
) -> None:
    """Measure linking on FEBRL 4 without its identifier, Splink beside it in the same run."""
    report = measure(seed, say)
    if nominals:
        report["store"] = _in_a_store(nominals, seed)
    if out_file is not None:
        out_file.write_text(json.dumps(report, indent=2) + "\n")
    if as_json:
        print_json(report)
        return
    out.print(
        f"FEBRL 4, {report['records']:,} records, {report['candidate_pairs']:,} pairs, "
        f"{report['assignment']}, threshold {report['threshold_bits']:.0f} bits:"
    )
    out.print(f"{'':10} {'precision':>10} {'recall':>10} {'F1':>10} {'us a pair':>10}")
    for who in ("athena", "splink"):
        row = report[who]
        out.print(
            f"{who:10} {row['precision']:10.4f} {row['recall']:10.4f} {row['f1']:10.4f} "
            f"{row['microseconds_a_pair']:10.1f}"
        )
    goal = report["goal"]
    out.print(f"goal: F1 at least {goal['f1']}, precision at least {goal['precision']}")
    if "store" in report:
        row = report["store"]
        out.print(
            f"one new nominal against {row['nominals']:,}, milliseconds: p50 {row['p50']}, "
            f"p95 {row['p95']}, p99 {row['p99']}; goal: p95 at most {row['goal_p95_ms']:.0f}"
        )


def _in_a_store(nominals: int, seed: int) -> dict[str, Any]:
    """Measure in a store of its own, thrown away afterwards."""

    async def work(directory: Path) -> dict[str, Any]:
        settings = Settings(data_dir=directory)
        async with opened_store(settings) as store, running(store, settings) as runtime:
            with progress_bar() as bar:
                task = bar.add_task("Loading", total=nominals)
                return await measure_store(
                    runtime,
                    nominals,
                    seed,
                    tell=say,
                    progress=lambda done: bar.update(task, completed=done),
                )

    with tempfile.TemporaryDirectory(prefix="athena-bench-") as scratch:
        directory = Path(scratch)
        directory.chmod(0o755)  # the server's own user must be able to enter
        return run(work(directory))
