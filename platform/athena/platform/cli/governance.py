"""Commands of governance: bodies and the catalogue; requests and votes are beside this."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from athena.governance.bodies import service
from athena.governance.bodies.schemas import (
    Amendment,
    BodyOverview,
    NewAppointment,
    NewBody,
    body_view,
)
from athena.governance.changes import cataloguing
from athena.governance.changes.catalogue import CatalogueEntry, NewEntry
from athena.governance.changes.desk import Desk
from athena.governance.votes.outcome import Duty
from athena.platform.cli import (
    governance_calendar,
    governance_changes,
    governance_demo,
    governance_features,
    governance_releases,
    governance_views,
    governance_votes,
)
from athena.platform.cli.common import Json, out, print_json
from athena.platform.cli.governance_common import (
    AMO,
    Account,
    Managing,
    Why,
    as_account,
    check,
    read_json,
)
from athena.platform.kernel.identity import Subject

governance_app = typer.Typer(help="What the consortium decides together.", no_args_is_help=True)
bodies_app = typer.Typer(help="The bodies that decide.", no_args_is_help=True)
catalogue_app = typer.Typer(help="Standard changes.", no_args_is_help=True)

BodyName = Annotated[str, typer.Argument(help="The body's short name.")]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    bodies_app.command("list")(list_bodies)
    bodies_app.command("show")(show_body)
    bodies_app.command("found")(found)
    bodies_app.command("amend")(amend)
    bodies_app.command("appoint")(appoint)
    bodies_app.command("end")(end)
    catalogue_app.command("list")(list_catalogue)
    catalogue_app.command("propose")(propose)
    catalogue_app.command("retire")(retire)
    governance_app.add_typer(bodies_app, name="bodies")
    governance_app.add_typer(catalogue_app, name="catalogue")
    governance_app.add_typer(governance_changes.app(), name="changes")
    governance_app.add_typer(governance_votes.app(), name="votes")
    governance_app.add_typer(governance_releases.app(), name="releases")
    governance_calendar.register(governance_app)
    governance_app.command("features")(governance_features.show)
    governance_app.command("demo")(governance_demo.demo)
    governance_views.register(governance_app)
    app.add_typer(governance_app, name="governance")


def list_bodies(account: Account = AMO, as_json: Json = False) -> None:
    """List the bodies."""

    async def work(desk: Desk, subject: Subject) -> list[BodyOverview]:
        return [BodyOverview.of(body) for body in await service.every(desk.office, subject)]

    found_ones = as_account(account, work)
    if as_json:
        print_json([item.model_dump(mode="json") for item in found_ones])
        return
    for item in found_ones:
        kind = item.kind.value.replace("_", " ")
        out.print(f"{item.slug:24} {kind:24} {item.name}", markup=False)
    if not found_ones:
        out.print("There are no bodies yet.")


def show_body(slug: BodyName, account: Account = AMO, as_json: Json = False) -> None:
    """Show who sits on a body and how it decides."""

    async def work(desk: Desk, subject: Subject) -> service.WholeBody:
        return await service.one(desk.office, subject, slug)

    view = body_view(*as_account(account, work))
    if as_json:
        print_json(view.model_dump(mode="json"))
        return
    newest = view.constitutions[-1]
    law = newest.constitution
    out.print(f"{view.name}: constitution version {newest.version}", markup=False)
    for rule in law.rules:
        price = f" from {rule.from_pence / 100:,.2f} pounds" if rule.from_pence else ""
        decision = rule.decision.value.replace("_", " ")
        out.print(f"  {decision}{price}: {rule.words()}")
    for item in view.appointments:
        if item.ended_at is None:
            until = f" to {item.valid_to}" if item.valid_to else ""
            term = f"from {item.valid_from}{until}"
            out.print(
                f"  {item.duty.value:11} {item.tenant:16} {item.username}, {term}  {item.id}",
                markup=False,
            )


def found(
    file: Annotated[Path, typer.Argument(help="The body with its constitution, as JSON.")],
    reason: Why,
    account: Managing = AMO,
) -> None:
    """Found a body with its first constitution."""
    new = check(NewBody, {**read_json(file), "reason": reason})

    async def work(desk: Desk, subject: Subject) -> service.WholeBody:
        return await service.found(desk.office, subject, new)

    body, _, _ = as_account(account, work)
    out.print(f"Founded {body.name}; forces can appoint their members now.", markup=False)


def amend(
    slug: BodyName,
    file: Annotated[Path, typer.Argument(help="The whole constitution, as JSON.")],
    reason: Why,
    account: Managing = AMO,
) -> None:
    """Store the next version of a constitution; votes that are open keep theirs."""
    amendment = check(Amendment, {"constitution": read_json(file), "reason": reason})

    async def work(desk: Desk, subject: Subject) -> service.WholeBody:
        return await service.amend(desk.office, subject, slug, amendment)

    _, versions, _ = as_account(account, work)
    out.print(f"Version {versions[-1].version} is for votes that open from now on.")


def appoint(
    slug: BodyName,
    username: Annotated[str, typer.Argument(help="Who is appointed.")],
    account: Annotated[str, typer.Option("--as", help="A force's administrator.")],
    reason: Why,
    duty: Annotated[Duty, typer.Option("--duty", help="As what.")] = Duty.MEMBER,
    valid_from: Day = None,
    valid_to: Day = None,
) -> None:
    """Appoint a member or a substitute of one's own force; the AMO appoints chairs."""
    given: dict[str, Any] = {"username": username, "duty": duty, "reason": reason}
    given |= {
        name: _day(moment)
        for name, moment in {"valid_from": valid_from, "valid_to": valid_to}.items()
        if moment is not None
    }
    new = check(NewAppointment, given)

    async def work(desk: Desk, subject: Subject) -> UUID:
        return await service.appoint(desk.office, subject, slug, new)

    out.print(f"Appointed; the appointment is {as_account(account, work)}.")


