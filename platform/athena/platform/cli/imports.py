"""Commands for back record conversion: a dry run, the import, and what became of its rows."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from athena.platform.cli.common import (
    As,
    Json,
    Reason,
    acting,
    opened,
    out,
    print_json,
    run,
    say,
)
from athena.platform.cli.data import progress_bar
from athena.platform.kernel.clock import show_time
from athena.platform.kernel.identity import NominalId
from athena.platform.kernel.standing_back import stand_back
from athena.policies.visibility.stated import parse_reason
from athena.records.imports.models import Decision, Held, Rejected, Report, Run, RunState
from athena.records.imports.quality import QualityReport, check_quality
from athena.records.imports.review import service as review
from athena.records.imports.service import import_nominals

import_app = typer.Typer(help="Bring real data in.", no_args_is_help=True)
imports_app = typer.Typer(help="What became of imports.", no_args_is_help=True)

STOPPED = 130
"""The exit status of an import that was asked to stop."""

RunId = Annotated[UUID, typer.Argument(help="The import, as `athena imports list` shows it.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    import_app.command("nominals")(import_file)
    imports_app.command("list")(list_runs)
    imports_app.command("report")(report)
    imports_app.command("rejected")(rejected)
    imports_app.command("held")(held)
    imports_app.command("decide")(decide)
    app.add_typer(import_app, name="import")
    app.add_typer(imports_app, name="imports")


@import_app.callback()
def importing() -> None:
    """Bring real data in."""


def import_file(
    file: Annotated[Path, typer.Argument(help="CSV, JSON lines or Parquet, by the name's ending.")],
    force: Annotated[str, typer.Option(help="The force that owns the records, for example kent.")],
    mapping: Annotated[Path, typer.Option(help="A TOML file: which column is which field.")],
    rejects: Annotated[
        Path | None, typer.Option(help="Where rejected rows go; default FILE.rejects.csv.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Report on the file's quality and load nothing.")
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Give up an interrupted import of this source.")
    ] = False,
    full_speed: Annotated[
        bool, typer.Option("--full-speed", help="Don't stand back behind those who search.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Import nominals of one force; interrupted, the same command goes on where it stopped."""
    if dry_run:
        quality = run(_check(file, force, mapping))
        if as_json:
            print_json(quality.document())
        else:
            _print_quality(quality)
        return
    done = run(_import(file, force, mapping, rejects, restart, not full_speed))
    if as_json:
        print_json(done.document())
    else:
        _print_report(done)
    if done.state is RunState.RUNNING:
        say(f"Stopped after row {done.read:,}; give the same command again to go on from there.")
        raise typer.Exit(STOPPED)


def list_runs(account: As, as_json: Json = False) -> None:
    """List the imports of your force, the newest first."""

    async def work() -> list[Run]:
        async with opened() as runtime:
            return await review.list_runs(runtime.gate, await acting(runtime, account))

    runs = run(work())
    if as_json:
        print_json([_run_document(each) for each in runs])
        return
    for each in runs:
        out.print(
            f"{each.run_id}  {each.state.value:9} {show_time(each.started_at)}  "
            f"{each.rows_read:>10,} rows  {each.source}: {each.file_name}"
        )
    if not runs:
        out.print("Your force has imported nothing.")


def report(run_id: RunId, account: As, as_json: Json = False) -> None:
    """Show what became of every row of an import, counted in the store now."""

    async def work() -> Report:
        async with opened() as runtime:
            return await review.report(runtime.gate, await acting(runtime, account), run_id)

    found = run(work())
    if as_json:
        print_json(found.document())
    else:
        _print_report(found)


def rejected(run_id: RunId, account: As, as_json: Json = False) -> None:
    """List the rows of an import that broke a rule, the first thousand."""

    async def work() -> list[Rejected]:
        async with opened() as runtime:
            return await review.rejected(runtime.gate, await acting(runtime, account), run_id)

    rows = run(work())
    if as_json:
        print_json(
            [
                {"line": row.line, "id": row.source_id, "field": row.field, "reason": row.reason}
                for row in rows
            ]
        )
        return
    for row in rows:
        out.print(f"line {row.line}  {row.source_id}  {row.field or '-'}  {row.reason}")
    if not rows:
        out.print("No row was rejected.")


def held(run_id: RunId, account: As, as_json: Json = False) -> None:
    """List the rows of an import that wait for a decision, the first thousand."""

    async def work() -> list[Held]:
        async with opened() as runtime:
            return await review.held(runtime.gate, await acting(runtime, account), run_id)

    rows = run(work())
    if as_json:
        print_json([_held_document(row) for row in rows])
        return
    for row in rows:
        name = row.draft.names[0]
        born = row.draft.date_of_birth or "?"
        out.print(
            f"row {row.row_number}  {row.source_id}  {name.given_names} {name.surname}, "
            f"born {born}\n      {row.reason}"
        )
        for key in row.matches:
            out.print(f"      it may be {key}")
    if not rows:
        out.print("No row waits for a decision.")


