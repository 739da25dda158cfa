"""``athena bench search``: consortium search at scale, beside its peers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from athena.platform.benchmarks.scale.questions import KINDS, QUERY_SEED
from athena.platform.cli.bench_common import OutFile, Report, hand_in, in_scratch, loading
from athena.platform.cli.common import Json, opened_store, out, say
from athena.platform.kernel.settings import Settings


def search(
    nominals: Annotated[int, typer.Option(min=2000, help="How many to make up.")] = 100_000,
    queries: Annotated[int, typer.Option(min=60, help="How many searches.")] = 3000,
    seed: Annotated[int, typer.Option(help="Of the people; the queries have their own.")] = 7,
    peer: Annotated[bool, typer.Option(help="Measure trigrams and tantivy too.")] = True,
    query_seed: Annotated[int, typer.Option(help="Of the misspelt queries.")] = QUERY_SEED,
    memory_megabytes: Annotated[
        int, typer.Option("--memory", min=64, help="Megabytes that the server keeps pages in.")
    ] = 4096,
    kept: Annotated[
        Path | None,
        typer.Option(
            "--keep", help="Keep the filled store here; a later run measures it without loading."
        ),
    ] = None,
    out_file: OutFile = None,
    as_json: Json = False,
) -> None:
    """Measure consortium search in a store of its own, thrown away afterwards unless kept."""
    from athena.platform.benchmarks.scale.measure import Run, measure

    async def work(settings: Settings) -> Report:
        async with opened_store(settings) as store:
            with loading(nominals) as progress:
                return await measure(
                    store,
                    settings,
                    Run(nominals, queries, seed, query_seed, peer, kept, say, progress),
                )

    report = in_scratch(work, kept, memory_megabytes)
    if not hand_in(report, out_file, as_json=as_json):
        _show(report)


def _show(report: Report) -> None:
    loaded, dictionary = report["loading"], report["dictionary"]
    out.print(
        f"{report['nominals']:,} nominals under {loaded['labels']} labels, loaded at "
        f"{loaded['nominals_per_second']:,} a second; {dictionary['names']:,} names, "
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
