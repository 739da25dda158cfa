"""``athena bench decisions``: how fast the two decision engines are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from typer import Option

from athena.platform.benchmarks.decisions import measure
from athena.platform.cli.common import Json, out, print_json, run, say
from athena.platform.kernel.settings import load_settings


def decisions(
    agreements: Annotated[
        list[int] | None, Option(min=1, help="How many; may be given again. 200 and 2,000.")
    ] = None,
    decisions: Annotated[
        int, Option(min=10, max=3000, help="How many decisions under 200 agreements.")
    ] = 200,
    out_file: Annotated[Path | None, Option("--out", help="Write JSON here too.")] = None,
    as_json: Json = False,
) -> None:
    """Measure the engine in the process and an OPA server, cold and remembered.

    The server is the one of ATHENA_OPA_URL, or else a local `opa` that runs for the measurement.
    """
    report = run(measure(load_settings(), agreements or [200, 2000], decisions, tell=say))
    if out_file is not None:
        out_file.write_text(json.dumps(report, indent=2) + "\n")
    if as_json:
        print_json(report)
        return
    machine = report["machine"]
    out.print(f"Decisions about {report['labels']} labels, one after the other, milliseconds:")
    out.print(
        f"{'engine':10} {'agreements':>10} {'decisions':>10} {'':10} "
        f"{'a second':>9} {'p50':>9} {'p99':>9}"
    )
    for row in report["rows"]:
        for state in ("cold", "remembered"):
            speed = row[state]
            out.print(
                f"{row['engine']:10} {row['agreements']:10,} {row['decisions']:10,} {state:10} "
                f"{speed['per_second']:9,.1f} {speed['p50']:9.2f} {speed['p99']:9.2f}"
            )
    out.print(f"Load of the machine {machine['load']}, on {machine['cores']} cores.")
