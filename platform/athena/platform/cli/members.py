"""Commands of administrators: members of their own tenant, their roles and teams."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import typer

from athena.platform.cli.common import (
    As,
    Deed,
    Json,
    Reason,
    opened,
    out,
    permitted,
    print_json,
    run,
)
from athena.platform.kernel.clock import show_time, today
from athena.platform.kernel.identity import Clearance, Role
from athena.policies.roles.actions import Action
from athena.tenants.administration import service
from athena.tenants.administration.schemas import (
    Held,
    MemberView,
    Move,
    NewMember,
    NewTeam,
    RoleEnd,
    RoleGrant,
    TeamEnd,
    TeamPlace,
    TeamView,
)
from athena.tenants.members.service import list_accounts

members_app = typer.Typer(help="Members, their roles and their teams.")
team_app = typer.Typer(help="Teams of members.", no_args_is_help=True)

Username = Annotated[str, typer.Argument(help="The user name, such as officer.kent.")]
Roles = Annotated[list[Role], typer.Option("--role", help="A role; give it again for more.")]
Team = Annotated[str, typer.Argument(help="The team's short name.")]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A day, 2027-03-31.")]


def register(app: typer.Typer) -> None:
    """Add the commands; ``athena members`` alone lists the accounts, as ``members list`` does."""
    members_app.callback(invoke_without_command=True)(members)
    members_app.command("list")(list_members)
    for command in (add, show, leave, move, grant, revoke):
        members_app.command()(command)
    team_app.command("list")(list_teams)
    team_app.command("create")(create_team)
    team_app.command("join")(join_team)
    team_app.command("leave")(leave_team)
    members_app.add_typer(team_app, name="team")
    app.add_typer(members_app, name="members")


def members(context: typer.Context, as_json: Json = False) -> None:
    """Members, their roles and their teams; alone, it lists the accounts."""
    if context.invoked_subcommand is None:
        list_members(as_json=as_json)


def list_members(as_json: Json = False) -> None:
    """List the accounts of the consortium."""

    async def work() -> list[tuple[str, str, str]]:
        async with opened() as runtime:
            return await list_accounts(runtime.database)

    found = run(work())
    if as_json:
        print_json([{"username": u, "name": n, "tenant": t} for u, n, t in found])
        return
    for username, shown, tenant in found:
        out.print(f"{username:28} {shown:40} {tenant}")


def add(
    username: Username,
    name: Annotated[str, typer.Option(help="The person's name as others see it.")],
    role: Roles,
    account: As,
    reason: Reason,
    clearance: Annotated[
        Clearance, typer.Option(help="The highest marking that the person is cleared for.")
    ] = Clearance.OFFICIAL,
    valid_from: Day = None,
    valid_to: Day = None,
) -> None:
    """Let a member join."""
    new = NewMember.model_validate(
        {
            "username": username,
            "display_name": name,
            "roles": role,
            "clearance": clearance,
            "reason": reason,
            **_period(valid_from, valid_to),
        }
    )

    async def work() -> UUID:
        async with permitted(account, Action.MEMBERS_MANAGE, reason) as deed:
            return await service.add(deed.session, deed.subject, new)

    out.print(f"{username} has joined, as {run(work())}.")


def show(username: Username, account: As, reason: Reason, as_json: Json = False) -> None:
    """Show a member with every role and team held so far."""

    async def work() -> MemberView:
        async with permitted(account, Action.MEMBERS_MANAGE, reason) as deed:
            member_id = await service.find(deed.session, deed.subject, username, reason)
            return await service.show(deed.session, deed.subject, member_id, reason)

    member = run(work())
    if as_json:
        print_json(member.model_dump(mode="json"))
        return
    state = f"left at {show_time(member.left_at)}" if member.left_at else "active"
    out.print(f"{member.username}  {member.display_name}  {member.clearance}  {state}")
    for what, held in (("role", member.roles), ("team", member.teams)):
        for item in held:
            out.print(f"  {what} {_held(item)}")


def leave(username: Username, account: As, reason: Reason) -> None:
    """Let a member leave; access ends at once."""

    async def work() -> None:
        async with _member(account, username, reason) as (deed, member_id):
            await service.leave(deed.session, deed.subject, member_id, reason)

    run(work())
    out.print(f"{username} has left.")


def move(
    username: Username,
    role: Roles,
    account: As,
    reason: Reason,
    team: Annotated[list[str] | None, typer.Option(help="A team; give it again for more.")] = None,
    clearance: Annotated[Clearance | None, typer.Option(help="If it changes too.")] = None,
) -> None:
    """Give a member other duties from today; former roles and teams end, and stay as history."""
    to = Move(roles=role, teams=team or [], clearance=clearance, reason=reason)

    async def work() -> None:
        async with _member(account, username, reason) as (deed, member_id):
            await service.move(deed.session, deed.subject, member_id, to)

    run(work())
    out.print(f"{username} has moved.")


def grant(
    username: Username,
    role: Role,
    account: As,
    reason: Reason,
    valid_from: Day = None,
    valid_to: Day = None,
) -> None:
    """Give a member a role, perhaps to a last day."""
    given = RoleGrant.model_validate(
        {"role": role, "reason": reason, **_period(valid_from, valid_to)}
    )

    async def work() -> None:
        async with _member(account, username, reason) as (deed, member_id):
            await service.grant(deed.session, deed.subject, member_id, given)

    run(work())
    out.print(
        f"{username} is {role} from {given.valid_from} to {given.valid_to or 'further notice'}."
    )


def revoke(username: Username, role: Role, account: As, reason: Reason) -> None:
    """Take a role away at once."""
    end = RoleEnd(role=role, reason=reason)

    async def work() -> None:
        async with _member(account, username, reason) as (deed, member_id):
            await service.revoke(deed.session, deed.subject, member_id, end)

    run(work())
    out.print(f"{username} is no longer {role}.")


def list_teams(account: As, reason: Reason, as_json: Json = False) -> None:
    """List the teams of one's own tenant."""

    async def work() -> list[TeamView]:
        async with permitted(account, Action.MEMBERS_MANAGE, reason) as deed:
            return await service.list_teams(deed.session, deed.subject, reason)

    found = run(work())
    if as_json:
        print_json([team.model_dump() for team in found])
        return
    for team in found:
        out.print(f"{team.slug:28} {team.name}")


