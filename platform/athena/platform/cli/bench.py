"""Benchmarks as commands; ``make bench`` runs them."""

from __future__ import annotations

import typer

bench_app = typer.Typer(help="Measure; ratios against a named peer in the same run.")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(bench_app, name="bench")