def decide(
    run_id: RunId,
    row_number: Annotated[int, typer.Argument(help="The row, as `athena imports held` shows it.")],
    decision: Annotated[Decision, typer.Argument(help="Load it anyway, it's the same, drop it.")],
    account: As,
    reason: Reason,
    same_as: Annotated[
        UUID | None, typer.Option("--as-nominal", help="The nominal that it is the same as.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Decide on a row that waits; the decision stands."""

    async def work() -> NominalId | None:
        async with opened() as runtime:
            return await review.decide(
                runtime.gate,
                runtime.register,
                await acting(runtime, account),
                run_id,
                row_number,
                decision,
                None if same_as is None else NominalId(same_as),
                parse_reason(reason),
            )

    nominal_id = run(work())
    if as_json:
        print_json({"row": row_number, "decision": decision.value, "nominal": nominal_id})
    elif nominal_id is None:
        out.print(f"Row {row_number} was dropped.")
    else:
        out.print(f"Row {row_number} is nominal {nominal_id}.")


async def _import(
    file: Path, force: str, mapping: Path, rejects: Path | None, restart: bool, behind: bool
) -> Report:
    if behind:
        stand_back()
    async with opened(searching=False, behind=behind) as runtime:
        subject = await acting(runtime, f"records.{force}")
        with progress_bar() as bar, _interruptible() as stopping:
            task = bar.add_task("Importing", total=None)
            return await import_nominals(
                runtime.gate,
                runtime.register,
                subject,
                file,
                mapping,
                rejects or file.with_name(file.name + ".rejects.csv"),
                lambda done, total: bar.update(task, completed=done, total=total),
                stop=stopping.is_set,
                restart=restart,
                behind=behind,
            )


async def _check(file: Path, force: str, mapping: Path) -> QualityReport:
    async with opened() as runtime:
        subject = await acting(runtime, f"records.{force}")
        with progress_bar() as bar:
            task = bar.add_task("Checking", total=None)
            return await check_quality(
                runtime.gate,
                subject,
                file,
                mapping,
                lambda done, total: bar.update(task, completed=done, total=total),
            )


@contextmanager
def _interruptible() -> Iterator[asyncio.Event]:
    """Let Ctrl-C ask the import to stop after its batch; a second one stops it at once."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        stopping.set()
        say("Stopping after this batch")

    loop.add_signal_handler(signal.SIGINT, ask)
    try:
        yield stopping
    finally:
        loop.remove_signal_handler(signal.SIGINT)


def _print_report(report: Report) -> None:
    loaded = report.loaded + report.known
    before = f" ({report.known:,} of them by an earlier import)" if report.known else ""
    out.print(
        f"Read {report.read:,} = loaded {loaded:,}{before} + rejected {report.rejected:,} "
        f"+ held {report.held:,}."
    )
    if not report.reconciles:
        out.print(
            f"{report.gone:,} rows that were loaded are no longer there, or not shown to you."
            if report.state is RunState.FINISHED
            else "The rows don't add up: don't rely on this import, and call the operators."
        )
    out.print(f"Import {report.run}, {report.state.value}; SHA-256 of the file {report.checksum}")
    if report.same or report.dropped:
        out.print(
            f"Of those held {report.same:,} are the same as a nominal, {report.dropped:,} dropped."
        )
    for reason, rows in report.reasons.items():
        out.print(f"{rows:>10,}  {reason}")
    if report.rejected and report.rejects:
        out.print(f"Rejected rows with line, field and reason: {report.rejects}")
    if report.waiting:
        out.print(f"{report.waiting:,} rows wait for a decision: athena imports held {report.run}")


def _print_quality(report: QualityReport) -> None:
    out.print(f"{report.file}: {report.rows:,} rows, {report.valid:,} break no rule.")
    out.print("Completeness:")
    for name, filled in report.complete.items():
        out.print(f"  {name:34} {filled / max(report.rows, 1):7.1%} {filled:>12,}")
    out.print("Rules that rows break:")
    for (place, reason), found in report.ordered_rules():
        out.print(f"  {found.rows:>8,}  {place or '-'}: {reason} (line {_lines(found.lines)})")
    for heading, kinds in (
        ("Rows that repeat an earlier one of the file, by", report.in_file),
        ("Rows of nominals that are, or may be, there already, by", report.in_store),
    ):
        out.print(f"{heading}:")
        for kind, found in kinds.items():
            where = f" (line {_lines(found.lines)})" if found.rows else ""
            out.print(f"  {found.rows:>8,}  {kind}{where}")
    out.print("Nothing was loaded.")


def _lines(lines: list[int]) -> str:
    return ", ".join(str(line) for line in lines)


def _run_document(each: Run) -> dict[str, Any]:
    return {
        "run": each.run_id,
        "state": each.state,
        "source": each.source,
        "file": each.file_name,
        "checksum": each.file_sha256,
        "rows_read": each.rows_read,
        "loaded": each.loaded,
        "started_at": each.started_at,
        "changed_at": each.changed_at,
    }


def _held_document(row: Held) -> dict[str, Any]:
    return {
        "row": row.row_number,
        "line": row.line,
        "id": row.source_id,
        "reason": row.reason,
        "matches": row.matches,
        "nominal": row.draft.model_dump(mode="json"),
    }
