"""As what each role acts on a change: the bridge from roles to the life of a change."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product
from uuid import UUID

import pytest

from athena.governance.acting import Office
from athena.governance.changes.desk import Desk
from athena.governance.changes.document import parse_change
from athena.governance.changes.machine import Actor, Kind, State, Step, legal
from athena.governance.changes.models import Change, ChangeVersion, WholeChange
from athena.platform.kernel.database import Database, StoreAddress
from athena.platform.kernel.identity import Role, Subject, TenantId, TenantKind
from athena.policies.roles.service import RoleTable
from support.governance import request

KENT, ESSEX, NORFOLK, CLIENT_BODY, OVERSIGHT = map(TenantId, range(1, 6))
TENANTS = {
    KENT: ("kent", TenantKind.FORCE),
    ESSEX: ("essex", TenantKind.FORCE),
    NORFOLK: ("norfolk", TenantKind.FORCE),
    CLIENT_BODY: ("amo", TenantKind.CLIENT_BODY),
    OVERSIGHT: ("oversight", TenantKind.OVERSIGHT),
}
EXPECTED: dict[tuple[Role, TenantId], set[Actor]] = {
    # Kent raised it and is affected, Essex is affected, Norfolk is neither
    (Role.BOARD_MEMBER, KENT): {Actor.RAISER, Actor.FORCE, Actor.AFFECTED},
    (Role.BOARD_MEMBER, ESSEX): {Actor.FORCE, Actor.AFFECTED},
    (Role.BOARD_MEMBER, NORFOLK): {Actor.FORCE},
    (Role.FORCE_ADMINISTRATOR, KENT): {Actor.RAISER, Actor.FORCE, Actor.AFFECTED},
    (Role.FORCE_ADMINISTRATOR, ESSEX): {Actor.FORCE, Actor.AFFECTED},
    (Role.FORCE_ADMINISTRATOR, NORFOLK): {Actor.FORCE},
    (Role.DATA_PROTECTION_OFFICER, KENT): {Actor.FORCE, Actor.AFFECTED},
    (Role.DATA_PROTECTION_OFFICER, ESSEX): {Actor.FORCE, Actor.AFFECTED},
    (Role.DATA_PROTECTION_OFFICER, NORFOLK): {Actor.FORCE},
    (Role.AMO_ADMINISTRATOR, CLIENT_BODY): {Actor.AMO},
    (Role.AMO_FINANCE, CLIENT_BODY): {Actor.FINANCE},
    (Role.AUDITOR, OVERSIGHT): {Actor.OVERSIGHT},
}


@pytest.fixture(scope="module")
def desk() -> Desk:
    table = RoleTable.load()
    return Desk(Office(Database(StoreAddress("nowhere", 1, "none"), b""), table.authorise))


def change(
    kind: Kind = Kind.NORMAL, state: State = State.ASSESS, *, optional: bool = False
) -> WholeChange:
    """Return a change that Kent raised, on Kent and Essex."""
    now = datetime(2026, 11, 25, tzinfo=UTC)
    document = parse_change(request(optional=optional))
    raised = Change(
        UUID(int=1), 1, KENT, "kent", None, "board.kent", kind, state, 1, "x", now, now, now
    )
    return WholeChange(raised, [ChangeVersion(1, document, b"", "board.kent", now)], [])


def subject(role: Role, tenant: TenantId) -> Subject:
    slug, kind = TENANTS[tenant]
    return Subject(UUID(int=2), "x", "X", tenant, slug, kind, "x", frozenset({role}))


def test_every_role_in_every_tenant(desk: Desk) -> None:
    for role, tenant in product(Role, TENANTS):
        kind = TENANTS[tenant][1]
        expected = EXPECTED.get((role, tenant))
        if expected is None:  # somebody of a force may at most speak; elsewhere a role is nothing
            expected = {
                TenantKind.FORCE: {Actor.FORCE},
                TenantKind.OVERSIGHT: {Actor.OVERSIGHT},
            }.get(kind, set())
        assert desk.actors(subject(role, tenant), change()) == expected, (role, tenant)


def test_a_board_member_alone_takes_part_for_a_force(desk: Desk) -> None:
    for role, tenant, optional in product(Role, TENANTS, (False, True)):
        actors = desk.actors(subject(role, tenant), change(optional=optional))
        of_a_board = role is Role.BOARD_MEMBER and TENANTS[tenant][1] is TenantKind.FORCE
        assert (Actor.JOINER in actors) == (of_a_board and optional), (role, tenant)


def test_every_role_state_and_step(desk: Desk) -> None:
    """What a member can do is what the life of a change lets those do as whom the role acts."""
    for role, tenant, kind, state in product(Role, TENANTS, Kind, State):
        whole = change(kind, state)
        who = subject(role, tenant)
        assert desk.can(who, whole) == legal(kind, state, desk.actors(who, whole))


def test_nobody_is_the_platform(desk: Desk) -> None:
    by_rule = {Step.AUTHORISE, Step.REJECT, Step.REOPEN}
    for role, tenant, kind, state in product(Role, TENANTS, Kind, State):
        assert by_rule.isdisjoint(desk.can(subject(role, tenant), change(kind, state)))
