"""Commands for the dictionary of names that the processes of this machine share."""

from __future__ import annotations

from typing import Any

import typer

from athena.platform.cli.common import Json, opened_store, out, print_json, run, say
from athena.platform.kernel.errors import ConfigurationError
from athena.platform.kernel.settings import load_settings
from athena.platform.kernel.store import dictionary_dir
from athena.sharing.search.editions import Shelf
from athena.sharing.search.names import LiveNames

dictionary_app = typer.Typer(
    help="The dictionary of names that searches expand typed names by.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(dictionary_app, name="search-dictionary")


@dictionary_app.command("build")
def build(as_json: Json = False) -> None:
    """Build it anew from the names on record; running processes change to it by themselves."""

    async def work() -> dict[str, Any]:
        settings = load_settings()
        async with opened_store(settings) as store:
            database = store.database()
            names = LiveNames(database, dictionary_dir(settings, store))
            try:
                say("Building the dictionary of names")
                await names.rebuild()
            finally:
                await names.close()
                await database.close()
            return _status(Shelf(dictionary_dir(settings, store)))

    _show(run(work()), as_json)


@dictionary_app.command("status")
def status(as_json: Json = False) -> None:
    """Tell what it holds, and read it whole to see that nothing in it has changed."""

    async def work() -> dict[str, Any]:
        settings = load_settings()
        async with opened_store(settings) as store:
            return _status(Shelf(dictionary_dir(settings, store)))

    found = run(work())
    _show(found, as_json)
    if found["damaged"]:
        raise ConfigurationError(
            f"The dictionary has changed since it was built ({', '.join(found['damaged'])}); "
            "build it anew with athena search-dictionary build."
        )


def _status(shelf: Shelf) -> dict[str, Any]:
    header, damaged = shelf.check()
    if header is None:
        return {"directory": str(shelf.folder), "built_at": None, "damaged": []}
    return {
        "directory": str(shelf.folder),
        "built_at": header.built_at,
        "names": header.terms,
        "pairs": header.pairs,
        "megabytes": round(sum(size for size, _ in header.files.values()) / 1e6, 1),
        "damaged": damaged,
    }


def _show(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(found)
    elif found["built_at"] is None:
        out.print(f"There is none in {found['directory']}; the next process to start builds it.")
    else:
        out.print(
            f"{found['names']:,} names and {found['pairs']:,} pairs of them, "
            f"{found['megabytes']} MB, built at {found['built_at']} in {found['directory']}"
        )
