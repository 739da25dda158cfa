"""What commands share: opening the platform, speaking to a person or to a program."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console

from athena.platform.cli.demonstration import found_sharing
from athena.platform.kernel.database import Database, WriteSession
from athena.platform.kernel.embedded import raise_on_termination
from athena.platform.kernel.errors import ConfigurationError
from athena.platform.kernel.identity import Subject
from athena.platform.kernel.permits import check_reason
from athena.platform.kernel.settings import Settings, load_settings
from athena.platform.kernel.store import Store, data_dir, migrate, open_store
from athena.platform.runtime import Runtime, running
from athena.policies.roles.actions import Action
from athena.tenants.consortium import found_consortium
from athena.tenants.members.service import subject_by_username

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
As = Annotated[str, typer.Option("--as", help="The account that acts, for example officer.kent.")]
Purpose = Annotated[str, typer.Option("--purpose", help="Why: a purpose from the list.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, in your own words. It is logged.")]

DEMO_KEYS = "demo-signatory-keys"
"""Where in the data directory a demonstration leaves its signatories' private keys."""

T = TypeVar("T")


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine to its end, on the quicker loop where there is one."""
    raise_on_termination()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(coroutine)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop


def say(text: str) -> None:
    """Tell a person at the terminal how things go; programs read standard output."""
    err.print(text, style="dim")


def print_json(value: Any) -> None:
    """Print a value as JSON on standard output."""
    typer.echo(json.dumps(value, indent=2, default=str, ensure_ascii=False))


@asynccontextmanager
async def opened_store(settings: Settings | None = None) -> AsyncIterator[Store]:
    """Open the store of the settings, migrated, and leave it at the end.

    A demonstration's store starts with the made-up members and agreements; a production store
    starts empty, because an agreement that nobody signed must not share anything.
    """
    settings = settings or load_settings()
    store = open_store(settings, progress=say)
    try:
        await migrate(store)
        if not settings.is_production:
            await found_demonstration(store, data_dir(settings) / DEMO_KEYS)
        yield store
    finally:
        store.stop()


async def found_demonstration(store: Store, key_directory: Path) -> None:
    """Found the consortium with made-up members, its agreements and partners, where missing."""
    database = store.database()
    try:
        if await found_consortium(database, store.verifier):
            say("Founded the consortium: nine forces, their members")
        if await found_sharing(database, key_directory):
            say(f"Stored the sharing agreements and two partners, with keys in {key_directory}")
    finally:
        await database.close()


@asynccontextmanager
async def opened(*, searching: bool = True, behind: bool = False) -> AsyncIterator[Runtime]:
    """Open the whole platform over the store of the settings, but search where it isn't asked.

    With ``behind`` it lets others have the processors first.
    """
    settings = load_settings()
    async with (
        opened_store(settings) as store,
        running(replace(store, behind=behind), settings, searching=searching) as runtime,
    ):
        yield runtime


async def acting(runtime: Runtime, username: str) -> Subject:
    """Return the member of a user name; in a demo the command line may act as anyone.

    ConfigurationError in production, where nobody may act for another without signing in.
    """
    if load_settings().is_production:
        raise ConfigurationError(
            "Acting as an account from the command line is for demonstrations only; "
            "ATHENA_ENV is production."
        )
    return await subject_by_username(runtime.database, username)


def act(account: str, reason: str, work: Callable[[Runtime, Subject, str], Awaitable[T]]) -> T:
    """Do something as an account, for a reason, over the opened platform; it doesn't search."""

    async def acted() -> T:
        stated = check_reason(reason)
        async with opened(searching=False) as runtime:
            return await work(runtime, await acting(runtime, account), stated)

    return run(acted())


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that an account may do, in its transaction."""

    runtime: Runtime
    session: WriteSession
    subject: Subject
    reason: str


@asynccontextmanager
async def permitted(
    account: str,
    action: Action,
    reason: str,
    then: Callable[[Database], Awaitable[object]] | None = None,
) -> AsyncIterator[Deed]:
    """Open the platform, which doesn't search, and the transaction of an act.

    ``then`` follows once it is committed. RefusedError when the account may not do it;
    InvalidInputError when no reason is stated.
    """
    stated = check_reason(reason)
    async with opened(searching=False) as runtime:
        subject = await acting(runtime, account)
        await runtime.gate.permit_act(subject, action, stated)
        async with runtime.database.write(subject.login) as session:
            yield Deed(runtime, session, subject, stated)
        if then is not None:
            await then(runtime.database)
