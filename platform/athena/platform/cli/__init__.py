"""The command line: ``athena …``. Every reading command takes ``--json``."""

from __future__ import annotations

import os
import sys

import typer
from pydantic import ValidationError

from athena.platform.cli import (
    agreements,
    archive,
    bench,
    data,
    dictionary,
    exceptions,
    governance,
    governance_costs,
    governance_ledger,
    imports,
    keys,
    linking,
    members,
    partner_events,
    partners,
    policies,
    ppss,
    ppss_batches,
    records,
    referrals,
    server,
    submissions,
    tenants,
    training,
    work,
)
from athena.platform.kernel.errors import AthenaError

app = typer.Typer(
    help="Athena: one police records store for nine forces, shared by agreement.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
server.register(app)
records.register(app)
exceptions.register(app)
agreements.register(app)
data.register(app)
dictionary.register(app)
imports.register(app)
policies.register(app)
bench.register(app)
work.register(app)
keys.register(app)
members.register(app)
tenants.register(app)
training.register(app)
archive.register()
linking.register(app)
governance.register(app)
governance_costs.register()
governance_ledger.register()
partner_events.register(app)
partners.register(app)
ppss.register(app)
ppss_batches.register(ppss.ppss_app)
submissions.register(app)
referrals.register(app)


def main() -> None:
    """Run a command; what goes wrong is one plain sentence and a non-zero exit."""
    try:
        app()
    except AthenaError as error:
        _fail(error.detail)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        _fail(f"{place}: {first['msg'].removeprefix('Value error, ').rstrip('.')}.")
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        sys.exit(130)
    except BrokenPipeError:
        os._exit(0)  # whoever read our output has seen enough


def _fail(sentence: str) -> None:
    sys.stderr.write(f"athena: {sentence}\n")
    sys.exit(1)
