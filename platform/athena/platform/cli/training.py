"""Commands on the training environment: made again from nothing, and how far it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

import typer

from athena.platform.cli.common import (
    DEMO_KEYS,
    Json,
    found_demonstration,
    out,
    print_json,
    run,
    say,
)
from athena.platform.cli.data import seed_store
from athena.platform.kernel import training
from athena.platform.kernel.clock import show_time
from athena.platform.kernel.errors import ConfigurationError
from athena.platform.kernel.settings import Settings, load_settings
from athena.platform.kernel.store import Store, data_dir, migrate, open_store

training_app = typer.Typer(help="The training environment.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    training_app.command("reset")(reset)
    training_app.command("status")(status)
    app.add_typer(training_app, name="training")


def reset(
    nominals: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many.")] = 2_000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same people.")] = 1,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask whether to go on.")] = False,
) -> None:
    """Throw the training store away and make it again, with made-up people alone."""
    settings = load_settings()
    with _opened(settings) as store:
        run(training.check_apart(settings, store))
        before = run(training.mark_of(store))
        if before.state is not training.State.ABSENT and not yes:
            name = f"{store.address.database} on {store.address.host}"
            typer.confirm(f"Throw the training store {name} away and make it again?", abort=True)
        run(_reset(training.training_settings(settings), store, nominals, seed))
    out.print(f"The training store is ready, with {nominals:,} made-up people.")


def status(as_json: Json = False) -> None:
    """Show whether the training store is ready."""
    settings = load_settings()
    with _opened(settings) as store:
        mark = run(training.mark_of(store))
    if as_json:
        print_json(
            {
                "state": mark.state.value,
                "nominals": mark.nominals,
                "seed": mark.seed,
                "made_at": mark.made_at or None,
            }
        )
        return
    told = {
        training.State.ABSENT: "There is no training store yet; `athena training reset` makes it.",
        training.State.HALF_MADE: "The training store is half made; run `athena training reset`.",
        training.State.READY: "The training store is ready",
    }[mark.state]
    if mark.state is training.State.READY:
        made = show_time(datetime.fromisoformat(mark.made_at))
        told += f": {mark.nominals:,} made-up people, made on {made}."
    out.print(told)


@contextmanager
def _opened(settings: Settings) -> Iterator[Store]:
    if settings.is_production and settings.training_database_url is None:
        raise ConfigurationError(
            "Set ATHENA_TRAINING_DATABASE_URL: in production training has a server of its own."
        )
    store = open_store(training.training_settings(settings), progress=say)
    try:
        yield store
    finally:
        store.stop()


async def _reset(settings: Settings, store: Store, nominals: int, seed: int) -> None:
    async with training.made_anew(store):
        say("Making the tables")
        await migrate(store)
        await found_demonstration(store, data_dir(settings) / DEMO_KEYS)
        await seed_store(store, settings, nominals, seed)
        made_at = datetime.now(UTC).isoformat(timespec="seconds")
        await training.say(store, training.Mark(training.State.READY, nominals, seed, made_at))
