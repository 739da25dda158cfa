"""The command that makes data up, and the progress bar of every command that loads some."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from athena.platform.cli.common import err, opened, run, say
from athena.platform.kernel.settings import Settings, load_settings
from athena.platform.kernel.store import Store
from athena.platform.runtime import running
from athena.records.synthetic.people import generate
from athena.records.synthetic.service import count_loaded, load
from athena.tenants.consortium import FORCE_SLUGS


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(seed)


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


def progress_bar() -> Progress:
    """Return a progress bar on standard error with count, rate and time left."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
        console=err,
    )


class _Rate(ProgressColumn):
    """How many are done in a second."""

    def render(self, task: Task) -> Text:
        """Return the rate of the last seconds."""
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")
