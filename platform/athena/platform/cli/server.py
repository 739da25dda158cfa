"""Commands that run the platform: demo, serve, migrate, token."""

from __future__ import annotations

import logging
import socket
import time
from typing import Annotated

import typer
import uvicorn

from athena.platform.cli.common import opened_store, out, run, say
from athena.platform.cli.data import seed_store
from athena.platform.kernel.embedded import raise_on_termination
from athena.platform.kernel.errors import ConfigurationError
from athena.platform.kernel.settings import Settings, load_settings
from athena.platform.kernel.store import Store, data_dir
from athena.platform.kernel.tokens import TokenIssuer
from athena.platform.kernel.web import listening_socket
from athena.tenants.members.service import subject_by_username

DEMO_SEED = 1


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(demo)
    app.command()(serve)
    app.command()(migrate)
    app.command()(token)


def demo() -> None:
    """Start everything with made-up data and serve it until Ctrl-C.

    ATHENA_HOST, ATHENA_PORT, ATHENA_DATA_DIR and ATHENA_DEMO_NOMINALS change where and how much.
    """
    started = time.monotonic()
    settings = load_settings()
    if settings.is_production:
        raise ConfigurationError("The demo doesn't run with ATHENA_ENV=production.")
    run(_serve(settings, started, seeded=True))


def serve() -> None:
    """Serve the API and the pages over the store of the settings, without adding data."""
    run(_serve(load_settings(), time.monotonic(), seeded=False))


def migrate() -> None:
    """Bring the store's tables up to date and set its logins' passwords."""

    async def work() -> None:
        async with opened_store():
            say("The store is up to date")

    run(work())


def token(
    account: Annotated[str, typer.Option("--as", help="For whom, for example officer.kent.")],
    minutes: Annotated[int, typer.Option(min=1, max=720, help="How long it holds.")] = 60,
) -> None:
    """Print a short-lived bearer token of a demo account on the last line."""
    settings = load_settings()
    issuer = TokenIssuer.open(settings, data_dir(settings))

    async def work() -> str:
        async with opened_store(settings) as store:
            database = store.database()
            try:
                subject = await subject_by_username(database, account)
            finally:
                await database.close()
        return issuer.issue(subject.member_id, minutes * 60)

    typer.echo(run(work()))


async def _serve(settings: Settings, started: float, *, seeded: bool) -> None:
    raise_on_termination()
    TokenIssuer.open(settings, data_dir(settings))  # refuses before anything starts
    with listening_socket(settings.host, settings.port) as listener:
        async with opened_store(settings) as store:
            if seeded:
                await seed_store(store, settings, settings.demo_nominals, DEMO_SEED)
            await _run_server(
                store, settings, listener.getsockname()[1], listener.fileno(), started
            )


async def _run_server(
    store: Store, settings: Settings, port: int, descriptor: int, started: float
) -> None:
    from athena.platform.app import create_app  # all routes, which no other command needs

    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    # Tracebacks quote data: `web.install` logs where a fault is, without what it was about.
    logging.getLogger("uvicorn.error").addFilter(lambda record: record.exc_info is None)
    config = uvicorn.Config(
        create_app(store, settings), fd=descriptor, log_level="warning", server_header=False
    )

    class Announce(uvicorn.Server):
        """Says where the page is once it really answers."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                seconds = time.monotonic() - started
                out.print(f"Ready in {seconds:.1f} s: http://{settings.host}:{port}/")
                out.print("Stop with Ctrl-C.")

    server = Announce(config)
    await server.serve()
