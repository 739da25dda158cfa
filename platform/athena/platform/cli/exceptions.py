"""Commands for exceptions to a label: restrict, lock, and break-glass."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

import typer

from athena.platform.cli.common import (
    As,
    Json,
    Purpose,
    Reason,
    acting,
    opened,
    out,
    print_json,
    run,
)
from athena.platform.cli.records import nominal_app
from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.clock import show_time
from athena.platform.kernel.identity import NominalId
from athena.platform.kernel.settings import load_settings
from athena.policies.roles.actions import Action
from athena.policies.visibility.stated import parse_purpose, parse_reason
from athena.records.emergency import service as emergency
from athena.records.emergency.schemas import (
    EmergencyAccess,
    EmergencyRequest,
    NewReview,
    Opened,
    Outcome,
)
from athena.records.restrictions import service as restrictions
from athena.records.restrictions.schemas import ExceptionKind, NewLock, NewRestriction

emergency_app = typer.Typer(help="Records opened in an emergency.", no_args_is_help=True)

Days = Annotated[
    int | None, typer.Option(min=1, max=3650, help="For so many days; else until it is lifted.")
]
To = Annotated[str | None, typer.Option("--to", help="A member of any force: officer.kent.")]
Team = Annotated[str | None, typer.Option("--team", help="A team of the own force, short name.")]
Against = Annotated[str, typer.Option("--against", help="A member of any force: officer.kent.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    nominal_app.command()(restrict)
    nominal_app.command()(unrestrict)
    nominal_app.command()(lock)
    nominal_app.command()(unlock)
    emergency_app.command("open")(open_record)
    emergency_app.command("list")(list_accesses)
    emergency_app.command()(review)
    app.add_typer(emergency_app, name="break-glass")


def restrict(
    nominal_id: UUID,
    account: As,
    purpose: Purpose,
    reason: Reason,
    to: To = None,
    team: Team = None,
    days: Days = None,
) -> None:
    """Restrict a record of the own force to a member or a team; who isn't named is shut out."""
    new = NewRestriction(member=to, team=team, until=_until(days))

    async def work() -> UUID:
        async with opened() as runtime:
            subject = await acting(runtime, account)
            stated, why = parse_purpose(purpose), parse_reason(reason)
            return await restrictions.restrict(
                runtime.gate, subject, stated, why, NominalId(nominal_id), new
            )

    out.print(f"Restricted to {to or team}: {run(work())}")


def unrestrict(
    nominal_id: UUID,
    account: As,
    purpose: Purpose,
    reason: Reason,
    to: To = None,
    team: Team = None,
) -> None:
    """Take a member or a team off a record's restriction; its label stays a restricted one."""
    new = NewRestriction(member=to, team=team)
    named = new.member or new.team or ""
    _lift(ExceptionKind.RESTRICTION, nominal_id, account, purpose, reason, named)
    out.print(f"No longer restricted to {named}.")


def lock(
    nominal_id: UUID,
    account: As,
    purpose: Purpose,
    reason: Reason,
    against: Against,
    days: Days = None,
) -> None:
    """Lock a record of the own force against a member with a conflict of interest."""
    new = NewLock(member=against, until=_until(days))

    async def work() -> UUID:
        async with opened() as runtime:
            subject = await acting(runtime, account)
            stated, why = parse_purpose(purpose), parse_reason(reason)
            return await restrictions.lock(
                runtime.gate, subject, stated, why, NominalId(nominal_id), new
            )

    out.print(f"Locked against {against}: {run(work())}")


def unlock(
    nominal_id: UUID, account: As, purpose: Purpose, reason: Reason, against: Against
) -> None:
    """Lift a lock; nobody lifts one against themselves."""
    _lift(ExceptionKind.LOCK, nominal_id, account, purpose, reason, against)
    out.print(f"No longer locked against {against}.")


