"""``athena bench checks``: what partners' person checks cost beside officers' searches."""

from __future__ import annotations

from typing import Annotated

from typer import Option

from athena.platform.cli.bench_common import OutFile, Report, hand_in, in_scratch, loading
from athena.platform.cli.common import Json, opened_store, out, say
from athena.platform.kernel.settings import Settings


def checks(
    nominals: Annotated[int, Option(min=500, help="How many to make up.")] = 5_000,
    checks: Annotated[int, Option(min=20, help="How many questions, asked both ways.")] = 300,
    seed: Annotated[int, Option(help="Of the people; the questions have their own.")] = 7,
    out_file: OutFile = None,
    as_json: Json = False,
) -> None:
    """Measure signed person checks, one by one and in a batch, beside officers' searches."""
    from athena.platform.benchmarks.checks import measure

    async def work(settings: Settings) -> Report:
        async with opened_store(settings) as store:
            with loading(nominals) as progress:
                return await measure(store, settings, nominals, checks, seed, say, progress)

    report = in_scratch(work)
    if hand_in(report, out_file, as_json=as_json):
        return
    out.print(
        f"{report['checks']:,} questions about {report['nominals']:,} nominals, milliseconds:"
    )
    out.print(f"{'':28} {'p50':>8} {'p95':>8} {'p99':>8}")
    for what, name in (
        ("person check", "check_ms"),
        ("search of an officer", "search_ms"),
        ("a decision made anew", "decision_ms"),
        ("verifying a signature", "signature_ms"),
    ):
        row = report[name]
        out.print(f"{what:28} {row['p50']:8.2f} {row['p95']:8.2f} {row['p99']:8.2f}")
    together = report["at_once"]
    out.print(
        f"{together['clients']} clients at once: {together['checks_per_second']} checks a second, "
        f"{together['searches_per_second']} searches"
    )
    batch = report["batch"]
    out.print(
        f"a batch of {batch['persons']:,}: {batch['persons_per_second']} persons a second, "
        "answered by one process"
    )
    out.print(
        f"check / search: {report['ratio_p95']} at p95, {report['ratio_p50']} at p50, "
        f"{report['ratio_of_pairs_median']} the median of pairs; goal: at most {report['goal']} "
        "at p95"
    )
    machine = report["machine"]
    out.print(
        f"Load of the machine {machine['load_before']} before and {machine['load_after']} after, "
        f"on {machine['cores']} cores."
    )
