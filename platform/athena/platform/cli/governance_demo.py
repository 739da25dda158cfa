"""The command that plays a whole made-up year of the client body over a store."""

from __future__ import annotations

from athena.platform.cli.common import opened_store, out, run, say
from athena.platform.cli.year import autumn, spring, summary
from athena.platform.cli.year.calling import Client
from athena.platform.cli.year.stage import Stage, Tell, alone
from athena.platform.kernel.errors import ConfigurationError
from athena.platform.kernel.settings import Settings, load_settings
from athena.platform.kernel.store import Store


def demo() -> None:
    """Play one made-up year: twelve changes, three releases, one of them backed out.

    Everything is done through the API, by members who may do it. It takes a minute.
    """
    settings = load_settings()

    async def work() -> None:
        async with opened_store(settings) as store:
            await play(store, settings, _print)

    check_playable(settings)
    run(work())


def check_playable(settings: Settings) -> None:
    """Refuse a production store: what is made up would stand in its log for good."""
    if settings.is_production:
        raise ConfigurationError(
            "A made-up year isn't played with ATHENA_ENV=production; play it on a store of its own."
        )


async def play(store: Store, settings: Settings, tell: Tell) -> summary.Summary:
    """Play the year over a store, or what is left of it, and return what it came to.

    ConfigurationError in production; ConflictError where the store isn't as the story needs it.
    """
    check_playable(settings)
    quiet = settings.model_copy(update={"compares": False})
    async with alone(store), Client.opened(store, quiet) as client:
        stage = await Stage.set_up(client, tell)
        _introduce(stage, tell)
        if not stage.is_over:
            await spring.play(stage)
            await autumn.play(stage, quiet)
        found = await summary.summary(stage)
        summary.tell(found, str(stage.year), tell)
        return found


def _introduce(stage: Stage, tell: Tell) -> None:
    if stage.is_over:
        tell("A made-up year was played on this store already, so nothing is done now.")
        return
    if stage.has_begun:
        tell("A made-up year broke off on this store; what is left of it is played now.")
        return
    tell(
        "A made-up year: every body, request, price and figure is invented. The months are the "
        "story's:\nevery act is made now, by today's clock, and the log and the accounts have "
        "today's date."
    )
    say("Playing it takes a minute or so")


def _print(text: str) -> None:
    out.print(text, markup=False)