def open_record(
    account: As,
    purpose: Purpose,
    reason: Reason,
    emergency_text: Annotated[str, typer.Option("--emergency", help="What the emergency is.")],
    search: Annotated[
        UUID | None, typer.Option(help="Your search that showed the pointer.")
    ] = None,
    owner: Annotated[str | None, typer.Option(help="The force it pointed to: essex.")] = None,
    nominal: Annotated[UUID | None, typer.Option(help="Or a nominal shown as a summary.")] = None,
    as_json: Json = False,
) -> None:
    """Open one record in an emergency; the owner force and your supervisors are told at once."""
    request = EmergencyRequest(
        emergency=emergency_text, search_id=search, owner_force=owner, nominal_id=nominal
    )

    async def work() -> Opened:
        async with opened() as runtime:
            subject = await acting(runtime, account)
            return await emergency.open_record(
                runtime.gate,
                runtime.searcher.directory,
                runtime.features,
                subject,
                parse_purpose(purpose),
                parse_reason(reason),
                request,
                load_settings().emergency_minutes * 60,
            )

    access = run(work())
    if as_json:
        print_json(access.model_dump(mode="json"))
        return
    out.print(f"Open until {show_time(access.expires_at)}: {access.nominal_id}")
    out.print(f"Told: {', '.join(access.told)}. Access {access.access_id}.")


def list_accesses(
    account: As,
    everything: Annotated[bool, typer.Option("--all", help="Those reviewed already too.")] = False,
    as_json: Json = False,
) -> None:
    """List the emergency accesses that concern the own force and wait for its review."""

    async def work() -> list[EmergencyAccess]:
        async with opened() as runtime:
            subject = await acting(runtime, account)
            entry = Entry(EventKind.CONSULTATION, "emergencies.list", "Reads the list to review")
            async with runtime.gate.consult(
                subject, Action.EMERGENCIES_REVIEW, parse_purpose("data_quality"), entry
            ) as consultation:
                return await emergency.listed(consultation, reviewed=everything)

    found = run(work())
    if as_json:
        print_json([access.model_dump(mode="json") for access in found])
        return
    for access in found:
        out.print(
            f"{access.access_id}  {show_time(access.opened_at)}  {access.username} opened "
            f"{access.nominal_id} of {access.owner_force}: {access.emergency}"
        )
        for done in access.reviews:
            out.print(f"      {done.force}: {done.outcome.value}, {done.reviewed_by}. {done.note}")
    out.print(f"{len(found)} emergency accesses.")


def review(
    access_id: UUID,
    account: As,
    outcome: Annotated[Outcome, typer.Option(help="What your force concludes.")],
    note: Annotated[str, typer.Option(help="Why, in your own words.")] = "",
) -> None:
    """Conclude an emergency access for the own force; it leaves the force's list."""
    new = NewReview(outcome=outcome, note=note)

    async def work() -> None:
        async with opened() as runtime:
            subject = await acting(runtime, account)
            entry = Entry(
                EventKind.ALTERATION,
                "emergencies.review",
                "Reviews an emergency access",
                {"access": str(access_id), "outcome": outcome.value},
            )
            async with runtime.gate.alter(
                subject, Action.EMERGENCIES_REVIEW, parse_purpose("data_quality"), entry
            ) as alteration:
                await emergency.review(alteration, access_id, new)

    run(work())
    out.print("Reviewed.")


def _lift(
    kind: ExceptionKind, nominal_id: UUID, account: str, purpose: str, reason: str, named: str
) -> None:
    async def work() -> None:
        async with opened() as runtime:
            subject = await acting(runtime, account)
            stated, why = parse_purpose(purpose), parse_reason(reason)
            await restrictions.lift(
                runtime.gate, subject, stated, why, kind, NominalId(nominal_id), named
            )

    run(work())


def _until(days: int | None) -> datetime | None:
    return datetime.now(UTC) + timedelta(days=days) if days else None
