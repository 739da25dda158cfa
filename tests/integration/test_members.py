"""Members join, move and leave; a role ends at its date; nobody administers another's members."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from athena.platform.kernel.clock import today
from athena.platform.kernel.errors import NotFoundError
from athena.platform.kernel.identity import Role, TenantKind
from athena.policies.roles.service import packaged_rules
from athena.tenants.administration.service import ROLES_OF
from athena.tenants.members.service import subject_by_username
from support.api import Platform
from support.tenth import add_member, get, post


async def roles(platform: Platform, username: str) -> set[str]:
    """Return the roles that a member holds today."""
    subject = await subject_by_username(platform.runtime.database, username)
    return {role.value for role in subject.roles}


async def grant_sets(platform: Platform, member_id: str, cluster: Any) -> int:
    """Return how many grant sets of a member are stored."""
    admin = await cluster.admin(platform.runtime.store.address.database)
    found: int = await admin.fetchval(
        "SELECT count(*) FROM ctx.grant_set WHERE member_id = $1", member_id
    )
    await admin.close()
    return found


def test_the_roles_of_each_kind_are_those_that_the_policy_gives_something() -> None:
    # A partner organisation calls as a whole, under its signature: no member has its role.
    of_nobody = {Role.PARTNER_CALLER}
    for rule in packaged_rules():
        if rule.tenant_kind is not None and rule.role not in of_nobody:
            assert Role(rule.role) in ROLES_OF[TenantKind(rule.tenant_kind)]
    assert set().union(*ROLES_OF.values()) == set(Role) - of_nobody


async def test_a_joiner_searches_and_a_leaver_doesnt(platform: Platform, cluster: Any) -> None:
    member_id = await add_member(platform, "admin.kent", "joiner.kent", "officer")
    assert (await platform.search("joiner.kent", name="john smith")).status_code == 200
    assert await grant_sets(platform, member_id, cluster) == 1
    left = await post(platform, "admin.kent", f"members/{member_id}/leave")
    assert left.status_code == 204, left.text
    assert await grant_sets(platform, member_id, cluster) == 0
    assert (await platform.search("joiner.kent", name="john smith")).status_code == 401
    with pytest.raises(NotFoundError):
        await subject_by_username(platform.runtime.database, "joiner.kent")
    shown = await get(platform, "admin.kent", f"members/{member_id}")
    assert not shown["active"]
    assert shown["left_at"]
    assert [role["ended_at"] is not None for role in shown["roles"]] == [True]
    again = await post(platform, "admin.kent", f"members/{member_id}/leave")
    assert again.status_code == 409


async def test_a_mover_keeps_history(platform: Platform) -> None:
    member_id = await add_member(platform, "admin.kent", "mover.kent", "officer", "supervisor")
    made = await post(platform, "admin.kent", "members/teams", slug="harbour", name="Harbour")
    assert made.status_code == 204, made.text
    moved = await post(
        platform,
        "admin.kent",
        f"members/{member_id}/move",
        roles=["data_protection_officer"],
        teams=["harbour"],
        clearance="OFFICIAL",
    )
    assert moved.status_code == 204, moved.text
    assert await roles(platform, "mover.kent") == {"data_protection_officer"}
    subject = await subject_by_username(platform.runtime.database, "mover.kent")
    assert len(subject.teams) == 1
    assert subject.clearance == "OFFICIAL"
    shown = await get(platform, "admin.kent", f"members/{member_id}")
    ended = {role["name"] for role in shown["roles"] if role["ended_at"]}
    assert ended == {"officer", "supervisor"}
    assert [team["name"] for team in shown["teams"]] == ["harbour"]
    gone = await post(platform, "admin.kent", f"members/{member_id}/teams/leave", team="harbour")
    assert gone.status_code == 204
    subject = await subject_by_username(platform.runtime.database, "mover.kent")
    assert subject.teams == frozenset()


async def test_a_role_begins_and_ends_at_its_dates(platform: Platform, cluster: Any) -> None:
    member_id = await add_member(platform, "admin.kent", "dated.kent", "officer")
    path = f"members/{member_id}/roles"
    tomorrow = str(today() + timedelta(days=1))
    given = await post(
        platform, "admin.kent", f"{path}/grant", role="supervisor", valid_from=tomorrow
    )
    assert given.status_code == 204, given.text
    assert await roles(platform, "dated.kent") == {"officer"}
    given = await post(
        platform, "admin.kent", f"{path}/grant", role="officer", valid_to=str(today())
    )
    assert given.status_code == 204, given.text
    assert await roles(platform, "dated.kent") == {"officer"}
    admin = await cluster.admin(platform.runtime.store.address.database)
    await admin.execute(  # as if it were tomorrow already
        "UPDATE tenants.member_role SET valid_from = valid_from - 1, valid_to = valid_to - 1 "
        "WHERE member_id = $1",
        member_id,
    )
    await admin.close()
    assert await roles(platform, "dated.kent") == {"supervisor"}
    taken = await post(platform, "admin.kent", f"{path}/revoke", role="supervisor")
    assert taken.status_code == 204
    assert await roles(platform, "dated.kent") == set()
    taken = await post(platform, "admin.kent", f"{path}/revoke", role="supervisor")
    assert taken.status_code == 409


async def test_nobody_administers_anothers_members(platform: Platform) -> None:
    essex = await subject_by_username(platform.runtime.database, "officer.essex")
    acts: list[tuple[str, str, dict[str, Any], int]] = [
        ("admin.kent", "leave", {}, 404),
        ("admin.kent", "move", {"roles": ["officer"]}, 404),
        ("admin.kent", "roles/grant", {"role": "supervisor"}, 404),
        ("admin.kent", "roles/revoke", {"role": "officer"}, 404),
        ("amo.admin", "leave", {}, 404),
        ("amo.admin", "roles/grant", {"role": "amo_finance"}, 404),
        ("amo.admin", "roles/grant", {"role": "supervisor"}, 422),
    ]
    for administrator, path, body, expected in acts:
        answer = await post(platform, administrator, f"members/{essex.member_id}/{path}", **body)
        assert answer.status_code == expected, answer.text
    usernames = {item["username"] for item in await get(platform, "admin.kent", "members")}
    assert "officer.kent" in usernames
    assert all(username.endswith(".kent") for username in usernames)
    amo = {item["username"] for item in await get(platform, "amo.admin", "members")}
    assert amo == {"amo.admin", "amo.finance"}
    assert await roles(platform, "officer.essex") == {"officer"}


async def test_nobody_changes_the_own_account(platform: Platform) -> None:
    own = await subject_by_username(platform.runtime.database, "admin.kent")
    acts: dict[str, dict[str, Any]] = {"leave": {}, "roles/grant": {"role": "records_manager"}}
    for path, body in acts.items():
        answer = await post(platform, "admin.kent", f"members/{own.member_id}/{path}", **body)
        assert answer.status_code == 409
    assert await roles(platform, "admin.kent") == {"force_administrator"}


@pytest.mark.parametrize("username", ["officer.kent", "records.kent", "board.kent", "auditor"])
async def test_only_administrators_may(platform: Platform, username: str) -> None:
    answer = await post(
        platform, username, "members", username="x.kent", display_name="X", roles=["officer"]
    )
    assert answer.status_code == 403


BAD_MEMBERS: dict[str, dict[str, Any]] = {
    "another force's name": {"username": "spy.essex"},
    "no force's name": {"username": "spy"},
    "a name with a blank": {"username": "a spy.kent"},
    "a name with a NUL": {"username": "a\0.kent"},
    "no display name": {"display_name": ""},
    "a role of the client body": {"roles": ["amo_administrator"]},
    "an unknown role": {"roles": ["constable"]},
    "no role": {"roles": []},
    "an unknown clearance": {"clearance": "TOP SECRET"},
    "an end before the beginning": {"valid_to": "2020-01-01"},
    "no such day": {"valid_to": "2027-02-30"},
    "no reason": {"reason": ""},
    "an unknown field": {"salary": 1},
}


@pytest.mark.parametrize("changes", BAD_MEMBERS.values(), ids=BAD_MEMBERS.keys())
async def test_bad_input_adds_nobody(platform: Platform, changes: dict[str, Any]) -> None:
    before = await get(platform, "admin.kent", "members")
    body = {"username": "bad.kent", "display_name": "Bad", "roles": ["officer"], **changes}
    answer = await post(platform, "admin.kent", "members", **body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"].endswith(".")
    assert await get(platform, "admin.kent", "members") == before


async def test_a_taken_name_is_a_conflict(platform: Platform) -> None:
    body = {"username": "officer.kent", "display_name": "Twin", "roles": ["officer"]}
    assert (await post(platform, "admin.kent", "members", **body)).status_code == 409


async def test_every_act_is_logged(platform: Platform) -> None:
    member_id = await add_member(platform, "admin.essex", "logged.essex", "officer")
    await post(
        platform, "admin.essex", f"members/{member_id}/leave", reason="Retired after 30 years"
    )
    async with platform.runtime.database.read("athena_auditor") as session:
        rows = await session.rows(
            "SELECT e.action, e.username, c.reason FROM audit.event AS e "
            "JOIN audit.content AS c USING (at, event_id) "
            "WHERE c.content ->> 'member' = :member ORDER BY e.at",
            {"member": member_id},
        )
    assert [tuple(row) for row in rows] == [
        ("members.leave", "admin.essex", "Retired after 30 years")
    ]
