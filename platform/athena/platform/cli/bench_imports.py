"""The benchmark of imports as a command; ``make bench-import`` runs it."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from athena.platform.benchmarks.imports import measure
from athena.platform.cli.common import Json, opened_store, out, print_json, run, say
from athena.platform.kernel.settings import Settings
from athena.platform.runtime import running


def imports(
    rows: Annotated[int, typer.Option(min=500, help="How many rows each of two files has.")] = (
        20_000
    ),
    queries: Annotated[int, typer.Option(min=50, help="How many searches in a round.")] = 300,
    seed: Annotated[int, typer.Option(help="Of the people; the queries have their own.")] = 7,
    out_file: Annotated[Path | None, typer.Option("--out", help="Write JSON here too.")] = None,
    as_json: Json = False,
) -> None:
    """Measure an import against a bare COPY, in memory, and beside searches, in a scratch store."""

    async def work(directory: Path) -> dict[str, Any]:
        settings = Settings(data_dir=directory)
        async with opened_store(settings) as store, running(store, settings) as runtime:
            return await measure(runtime, directory, rows, queries, seed, say)

    with tempfile.TemporaryDirectory(prefix="athena-bench-") as scratch:
        directory = Path(scratch)
        directory.chmod(0o755)  # the server's own user must be able to enter
        report = run(work(directory))
    if out_file is not None:
        out_file.write_text(json.dumps(report, indent=2) + "\n")
    if as_json:
        print_json(report)
        return
    done = report["import"]
    out.print(f"{rows:,} rows in {done['seconds']} s: {done['rows_per_second']:,} rows a second")
    out.print(
        f"processor time for a row: {done['process_cpu_us_per_row']} µs of the import, "
        f"{done['server_cpu_us_per_row']} µs of the server; "
        f"at most {done['peak_mb']} MB (goal: under {report['goals']['memory_mb']})"
    )
    out.print(f"goal of the rate: {report['goals']['ratio']}")
    for name, ratio in report["ratio"].items():
        seconds = report["copy"][name]["seconds"]
        share = f"1/{1 / ratio:.0f}" if ratio else "-"
        out.print(f"  COPY of the {name}: {seconds} s, so the import has {share} of its rate")
    alone, beside = report["search_alone"], report["search_while_importing"]
    out.print(f"{'searches':24} {'p50 ms':>8} {'p95 ms':>8} {'found':>7}")
    for shown, row in (("alone", alone), ("while importing", beside)):
        if "p95" in row:
            out.print(f"{shown:24} {row['p50']:8.2f} {row['p95']:8.2f} {row['recall']:7.3f}")
    if "p95" in beside:
        out.print(f"p95 while importing / alone: {beside['p95'] / alone['p95']:.2f} (goal: 2)")
