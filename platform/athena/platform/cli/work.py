"""Commands for what a member has to do and is told: worklist, notifications."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

import typer

from athena.governance.acting import Office
from athena.governance.duties.service import waiting_in
from athena.governance.duties.telling import Teller
from athena.platform.cli.common import As, Json, Reason, acting, opened, out, print_json, run
from athena.platform.kernel.clock import show_time
from athena.platform.kernel.desk import OpenChange
from athena.platform.kernel.identity import TenantKind
from athena.platform.kernel.notifications import routes as notification_routes
from athena.platform.kernel.notifications import service as notifications
from athena.platform.kernel.notifications.models import Notification
from athena.platform.kernel.notifications.schemas import ShownNotification
from athena.platform.kernel.worklist import service as worklist
from athena.platform.kernel.worklist.listing import chosen, listed
from athena.platform.kernel.worklist.models import STILL_TO_DO, Item, ItemState
from athena.platform.kernel.worklist.routes import at_the_desk, parse_reason
from athena.platform.kernel.worklist.schemas import ShownItem

worklist_app = typer.Typer(help="What must be done, and by when.", no_args_is_help=True)
notification_app = typer.Typer(help="What you were told.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    worklist_app.command("list")(list_items)
    worklist_app.command("show")(show)
    worklist_app.command("claim")(claim)
    worklist_app.command("release")(release)
    worklist_app.command("close")(close)
    notification_app.command("list")(list_notifications)
    app.add_typer(worklist_app, name="worklist")
    app.add_typer(notification_app, name="notifications")


def list_items(
    account: As,
    state: Annotated[
        list[ItemState] | None, typer.Option(help="By default what is still to do.")
    ] = None,
    kind: Annotated[list[str] | None, typer.Option(help="By default all kinds.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=worklist.MOST_ITEMS)] = 50,
    as_json: Json = False,
) -> None:
    """List the items you can act on or have opened, the most urgent first."""

    async def work() -> list[ShownItem]:
        async with opened() as runtime:
            subject = await acting(runtime, account)
            office = Office(runtime.database, runtime.gate.authorise)
            waits, states = await waiting_in(office)(subject), state or STILL_TO_DO
            if subject.tenant_kind is TenantKind.CLIENT_BODY:  # which has no items of its own
                return chosen(waits, states, kind)[:limit]
            async with at_the_desk(runtime.desk, subject, "list", "Reads the own worklist") as desk:
                return await listed(desk, waits, states, kind, limit)

    found = run(work())
    if as_json:
        print_json([item.model_dump(mode="json") for item in found])
        return
    for item in found:
        late = "  OVERDUE" if item.is_overdue else ""
        out.print(
            f"{item.about or item.id}  {item.state:9} {_due(item)}{late}\n      {item.asks}",
            markup=False,
        )
    if not found:
        out.print("Nothing to do.")


def show(item_id: UUID, account: As, as_json: Json = False) -> None:
    """Show one item."""
    _print(_step(account, "show", "Reads an item", item_id, worklist.show), as_json)


def claim(item_id: UUID, account: As, as_json: Json = False) -> None:
    """Take an open item on."""
    _print(_step(account, "claim", "Takes the item on", item_id, worklist.claim), as_json)


def release(item_id: UUID, account: As, as_json: Json = False) -> None:
    """Give a claimed item back."""
    _print(_step(account, "release", "Gives the item back", item_id, worklist.release), as_json)


def close(
    item_id: UUID,
    account: As,
    outcome: Annotated[str, typer.Option(help="How it ended; `show` lists what it can be.")],
    reason: Reason,
    as_json: Json = False,
) -> None:
    """Say how an item ended, and why."""

    async def closing(work: OpenChange, closed_id: UUID) -> Item:
        return await worklist.close(work, closed_id, outcome)

    _print(_step(account, "close", parse_reason(reason), item_id, closing), as_json)


def list_notifications(
    account: As,
    unread: Annotated[bool, typer.Option("--unread", help="Only what isn't read yet.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=notifications.MOST_NOTIFICATIONS)] = 50,
    as_json: Json = False,
) -> None:
    """List what you were told, the newest first; what is due is delivered before."""

    async def work() -> list[Notification]:
        async with opened() as runtime:
            subject = await acting(runtime, account)
            await Teller(runtime.database, runtime.gate.roles_allow).tell()
            await runtime.outbox.deliver_due()
            action, entry = notification_routes.ACTION, notification_routes.LISTING
            async with runtime.desk(subject, action, entry) as desk:
                return await notifications.list_notifications(desk, limit, unread_only=unread)

    found = [ShownNotification.of(told) for told in run(work())]
    if as_json:
        print_json([told.model_dump(mode="json") for told in found])
        return
    for told in found:
        item = f"\n      item {told.item_id}" if told.item_id else ""
        mark = " " if told.read_at else "*"
        out.print(f"{mark} {show_time(told.created_at)}  {told.tells}{item}")
    if not found:
        out.print("You were told nothing.")


def _step(
    account: str,
    step: str,
    reason: str,
    item_id: UUID,
    do: Callable[[OpenChange, UUID], Awaitable[Item]],
) -> ShownItem:
    async def work() -> Item:
        async with opened() as runtime:
            subject = await acting(runtime, account)
            async with at_the_desk(runtime.desk, subject, step, reason, item_id) as desk:
                return await do(desk, item_id)

    return ShownItem.of(run(work()))


def _due(item: ShownItem) -> str:
    return f"due {show_time(item.due_at)}" if item.due_at else "no deadline"


def _print(item: ShownItem, as_json: bool) -> None:
    if as_json:
        print_json(item.model_dump(mode="json"))
        return
    late = ", overdue" if item.is_overdue else ""
    record = item.record
    lines = {
        "item": str(item.id),
        "asks": item.asks,
        "state": f"{item.state}, version {item.version}",
        "due": f"{_due(item)} ({item.clock}){late}",
        "opened": show_time(item.opened_at),
        "record": f"{record.record_class} {record.record_id}" if record else "-",
        "outcome": item.outcome or f"one of: {', '.join(item.outcomes)}",
    }
    for name, value in lines.items():
        out.print(f"{name:10} {value}")