def end(
    slug: BodyName,
    appointment: Annotated[UUID, typer.Argument(help="The appointment, as `show` lists it.")],
    account: Annotated[str, typer.Option("--as", help="A force's administrator.")],
    reason: Why,
) -> None:
    """End a term; ballots cast in it stay."""

    async def work(desk: Desk, subject: Subject) -> None:
        await service.end(desk.office, subject, slug, appointment, reason)

    as_account(account, work)
    out.print("The term has ended.")


def list_catalogue(account: Account = AMO, as_json: Json = False) -> None:
    """List the standard changes."""

    async def work(desk: Desk, subject: Subject) -> list[CatalogueEntry]:
        return await cataloguing.every(desk.office, subject)

    entries = as_account(account, work)
    if as_json:
        print_json([item.model_dump(mode="json") for item in entries])
        return
    for item in entries:
        limit = f"up to {item.largest_pence / 100:,.2f} pounds"
        out.print(f"{item.slug:24} {item.status.value:10} {item.title}, {limit}", markup=False)
    if not entries:
        out.print("The catalogue is empty.")


def propose(
    file: Annotated[Path, typer.Argument(help="The entry, as JSON.")],
    reason: Why,
    account: Managing = AMO,
) -> None:
    """Propose a standard change; a body approves it by a vote."""
    new = check(NewEntry, {**read_json(file), "reason": reason})

    async def work(desk: Desk, subject: Subject) -> CatalogueEntry:
        return await cataloguing.propose(desk.office, subject, new)

    out.print(f"Proposed {as_account(account, work).slug}; it takes a vote to approve it.")


def retire(
    slug: Annotated[str, typer.Argument(help="The entry's short name.")],
    reason: Why,
    account: Managing = AMO,
) -> None:
    """Retire an approved entry: it authorises no more changes."""

    async def work(desk: Desk, subject: Subject) -> None:
        await cataloguing.retire(desk.office, subject, slug, reason)

    as_account(account, work)
    out.print(f"{slug} is retired.")


def _day(moment: datetime) -> date:
    return moment.date()
