"""``athena bench decisions``: how fast the two decision engines are."""

from __future__ import annotations

from typing import Annotated

from typer import Option

from athena.platform.cli.bench_common import OutFile, hand_in
from athena.platform.cli.common import Json, out, run, say
from athena.platform.kernel.settings import load_settings


def decisions(
    agreements: Annotated[
        list[int] | None, Option(min=1, help="How many; may be given again. 200 and 2,000.")
    ] = None,
    decisions: Annotated[
        int, Option(min=10, max=3000, help="How many decisions under 200 agreements.")
    ] = 200,
    out_file: OutFile = None,
    as_json: Json = False,
) -> None:
    """Measure the engine in the process and an OPA server, cold and remembered.

    The server is the one of ATHENA_OPA_URL, or else a local `opa` that runs for the measurement.
    """
    from athena.platform.benchmarks.decisions import measure

    report = run(measure(load_settings(), agreements or [200, 2000], decisions, tell=say))
    if hand_in(report, out_file, as_json=as_json):
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
