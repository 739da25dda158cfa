"""The benchmark of linking, as a command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from athena.platform.benchmarks.linking import measure
from athena.platform.cli.common import Json, out, print_json, say


def link(
    seed: Annotated[int, typer.Option(help="Of the random pairs that training draws.")] = 1,
    out_file: Annotated[Path | None, typer.Option("--out", help="Write JSON here too.")] = None,
    as_json: Json = False,
) -> None:
    """Measure linking on FEBRL 4 without its identifier, Splink beside it in the same run."""
    report = measure(seed, say)
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
