"""Commands for the keys that seal files: rotate, rewrap, erase."""

from __future__ import annotations

from typing import Annotated

import typer

from athena.platform.cli.common import As, Reason, acting, opened, out, run
from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.errors import InvalidInputError
from athena.platform.kernel.files import service
from athena.platform.kernel.files.keys import FILE_NAME, FileKeyProvider, open_key_provider
from athena.platform.kernel.files.service import FileStore
from athena.platform.kernel.permits import check_reason
from athena.platform.kernel.settings import load_settings
from athena.platform.kernel.store import data_dir

ACTION = "files.keys"
"""What a member's role must allow."""

keys_app = typer.Typer(help="The keys that seal attachments.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    keys_app.command("rotate")(rotate)
    keys_app.command("rewrap")(rewrap)
    keys_app.command("erase")(erase)
    app.add_typer(keys_app, name="keys")


def rotate() -> None:
    """Add a master key to the demo's file; it wraps from now on, and older ones still unwrap."""
    settings = load_settings()
    open_key_provider(settings)  # refuses in production
    provider = FileKeyProvider.open(data_dir(settings) / FILE_NAME).rotate()
    out.print(f"New master key {provider.current}. Now run `athena keys rewrap` for each force.")


def rewrap(account: As) -> None:
    """Wrap a force's data keys by the current master key; no file is touched."""
    entry = Entry(EventKind.ALTERATION, "files.rewrap", "Wraps the force's data keys anew")

    async def work() -> int:
        files = FileStore(open_key_provider(load_settings()))
        async with opened() as runtime:
            subject = await acting(runtime, account)
            async with runtime.desk(subject, ACTION, entry) as desk:
                return await files.rewrap(desk)

    out.print(f"Wrapped anew: {run(work())} data keys.")


def erase(
    account: As,
    force: Annotated[str, typer.Option(help="The account's force, named to be sure.")],
    reason: Reason,
) -> None:
    """Erase a force's data keys: none of its attachments can ever be opened again."""
    entry = Entry(EventKind.ERASURE, "files.erase_keys", check_reason(reason))

    async def work() -> int:
        async with opened() as runtime:
            subject = await acting(runtime, account)
            if subject.tenant != force:
                raise InvalidInputError(f"The account isn't of {force}; nothing was erased.")
            async with runtime.desk(subject, ACTION, entry) as desk:
                return await service.erase_keys(desk)

    out.print(f"Erased: {run(work())} data keys.")
