"""``athena bench search``: consortium search at scale, beside its peers."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from athena.platform.benchmarks.scale.measure import Run, measure
from athena.platform.benchmarks.scale.questions import KINDS
from athena.platform.cli.common import Json, opened_store, out, print_json, run, say
from athena.platform.cli.data import progress_bar
from athena.platform.kernel.settings import Settings


def search(
    nominals: Annotated[int, typer.Option(min=2000, help="How many to make up.")] = 100_000,
    queries: Annotated[int, typer.Option(min=60, help="How many searches.")] = 3000,
    seed: Annotated[int, typer.Option(help="Of the people; the queries have their own.")] = 7,
    peer: Annotated[bool, typer.Option(help="Measure trigrams and tantivy too.")] = True,
    out_file: Annotated[Path | None, typer.Option("--out", help="Write JSON here too.")] = None,
    as_json: Json = False,
) -> None:
    """Measure consortium search in a store of its own, thrown away afterwards."""

    async def work(directory: Path) -> dict[str, Any]:
        settings = Settings(data_dir=directory)
        async with opened_store(settings) as store:
            with progress_bar() as bar:
                task = bar.add_task("Loading", total=nominals)
                return await measure(
                    store,
                    settings,
                    Run(
                        nominals,
                        queries,
                        seed,
                        peer,
                        tell=say,
                        progress=lambda done: bar.update(task, completed=done),
                    ),
                )

    with tempfile.TemporaryDirectory(prefix="athena-bench-") as scratch:
        directory = Path(scratch)
        directory.chmod(0o755)  # the server's own user must be able to enter
        report = run(work(directory))
    if out_file is not None:
        out_file.write_text(json.dumps(report, indent=2) + "\n")
    if as_json:
        print_json(report)
    else:
        _show(report)


def _show(report: dict[str, Any]) -> None:
    loading, dictionary = report["loading"], report["dictionary"]
    out.print(
        f"{report['nominals']:,} nominals under {loading['labels']} labels, loaded at "
        f"{loading['nominals_per_second']:,} a second; {dictionary['names']:,} names, "
        f"{dictionary['pairs']:,} pairs"
    )
    out.print(f"\n{'milliseconds':46} {'p50':>8} {'p95':>8} {'p99':>8}")
    for name in ("officer", "officer_of_little"):
        officer = report[name]
        who = f"{officer['username']}, sees {officer['sees']:.1%}"
        _row(f"{who}: search", officer["search"])
        for part in ("expansion", "sql", "ranking"):
            _row(f"  of it {part}", officer["search"][part])
        _row("  whole transaction, logged", officer["whole"])
        if "api" in officer:
            at_once = officer["at_once"]
            _row("  through the API", officer["api"])
            _row(f"  {at_once['clients']} clients, {at_once['searches_per_second']}/s", at_once)
    for name, peer in report.get("peers", {}).items():
        _row(f"{name} ({peer['queries']} queries)", peer)
    heading = "recall in the first 20"
    out.print(f"\n{heading:46} " + " ".join(f"{kind:>10}" for kind in (*KINDS, "all")))
    for name in ("officer", "officer_of_little"):
        _recall(report[name]["username"], report[name]["search"]["recall"])
        _recall("  a perfect ranker", report[name]["ceiling"])
    for name, peer in report.get("peers", {}).items():
        _recall(name, peer["recall"])
    for name, peer in report.get("peers", {}).items():
        out.print(f"{name} / Athena at p95: {peer['times_slower_at_p95']}")


def _row(what: str, times: dict[str, Any]) -> None:
    out.print(f"{what:46} {times['p50']:8.2f} {times['p95']:8.2f} {times['p99']:8.2f}")


def _recall(what: str, shares: dict[str, float]) -> None:
    columns = " ".join(f"{shares.get(kind, float('nan')):10.4f}" for kind in (*KINDS, "all"))
    out.print(f"{what:46} {columns}")
