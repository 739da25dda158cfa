"""Benchmarks as commands; ``make bench`` runs them.

Each imports what it measures when it runs: that is the whole platform, and no other command should
wait for it.
"""

from __future__ import annotations

from typing import Annotated

import typer

from athena.platform.cli.bench_checks import checks
from athena.platform.cli.bench_common import OutFile, Report, hand_in, in_scratch, loading
from athena.platform.cli.bench_decisions import decisions
from athena.platform.cli.bench_imports import imports
from athena.platform.cli.bench_linking import link
from athena.platform.cli.bench_search import search
from athena.platform.cli.common import Json, opened_store, out, say
from athena.platform.kernel.settings import Settings
from athena.platform.runtime import running

bench_app = typer.Typer(help="Measure; ratios to a named peer in the same run.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    bench_app.command("search")(search)
    bench_app.command("decisions")(decisions)
    bench_app.command("checks")(checks)
    bench_app.command("import")(imports)
    bench_app.command("link")(link)
    app.add_typer(bench_app, name="bench")


@bench_app.callback()
def benches() -> None:
    """Measure; ratios to a named peer in the same run."""


@bench_app.command("walls")
def walls(
    nominals: Annotated[int, typer.Option(min=1000, help="How many to make up.")] = 50_000,
    queries: Annotated[int, typer.Option(min=50, help="How many searches and readings.")] = 300,
    seed: Annotated[int, typer.Option(help="Of the people; the queries have their own.")] = 7,
    out_file: OutFile = None,
    as_json: Json = False,
) -> None:
    """Measure what row-level security costs a search and a reading, in a store thrown away."""
    from athena.platform.benchmarks.walls import compare, record

    async def work(settings: Settings) -> Report:
        async with opened_store(settings) as store:
            async with running(store, settings) as runtime:
                with loading(nominals) as progress:
                    recorded = await record(
                        runtime, nominals, queries, seed, tell=say, progress=progress
                    )
            return {"nominals": nominals, "seed": seed, **await compare(store, recorded, say)}

    report = in_scratch(work)
    if hand_in(report, out_file, as_json=as_json):
        return
    out.print(f"{report['nominals']:,} nominals; the SQL of each, milliseconds:")
    out.print(f"{'':20} {'with':>8} {'without':>8} {'ratio':>7} {'median of pairs':>16}")
    for what in ("search", "reading"):
        row = report[what]
        out.print(
            f"{what:20} {row['with_ms']['p50']:8.3f} {row['without_ms']['p50']:8.3f} "
            f"{row['ratio']:7.2f} {row['ratio_of_pairs']['median']:16.2f}"
        )
    cost = report["consultation_ms"]
    out.print(f"a transaction with its event {cost['logged']}, without {cost['bare']}")
    hidden = report["hidden_identifier"]
    if hidden:
        out.print(f"an identifier that is hidden {hidden['hidden']}, nobody's {hidden['nobodys']}")
    out.print(f"goal of a search: at most {report['goal']}")