def create_team(
    slug: Team,
    name: Annotated[str, typer.Option(help="Its full name.")],
    account: As,
    reason: Reason,
) -> None:
    """Make a team."""
    new = NewTeam(slug=slug, name=name, reason=reason)

    async def work() -> None:
        async with permitted(account, Action.MEMBERS_MANAGE, reason) as deed:
            await service.add_team(deed.session, deed.subject, new)

    run(work())
    out.print(f"The team {slug} is there.")


def join_team(
    team: Team,
    username: Username,
    account: As,
    reason: Reason,
    valid_from: Day = None,
    valid_to: Day = None,
) -> None:
    """Give a member a place in a team."""
    place = TeamPlace.model_validate(
        {"team": team, "reason": reason, **_period(valid_from, valid_to)}
    )

    async def work() -> None:
        async with _member(account, username, reason) as (deed, member_id):
            await service.join_team(deed.session, deed.subject, member_id, place)

    run(work())
    out.print(f"{username} is in {team}.")


def leave_team(team: Team, username: Username, account: As, reason: Reason) -> None:
    """Take a member's place in a team away."""
    end = TeamEnd(team=team, reason=reason)

    async def work() -> None:
        async with _member(account, username, reason) as (deed, member_id):
            await service.leave_team(deed.session, deed.subject, member_id, end)

    run(work())
    out.print(f"{username} is no longer in {team}.")


@asynccontextmanager
async def _member(account: str, username: str, reason: str) -> AsyncIterator[tuple[Deed, UUID]]:
    async with permitted(account, Action.MEMBERS_MANAGE, reason) as deed:
        yield deed, await service.find(deed.session, deed.subject, username, deed.reason)


def _period(valid_from: datetime | None, valid_to: datetime | None) -> dict[str, Any]:
    first = valid_from.date() if valid_from else today()
    return {"valid_from": first, "valid_to": valid_to.date() if valid_to else None}


def _held(item: Held) -> str:
    last = item.valid_to or "further notice"
    ended = f", taken away at {show_time(item.ended_at)}" if item.ended_at else ""
    return f"{item.name} from {item.valid_from} to {last}{ended}"
