"""The benchmark of imports as a command; ``make bench-import`` runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from athena.platform.cli.bench_common import OutFile, Report, hand_in, in_scratch
from athena.platform.cli.common import Json, err, opened_store, out, say
from athena.platform.cli.data import progress_bar
from athena.platform.kernel.settings import Settings


def imports(
    rows: Annotated[int, typer.Option(min=500, help="How many rows the imported file has.")] = (
        20_000
    ),
    queries: Annotated[int, typer.Option(min=100, help="How many different searches.")] = 300,
    seed: Annotated[int, typer.Option(help="Of the people; the queries have their own.")] = 7,
    memory_megabytes: Annotated[
        int, typer.Option("--memory", min=64, help="Megabytes that the server keeps pages in.")
    ] = 256,
    out_file: OutFile = None,
    as_json: Json = False,
) -> None:
    """Measure an import against a bare COPY, in memory, beside searches, and killed five times."""
    from athena.platform.benchmarks.imports import measure

    async def work(settings: Settings) -> Report:
        return await measure(settings, rows, queries, seed, opened_store, say, _bar)

    report = in_scratch(work, memory_megabytes=memory_megabytes)
    report["memory_megabytes"] = memory_megabytes
    if not hand_in(report, out_file, as_json=as_json):
        _print(report)


@contextmanager
def _bar(heading: str, rows: int) -> Iterator[Callable[[int], None]]:
    """Show how far it is: by a bar at a terminal, by a line for each tenth elsewhere."""
    if not err.is_terminal:
        yield _tenths(heading, rows)
        return
    with progress_bar() as bar:
        task = bar.add_task(heading, total=rows)
        yield lambda done: bar.update(task, completed=done)


def _tenths(heading: str, rows: int) -> Callable[[int], None]:
    told = 0
    say(heading)

    def progress(done: int) -> None:
        nonlocal told
        if done * 10 // rows > told:
            told = done * 10 // rows
            say(f"{heading}: {done:,} of {rows:,}")

    return progress


def _print(report: Report) -> None:
    done, rows = report["import"], report["rows"]
    out.print(f"{rows:,} rows in {done['seconds']} s: {done['rows_per_second']:,} rows a second")
    out.print(
        f"processor time for a row: {done['process_cpu_us_per_row']} µs of the import, "
        f"{done['server_cpu_us_per_row']} µs of the server; "
        f"at most {done['peak_mb']} MB (goal: under {report['goals']['memory_mb']})"
    )
    out.print(f"goal of the rate: {report['goals']['ratio']}")
    for name, ratio in report["ratio"].items():
        seconds = report["copy"][name]["seconds"]
        share = f"1/{1 / ratio:.1f}" if ratio else "-"
        out.print(f"  COPY of the {name}: {seconds} s, so the import has {share} of its rate")
    killed = report["killed"]
    after = ", ".join(f"{number:,}" for number in killed["after_rows"])
    same = "the same store" if killed["same_store"] else "ANOTHER STORE"
    out.print(f"killed after {after} rows, it ends with {same} ({killed['lines']:,} lines)")
    alone, beside = report["search_alone"], report["search_while_importing"]
    out.print(f"{'searches':24} {'p50 ms':>8} {'p95 ms':>8} {'p99 ms':>8} {'found':>7}")
    for shown, row in (("alone", alone), ("while importing", beside)):
        if "p95" in row:
            out.print(
                f"{shown:24} {row['p50']:8.2f} {row['p95']:8.2f} {row['p99']:8.2f} "
                f"{row['recall']:7.3f}"
            )
    out.print(
        "found before and after, but not always while importing: "
        f"{report['missed_while_importing']}"
    )
    if "p95" in beside and "p95" in alone:
        ratio = beside["p95"] / alone["p95"]
        out.print(f"p95 while importing / alone: {ratio:.2f} (goal: at most 2)")
    together = report["import_while_searching"]
    out.print(f"and the import beside them: {together['rows_per_second']:,} rows a second")
