"""Commands of governance: a group that each of its parts adds to."""

from __future__ import annotations

import typer

governance_app = typer.Typer(help="What the AMO runs for all forces.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the group."""
    app.add_typer(governance_app, name="governance")
