"""The benchmark of linking, as a command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from athena.platform.benchmarks.scale.questions import QUERY_SEED
from athena.platform.cli.bench_common import OutFile, Report, hand_in, in_scratch, loading
from athena.platform.cli.common import Json, opened_store, out, say
from athena.platform.kernel.settings import Settings


def link(
    seed: Annotated[int, typer.Option(help="Of the random pairs that training draws.")] = 1,
    nominals: Annotated[
        int, typer.Option(min=0, help="The size of a store to compare in as well; 0 for none.")
    ] = 0,
    people_seed: Annotated[int, typer.Option(help="Of the people in that store.")] = 7,
    compared: Annotated[
        int, typer.Option(min=20, help="How many new records to compare in that store.")
    ] = 500,
    memory_megabytes: Annotated[
        int, typer.Option("--memory", min=64, help="Megabytes that its server keeps pages in.")
    ] = 1024,
    kept: Annotated[
        Path | None,
        typer.Option(
            "--keep",
            help="Keep the filled store here, or measure one that is; "
            "'athena bench search' keeps the same.",
        ),
    ] = None,
    quality: Annotated[
        bool, typer.Option(help="Measure quality on FEBRL 1 to 4; without, the store alone.")
    ] = True,
    out_file: OutFile = None,
    as_json: Json = False,
) -> None:
    """Measure linking on FEBRL 1 to 4 without its identifier, Splink beside it, and in a store."""
    report: Report = {}
    if quality:
        from athena.platform.benchmarks.linking import measure

        report |= measure(seed, say)
    if nominals:
        report["store"] = _in_a_store(nominals, compared, people_seed, kept, memory_megabytes)
    if hand_in(report, out_file, as_json=as_json):
        return
    if quality:
        _show_quality(report)
    if nominals:
        _show_store(report["store"])


def _show_quality(report: Report) -> None:
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
    out.print(
        "Weights, threshold and one-to-one assignment were fixed before this run read the truth. "
        "The levels were written by somebody who had seen the truth of FEBRL 4: not a blind result."
    )
    out.print("FEBRL 1 to 3, one set each, pairs within groups, the same threshold:")
    for row in report["duplicates"]:
        for who in ("athena", "splink"):
            found = row[who]
            more = f"{found['whole_of_more']:,} of {found['people_with_more_than_two']:,}"
            out.print(
                f"{row['data']} {who:10} precision {found['precision']:.4f}, recall "
                f"{found['recall']:.4f}, F1 {found['f1']:.4f}; people with more than two records "
                f"found whole: {more}"
            )
    goal = report["goal"]
    out.print(f"goal: F1 at least {goal['f1']}, precision at least {goal['precision']}")


def _show_store(row: Report) -> None:
    out.print(
        f"one new nominal against {row['nominals']:,}, milliseconds: p50 {row['p50']}, "
        f"p95 {row['p95']}, p99 {row['p99']}; goal: p95 at most {row['goal_p95_ms']:.0f}"
    )
    met = ", ".join(f"{kind} {share:.1%}" for kind, share in row["met"].items())
    out.print(f"compared with the record held of the same person: {met}")


def _in_a_store(
    nominals: int, compared: int, seed: int, kept: Path | None, memory_megabytes: int
) -> Report:
    """Measure in a store of its own, thrown away afterwards unless it is kept."""
    from athena.platform.benchmarks.linking_store import measure_store
    from athena.platform.benchmarks.scale.measure import Run

    async def work(settings: Settings) -> Report:
        async with opened_store(settings) as store:
            with loading(nominals) as progress:
                run = Run(nominals, compared, seed, QUERY_SEED, False, kept, say, progress)
                return await measure_store(store, settings, run)

    return in_scratch(work, kept, memory_megabytes)
