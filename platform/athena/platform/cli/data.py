"""Commands that bring data in: seed, import."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from athena.platform.cli.common import Json, acting, err, opened, out, print_json, run, say
from athena.platform.kernel.settings import Settings, load_settings
from athena.platform.kernel.store import Store
from athena.platform.runtime import running
from athena.records.imports.service import Report, import_nominals
from athena.records.synthetic.people import generate
from athena.records.synthetic.service import count_loaded, load
from athena.tenants.consortium import FORCE_SLUGS

import_app = typer.Typer(help="Bring real data in.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(seed)
    import_app.command("nominals")(import_file)
    app.add_typer(import_app, name="import")


def seed(
    nominals: Annotated[int, typer.Option(min=1, max=2_000_000, help="How many.")] = 20_000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same people.")] = 1,
) -> None:
    """Add a made-up consortium's nominals, loaded through the real constraints."""

    async def work() -> None:
        settings = load_settings()
        async with opened() as runtime:
            await seed_store(runtime.store, settings, nominals, seed)

    run(work())


async def seed_store(store: Store, settings: Settings, nominals: int, seed: int) -> None:
    """Load made-up nominals with a progress bar; those of this seed that are there stay."""
    source = f"synthetic seed {seed}"
    async with running(store, settings) as runtime:
        database, gate = runtime.database, runtime.gate
        present = await count_loaded(database, gate, source, FORCE_SLUGS)
        if present >= nominals:
            return
        say(f"Making up {nominals:,} nominals of nine forces")
        with progress_bar() as bar:
            task = bar.add_task("Loading", total=nominals)
            people = generate(nominals, seed, FORCE_SLUGS)
            await load(
                database,
                gate,
                people,
                source,
                progress=lambda done: bar.update(task, completed=done),
            )


def import_file(
    file: Annotated[Path, typer.Argument(help="A CSV file in UTF-8 with a header line.")],
    force: Annotated[str, typer.Option(help="The force that owns the records, for example kent.")],
    mapping: Annotated[Path, typer.Option(help="A TOML file: which column is which field.")],
    rejects: Annotated[
        Path | None, typer.Option(help="Where rejected rows go; default FILE.rejects.csv.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Import nominals of one force; rejected rows are reported, a second run adds nothing twice."""

    async def work() -> Report:
        async with opened() as runtime:
            subject = await acting(runtime, f"records.{force}")
            with progress_bar() as bar:
                task = bar.add_task("Importing", total=None)
                return await import_nominals(
                    runtime.gate,
                    runtime.register,
                    subject,
                    file,
                    mapping,
                    rejects or file.with_name(file.name + ".rejects.csv"),
                    progress=lambda done: bar.update(task, completed=done),
                )

    report = run(work())
    if as_json:
        print_json(report.document())
        return
    out.print(
        f"Read {report.read} = loaded {report.loaded} + already there {report.known} "
        f"+ rejected {report.rejected}."
    )
    if report.rejected:
        out.print(f"Rejected rows with line, field and reason: {report.rejects}")


def progress_bar() -> Progress:
    """Return a progress bar on standard error with count and time left."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=err,
    )
