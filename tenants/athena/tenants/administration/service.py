"""What an administrator does with the members of their own tenant, each act logged with its reason.

An act's event comes first: a force's login sees no member before this transaction has logged that
it administers. The store takes a changed member's grants away in the same transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from asyncpg import PostgresError

from athena.platform.kernel import audit
from athena.platform.kernel.clock import today
from athena.platform.kernel.database import WriteSession
from athena.platform.kernel.errors import ConflictError, InvalidInputError, NotFoundError
from athena.platform.kernel.identity import Role, Subject, TenantKind
from athena.platform.kernel.permits import sqlstate
from athena.tenants.administration import repository
from athena.tenants.administration.schemas import (
    MemberView,
    Move,
    NewMember,
    NewTeam,
    RoleEnd,
    RoleGrant,
    TeamEnd,
    TeamPlace,
    TeamView,
    check_username,
)
from athena.tenants.members import repository as members

ROLES_OF: Mapping[TenantKind, frozenset[Role]] = {
    TenantKind.CLIENT_BODY: frozenset({Role.AMO_ADMINISTRATOR, Role.AMO_FINANCE}),
    TenantKind.FORCE: frozenset(
        {
            Role.BOARD_MEMBER,
            Role.DATA_PROTECTION_OFFICER,
            Role.EMERGENCY_ACCESS,
            Role.FORCE_ADMINISTRATOR,
            Role.OFFICER,
            Role.RECORDS_MANAGER,
            Role.SIGNATORY,
            Role.SUPERVISOR,
        }
    ),
    TenantKind.OVERSIGHT: frozenset({Role.AUDITOR}),
    TenantKind.PARTNER: frozenset(),
}
"""The roles that mean something in each kind of tenant."""

_NOT_HELD = "The member doesn't hold it now; `athena members show` tells what the member holds."


async def list_members(session: WriteSession, subject: Subject, reason: str) -> list[MemberView]:
    """Return every member of the administrator's own tenant, those who left too."""
    await _log(session, subject, "members.read", reason, {})
    return [_view(row) for row in await repository.members(session, subject.tenant_id)]


async def show(session: WriteSession, subject: Subject, member_id: UUID, reason: str) -> MemberView:
    """Return one member with every role and team held so far."""
    await _log(session, subject, "members.read", reason, {"member": str(member_id)})
    return _view(await _member(session, subject, member_id))


async def find(session: WriteSession, subject: Subject, username: str, reason: str) -> UUID:
    """Return the id of a member of the own tenant by user name."""
    await _log(session, subject, "members.find", reason, {"username": username})
    found = await repository.member_id(session, subject.tenant_id, username)
    if found is None:
        raise _unknown()
    return found


async def add(session: WriteSession, subject: Subject, new: NewMember) -> UUID:
    """Let a member join, with roles that hold from a day on."""
    check_username(new.username, subject.tenant)
    _check_roles(subject, new.roles)
    content = {"username": new.username, "roles": sorted(new.roles)}
    await _log(session, subject, "members.add", new.reason, content)
    try:
        member_id = await members.add_member(
            session, subject.tenant_id, new.username, new.display_name, [], new.clearance
        )
    except PostgresError as error:
        raise _taken(error, "This user name is taken, perhaps by somebody who left.") from None
    for role in sorted(set(new.roles)):
        await repository.grant_role(
            session, subject.tenant_id, member_id, role, new.valid_from, new.valid_to
        )
    return member_id


async def leave(session: WriteSession, subject: Subject, member_id: UUID, reason: str) -> None:
    """Let a member leave: access ends with this commit, what the member held stays as history."""
    await _change(session, subject, member_id, "members.leave", reason, {})
    await repository.end_roles(session, subject.tenant_id, member_id)
    await repository.leave_teams(session, subject.tenant_id, member_id)
    await repository.leave(session, subject.tenant_id, member_id)


async def move(session: WriteSession, subject: Subject, member_id: UUID, to: Move) -> None:
    """Let a member move to other duties: former roles and teams end, new ones begin today."""
    _check_roles(subject, to.roles)
    content = {"roles": sorted(to.roles), "teams": to.teams}
    await _change(session, subject, member_id, "members.move", to.reason, content)
    await repository.end_roles(session, subject.tenant_id, member_id)
    await repository.leave_teams(session, subject.tenant_id, member_id)
    for role in sorted(set(to.roles)):
        await repository.grant_role(session, subject.tenant_id, member_id, role, today(), None)
    for slug in sorted(set(to.teams)):
        team = await _team(session, subject, slug)
        await repository.join_team(session, subject.tenant_id, member_id, team, today(), None)
    if to.clearance is not None:
        await repository.set_clearance(session, subject.tenant_id, member_id, to.clearance)


