"""Commands for what partners are told: deliveries for the client body, corrections for forces."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from athena.platform.cli.common import (
    As,
    Json,
    Reason,
    act,
    out,
    permitted,
    print_json,
    run,
)
from athena.platform.kernel.clock import show_time
from athena.platform.kernel.identity import NominalId, Subject
from athena.platform.kernel.settings import load_settings
from athena.platform.runtime import Runtime
from athena.policies.roles.actions import Action
from athena.sharing.ppss.corrections.schemas import MOST_CORRECTIONS, CorrectionView, HoldingView
from athena.sharing.ppss.corrections.service import Corrections
from athena.sharing.ppss.deliveries import service
from athena.sharing.ppss.deliveries.reach import Reach
from athena.sharing.ppss.deliveries.schemas import DeliveriesView

deliveries_app = typer.Typer(help="How partners are told of events.", no_args_is_help=True)
corrections_app = typer.Typer(
    help="What partners were told is wrong, and what they did.", no_args_is_help=True
)

Partner = Annotated[str, typer.Argument(help="The partner's short name, such as a-shelter.")]
Administrator = Annotated[str, typer.Option("--as", help="An administrator of the client body.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    deliveries_app.command("show")(show)
    deliveries_app.command("set-webhook")(set_webhook)
    deliveries_app.command("remove-webhook")(remove_webhook)
    deliveries_app.command("restart-webhook")(restart_webhook)
    deliveries_app.command("replay")(replay)
    corrections_app.command("list")(list_corrections)
    corrections_app.command("holdings")(holdings)
    app.add_typer(deliveries_app, name="deliveries")
    app.add_typer(corrections_app, name="corrections")


def show(
    partner: Partner, reason: Reason, account: Administrator = "amo.admin", as_json: Json = False
) -> None:
    """Show how a partner's events go out, and its dead letters."""

    async def work() -> DeliveriesView:
        async with permitted(account, Action.PARTNERS_READ, reason) as deed:
            return await service.show(deed.session, deed.subject, partner, reason)

    found = run(work())
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    hook = found.webhook
    out.print(f"webhook    {hook.url if hook else 'none: it reads its feed'}")
    if hook is not None:
        out.print(f"going      {_going(found)}")
    out.print(f"events     {found.last_sequence}, {found.waiting} waiting for the webhook")
    out.print(f"read       up to {found.acknowledged}")
    for letter in found.dead_letters:
        out.print(f"refused    {letter.event_id}  {letter.sequence}  {letter.last_error}")


def set_webhook(
    partner: Partner,
    url: Annotated[str, typer.Argument(help="An https address of the partner's.")],
    reason: Reason,
    account: Administrator = "amo.admin",
) -> None:
    """Set where a partner is told."""
    reach = Reach.parse(load_settings().ppss_webhook_networks)

    async def work() -> None:
        async with permitted(account, Action.PARTNERS_MANAGE, reason) as deed:
            await service.set_webhook(deed.session, deed.subject, partner, url, reach, reason)

    run(work())
    out.print(f"{partner} is told at {url}.")


def remove_webhook(partner: Partner, reason: Reason, account: Administrator = "amo.admin") -> None:
    """Take a partner's webhook away; its feed stays."""

    async def work() -> None:
        async with permitted(account, Action.PARTNERS_MANAGE, reason) as deed:
            await service.remove_webhook(deed.session, deed.subject, partner, reason)

    run(work())
    out.print(f"{partner} has no webhook any more; it reads its feed.")


def restart_webhook(partner: Partner, reason: Reason, account: Administrator = "amo.admin") -> None:
    """Let a webhook that stopped be tried again at once."""

    async def work() -> None:
        async with permitted(account, Action.PARTNERS_MANAGE, reason) as deed:
            await service.restart_webhook(deed.session, deed.subject, partner, reason)

    run(work())
    out.print(f"{partner} is told again, from the first event that it hasn't.")


def replay(
    partner: Partner,
    reason: Reason,
    event: Annotated[UUID | None, typer.Option(help="One dead letter; else all.")] = None,
    account: Administrator = "amo.admin",
) -> None:
    """Send dead letters again, under their ids and numbers."""

    async def work() -> int:
        async with permitted(account, Action.PARTNERS_MANAGE, reason) as deed:
            return await service.replay(deed.session, deed.subject, partner, event, reason)

    out.print(f"Sent again: {run(work())}.")


def list_corrections(
    account: As,
    reason: Reason,
    every: Annotated[bool, typer.Option("--all", help="Those acknowledged too.")] = False,
    as_json: Json = False,
) -> None:
    """List what partners were told to correct of the own force's records."""

    async def work(runtime: Runtime, subject: Subject, stated: str) -> list[CorrectionView]:
        found = await Corrections(runtime.gate).of_force(
            subject, stated, MOST_CORRECTIONS, open_only=not every
        )
        return [CorrectionView.of(item) for item in found]

    views = act(account, reason, work)
    if as_json:
        print_json([view.model_dump(mode="json") for view in views])
        return
    for view in views:
        state = view.done or f"due {show_time(view.due_at)}"
        out.print(f"{view.correction_id}  {view.partner}  {view.change}  {state}")
        out.print(f"      {', '.join(view.fields)}")
    if not views:
        out.print("Nothing is waiting to be acknowledged.")


def holdings(nominal_id: UUID, account: As, reason: Reason, as_json: Json = False) -> None:
    """Show which partners were given what of a record, and what they still hold."""

    async def work(runtime: Runtime, subject: Subject, stated: str) -> list[HoldingView]:
        found = await Corrections(runtime.gate).holdings(subject, NominalId(nominal_id), stated)
        return [HoldingView.of(item, runtime.searcher.agreements) for item in found]

    views = act(account, reason, work)
    if as_json:
        print_json([view.model_dump(mode="json") for view in views])
        return
    for view in views:
        out.print(f"{view.partner}  given {show_time(view.given_at)}")
        out.print(f"      holds {', '.join(view.held) or 'nothing any more'}")
        if view.wrong:
            out.print(f"      wrong {', '.join(view.wrong)}, not acknowledged yet")
    if not views:
        out.print("No partner was given anything of it.")


def _going(found: DeliveriesView) -> str:
    hook = found.webhook
    if hook is None or (hook.failing_since is None and hook.stopped_at is None):
        return "well" if not found.refused else f"{found.refused} refused"
    if hook.stopped_at is not None:
        return f"stopped {show_time(hook.stopped_at)}: {hook.last_error}; restart-webhook starts it"
    since = show_time(hook.failing_since) if hook.failing_since else ""
    return f"the partner is away since {since}: {hook.last_error}"
