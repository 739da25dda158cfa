"""Commands of linking: train."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from athena.platform.cli.common import out, say
from athena.sharing.linking.plans import NOMINALS, made_up
from athena.sharing.linking.training import Trainer
from athena.sharing.linking.weights import write_weights
from athena.tenants.consortium import FORCE_SLUGS

link_app = typer.Typer(help="Which nominals may be one person.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    link_app.command("train")(train)
    app.add_typer(link_app, name="link")


def train(
    out_file: Annotated[Path, typer.Option("--out", help="The weights, to be reviewed.")],
    records: Annotated[int, typer.Option(min=2_000, help="How many to make up.")] = 12_000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same people.")] = 41,
    number: Annotated[int, typer.Option("--number", min=1, help="The weights' version.")] = 1,
) -> None:
    """Train weights with Splink on made-up nominals; nothing uses them before a release does."""
    say(f"Making up {records:,} nominals")
    people = dict(made_up(records, seed, FORCE_SLUGS))
    say("Training; this takes a minute or two")
    trainer = Trainer(NOMINALS, [people.items()], seed)
    weights = trainer.train("nominals", number, f"made-up nominals, {records:,}, seed {seed}")
    write_weights(weights, out_file)
    out.print(f"Wrote {weights.label}: {len(weights.fields)} fields, prior {weights.prior:.2e}.")
