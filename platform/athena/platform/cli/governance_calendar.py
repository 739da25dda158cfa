"""Commands on the calendar of releases and on the forces' black-outs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import typer

from athena.governance.changes.desk import Desk
from athena.governance.releases.blackouts import service as blackouts
from athena.governance.releases.calendar import Calendar, calendar
from athena.governance.releases.machine import words
from athena.governance.releases.schemas import BlackOutView, NewBlackOut
from athena.governance.releases.times import span
from athena.platform.cli.common import Json, out, print_json
from athena.platform.cli.governance_common import AMO, Account, Acting, Why, as_account, check
from athena.platform.kernel.clock import show_time
from athena.platform.kernel.identity import Subject

black_outs_app = typer.Typer(
    help="The times in which nothing goes live for a force.", no_args_is_help=True
)

Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A day in London.")]


def register(app: typer.Typer) -> None:
    """Add the commands to those of governance."""
    black_outs_app.command("list")(list_black_outs)
    black_outs_app.command("file")(file)
    black_outs_app.command("withdraw")(withdraw)
    app.add_typer(black_outs_app, name="black-outs")
    app.command("calendar")(show)


def show(
    first: Day = None, last: Day = None, account: Account = AMO, as_json: Json = False
) -> None:
    """Show rings, black-outs and deadlines of votes, from today for a quarter of a year."""

    async def work(desk: Desk, subject: Subject) -> Calendar:
        return await calendar(
            desk.office, subject, first.date() if first else None, last.date() if last else None
        )

    found = as_account(account, work)
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    for item in found.happenings:
        what = {"ring": f"{item.release} ring {item.ring}", "vote": "vote closes"}.get(
            item.kind, words(item.kind)
        )
        until = "" if item.ends == item.begins else f" to {show_time(item.ends)}"
        out.print(
            f"{show_time(item.begins)}{until}  {what}: {item.title} ({', '.join(item.forces)})",
            markup=False,
        )
    if not found.happenings:
        out.print("Nothing is planned in this time.")


def list_black_outs(account: Account = AMO, as_json: Json = False) -> None:
    """List every force's black-outs that stand."""

    async def work(desk: Desk, subject: Subject) -> list[BlackOutView]:
        return [BlackOutView.of(item) for item in await blackouts.every(desk.office, subject)]

    found = as_account(account, work)
    if as_json:
        print_json([item.model_dump(mode="json") for item in found])
        return
    for item in found:
        out.print(
            f"{item.id}  {item.force:14} {show_time(item.begins)} to {show_time(item.ends)}  "
            f"{item.title}",
            markup=False,
        )
    if not found:
        out.print("There are no black-outs.")


def file(
    title: Annotated[str, typer.Argument(help="What is on, for example a carnival.")],
    begins: Annotated[str, typer.Argument(help="In London's time: a day, or 2027-01-10T20:00.")],
    ends: Annotated[str, typer.Argument(help="In London's time; a day is included.")],
    reason: Why,
    account: Acting,
) -> None:
    """File a time in which nothing may go live for one's own force."""
    first, last = span(begins, ends)
    new = check(NewBlackOut, {"title": title, "begins": first, "ends": last, "reason": reason})

    async def work(desk: Desk, subject: Subject) -> BlackOutView:
        return BlackOutView.of(await blackouts.file(desk.office, subject, new))

    filed = as_account(account, work)
    out.print(
        f"Filed {filed.id}: {show_time(filed.begins)} to {show_time(filed.ends)}.", markup=False
    )


def withdraw(
    black_out: Annotated[UUID, typer.Argument(help="The black-out's id.")],
    reason: Why,
    account: Acting,
) -> None:
    """Withdraw a black-out of one's own force."""

    async def work(desk: Desk, subject: Subject) -> None:
        await blackouts.withdraw(desk.office, subject, black_out, reason)

    as_account(account, work)
    out.print("The black-out is withdrawn.")