async def grant(session: WriteSession, subject: Subject, member_id: UUID, given: RoleGrant) -> None:
    """Give a member a role for a period; one that begins by today replaces what is held of it."""
    _check_roles(subject, [given.role])
    content = {"role": given.role, "from": str(given.valid_from), "to": str(given.valid_to or "")}
    await _change(session, subject, member_id, "members.grant", given.reason, content)
    if given.valid_from <= today():
        await repository.end_roles(session, subject.tenant_id, member_id, given.role)
    await repository.grant_role(
        session, subject.tenant_id, member_id, given.role, given.valid_from, given.valid_to
    )


async def revoke(session: WriteSession, subject: Subject, member_id: UUID, end: RoleEnd) -> None:
    """Take a role away at once."""
    content = {"role": end.role}
    await _change(session, subject, member_id, "members.revoke", end.reason, content)
    if not await repository.end_roles(session, subject.tenant_id, member_id, end.role):
        raise ConflictError(_NOT_HELD)


async def list_teams(session: WriteSession, subject: Subject, reason: str) -> list[TeamView]:
    """Return the teams of the own tenant."""
    await _log(session, subject, "members.read", reason, {})
    rows = await repository.teams(session, subject.tenant_id)
    return [TeamView(slug=row.slug, name=row.name) for row in rows]


async def add_team(session: WriteSession, subject: Subject, new: NewTeam) -> None:
    """Make a team."""
    await _log(session, subject, "members.add_team", new.reason, {"team": new.slug})
    try:
        await repository.add_team(session, subject.tenant_id, new.slug, new.name)
    except PostgresError as error:
        raise _taken(error, "There is a team of this short name already.") from None


async def join_team(
    session: WriteSession, subject: Subject, member_id: UUID, place: TeamPlace
) -> None:
    """Give a member a place in a team for a period."""
    content = {"team": place.team}
    await _change(session, subject, member_id, "members.join_team", place.reason, content)
    team = await _team(session, subject, place.team)
    if place.valid_from <= today():
        await repository.leave_teams(session, subject.tenant_id, member_id, team)
    await repository.join_team(
        session, subject.tenant_id, member_id, team, place.valid_from, place.valid_to
    )


async def leave_team(
    session: WriteSession, subject: Subject, member_id: UUID, end: TeamEnd
) -> None:
    """Take a member's place in a team away at once."""
    content = {"team": end.team}
    await _change(session, subject, member_id, "members.leave_team", end.reason, content)
    team = await _team(session, subject, end.team)
    if not await repository.leave_teams(session, subject.tenant_id, member_id, team):
        raise ConflictError(_NOT_HELD)


async def _change(
    session: WriteSession,
    subject: Subject,
    member_id: UUID,
    action: str,
    reason: str,
    content: Mapping[str, Any],
) -> None:
    """Log a change of a member, who must be active and somebody else."""
    await _log(session, subject, action, reason, {"member": str(member_id), **content})
    if member_id == subject.member_id:
        raise ConflictError("Another administrator must change your own account.")
    if not (await _member(session, subject, member_id)).active:
        raise ConflictError("This member has left; add a new account if the person comes back.")


async def _member(session: WriteSession, subject: Subject, member_id: UUID) -> Any:
    row = await repository.member(session, subject.tenant_id, member_id)
    if row is None:
        raise _unknown()
    return row


async def _team(session: WriteSession, subject: Subject, slug: str) -> UUID:
    found = await repository.team_id(session, subject.tenant_id, slug)
    if found is None:
        raise NotFoundError("There is no such team; `athena members teams` lists them.")
    return found


async def _log(
    session: WriteSession, subject: Subject, action: str, reason: str, content: Mapping[str, Any]
) -> None:
    await audit.administer(session, subject, action, reason, content)


def _check_roles(subject: Subject, roles: Collection[Role]) -> None:
    known = ROLES_OF[subject.tenant_kind]
    if not known.issuperset(roles):
        raise InvalidInputError(
            f"The roles of your members are: {', '.join(sorted(known))}.", field="/roles"
        )


def _unknown() -> NotFoundError:
    return NotFoundError("There is no such member of yours; `athena members list` lists them.")


def _taken(error: PostgresError, sentence: str) -> Exception:
    return ConflictError(sentence) if sqlstate(error) == "23505" else error


def _view(row: Any) -> MemberView:
    return MemberView(
        id=row.member_id,
        username=row.username,
        display_name=row.display_name,
        clearance=row.clearance,
        active=row.active,
        joined_at=row.created_at,
        left_at=row.left_at,
        roles=row.roles,
        teams=row.teams,
    )
