"""The benchmark of linking, as a command."""

from __future__ import annotations

from typing import Annotated

import typer

from athena.platform.benchmarks.linking import measure
from athena.platform.benchmarks.linking_store import measure_store
from athena.platform.cli.bench_common import OutFile, Report, hand_in, in_scratch, loading
from athena.platform.cli.common import Json, opened_store, out, say
from athena.platform.kernel.settings import Settings
from athena.platform.runtime import running


def link(
    seed: Annotated[int, typer.Option(help="Of the random pairs that training draws.")] = 1,
    nominals: Annotated[
        int, typer.Option(min=0, help="The size of a store to compare in as well; 0 leaves it out.")
    ] = 0,
    out_file: OutFile = None,
    as_json: Json = False,
) -> None:
    """Measure linking on FEBRL 4 without its identifier, Splink beside it in the same run."""
    report = measure(seed, say)
    if nominals:
        report["store"] = _in_a_store(nominals, seed)
    if hand_in(report, out_file, as_json=as_json):
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


def _in_a_store(nominals: int, seed: int) -> Report:
    """Measure in a store of its own, thrown away afterwards."""

    async def work(settings: Settings) -> Report:
        async with opened_store(settings) as store, running(store, settings) as runtime:
            with loading(nominals) as progress:
                return await measure_store(runtime, nominals, seed, tell=say, progress=progress)

    return in_scratch(work)
