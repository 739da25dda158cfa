"""Records restricted to named members or teams, and locked against a member."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from athena.tenants.members.service import subject_by_username
from support.api import Platform
from support.cluster import Cluster
from support.exceptions import TABLES, add_team, call, create, found, rows_seen

OFFICER, SUPERVISOR, MANAGER = "officer.kent", "supervisor.kent", "records.kent"
EVERYWHERE = (*TABLES, "history", "change")


async def restrict(platform: Platform, nominal: str, **named: Any) -> str:
    answer = await call(
        platform, SUPERVISOR, "POST", f"/nominals/{nominal}/restrictions", {**named}
    )
    assert answer.status_code == 201, answer.text
    found: str = answer.json()["id"]
    return found


async def lock(platform: Platform, nominal: str, member: str, by: str = MANAGER) -> str:
    answer = await call(platform, by, "POST", f"/nominals/{nominal}/locks", {"member": member})
    assert answer.status_code == 201, answer.text
    found: str = answer.json()["id"]
    return found


async def levels(platform: Platform, nominal: str, *usernames: str) -> list[str]:
    """Return what each member sees of a nominal by its id: a level, or nothing."""
    answers = [await platform.read(username, nominal) for username in usernames]
    return [
        answer.json()["disclosure"] if answer.status_code == 200 else str(answer.status_code)
        for answer in answers
    ]


async def test_a_restriction_opens_to_whoever_is_named_and_shuts_everybody_else_out(
    platform: Platform, cluster: Cluster
) -> None:
    nominal = await create(platform, OFFICER, "Abernathy")
    everyone = (OFFICER, SUPERVISOR, MANAGER, "dpo.kent")
    assert await levels(platform, nominal, *everyone) == ["full"] * 4
    restriction = await restrict(platform, nominal, member=OFFICER)
    assert await levels(platform, nominal, *everyone) == ["full", "404", "404", "404"]
    assert await rows_seen(platform, cluster, OFFICER, nominal, TABLES) == set(TABLES)
    assert await rows_seen(platform, cluster, SUPERVISOR, nominal, TABLES) == set()
    (hit,) = await found(platform, SUPERVISOR, "Abernathy")
    assert (hit["disclosure"], hit["id"]) == ("pointer", None)
    assert hit["reasons"] == ["restricted_to_others"]
    (hit,) = await found(platform, OFFICER, "Abernathy")
    assert hit["reasons"] == ["named_in_restriction", "own_force"]
    # the owner's supervisors still manage it, without seeing the record
    listed = await call(platform, SUPERVISOR, "GET", f"/nominals/{nominal}/exceptions")
    assert [item["named"] for item in listed.json()] == [OFFICER]
    await restrict(platform, nominal, member=SUPERVISOR)
    assert await levels(platform, nominal, *everyone) == ["full", "full", "404", "404"]
    for gone in (restriction, listed.json()[0]["id"]):
        path = f"/nominals/{nominal}/restrictions/{gone}"
        await call(platform, MANAGER, "DELETE", path)
    assert await levels(platform, nominal, *everyone) == ["404", "full", "404", "404"]


async def test_without_a_name_left_the_label_stays_restricted(platform: Platform) -> None:
    nominal = await create(platform, OFFICER, "Blackwood")
    restriction = await restrict(platform, nominal, member=OFFICER)
    path = f"/nominals/{nominal}/restrictions/{restriction}"
    assert (await call(platform, MANAGER, "DELETE", path)).status_code == 204
    assert await levels(platform, nominal, OFFICER, SUPERVISOR) == ["404", "full"]
    assert (await call(platform, MANAGER, "DELETE", path)).status_code == 404


async def test_a_team_is_named_as_one(platform: Platform, cluster: Cluster) -> None:
    await add_team(platform, cluster, "major-crime", MANAGER)
    nominal = await create(platform, OFFICER, "Castellano")
    await restrict(platform, nominal, team="major-crime")
    assert await levels(platform, nominal, OFFICER, MANAGER, SUPERVISOR) == ["404", "full", "404"]


async def test_naming_a_foreign_member_lifts_the_restriction_and_nothing_else(
    platform: Platform,
) -> None:
    shared = await create(platform, OFFICER, "Dunwoody", restricted=True)
    condition = await create(
        platform, OFFICER, "Ellingham", restricted=True, handling="C", conditions=["S2"]
    )
    foreign = "officer.norfolk"
    assert await levels(platform, shared, foreign) == ["404"]
    for nominal in (shared, condition):
        await restrict(platform, nominal, member=foreign)
    assert await levels(platform, shared, foreign, "supervisor.norfolk") == ["full", "404"]
    assert await levels(platform, condition, foreign) == ["404"]
    (hit,) = await found(platform, foreign, "Ellingham")
    assert hit["disclosure"] == "pointer"


@pytest.mark.parametrize("member", [OFFICER, "supervisor.kent", "officer.norfolk"])
async def test_a_locked_record_is_as_absent_as_one_that_never_was(
    platform: Platform, cluster: Cluster, member: str
) -> None:
    surname = "Fitzgerald" + member.replace(".", "")
    nominal = await create(platform, OFFICER, surname)
    await lock(platform, nominal, member)
    answer = await platform.read(member, nominal)
    nothing = await platform.read(member, "00000000-0000-4000-8000-000000000000")
    assert (answer.status_code, answer.json()) == (404, nothing.json())
    assert await found(platform, member, surname) == []
    history = await call(platform, member, "GET", f"/nominals/{nominal}/history")
    assert history.status_code == 404
    assert await rows_seen(platform, cluster, member, nominal, EVERYWHERE) == set()
    others = {OFFICER, SUPERVISOR, MANAGER} - {member}
    assert await levels(platform, nominal, *sorted(others)) == ["full"] * len(others)


async def test_a_lock_wins_over_a_name_and_hides_itself(platform: Platform) -> None:
    nominal = await create(platform, OFFICER, "Gallagher")
    await restrict(platform, nominal, member=SUPERVISOR)
    held = await lock(platform, nominal, SUPERVISOR)
    assert await levels(platform, nominal, SUPERVISOR) == ["404"]
    assert await found(platform, SUPERVISOR, "Gallagher") == []
    listed = await call(platform, SUPERVISOR, "GET", f"/nominals/{nominal}/exceptions")
    assert listed.json() == []
    lifted = await call(platform, SUPERVISOR, "DELETE", f"/nominals/{nominal}/locks/{held}")
    assert lifted.status_code == 404
    again = {"member": OFFICER}
    for kind in ("restrictions", "locks"):
        answer = await call(platform, SUPERVISOR, "POST", f"/nominals/{nominal}/{kind}", again)
        assert answer.status_code == 404
    lifted = await call(platform, MANAGER, "DELETE", f"/nominals/{nominal}/locks/{held}")
    assert lifted.status_code == 204
    assert await levels(platform, nominal, SUPERVISOR) == ["full"]


async def test_the_change_feed_leaves_a_locked_record_out(platform: Platform) -> None:
    nominal = await create(platform, OFFICER, "Hutchinson")
    await lock(platform, nominal, MANAGER, by=SUPERVISOR)
    feed = await call(platform, MANAGER, "GET", "/nominals/changes")
    assert nominal not in [change["id"] for change in feed.json()["changes"]]


async def test_a_restricted_record_cant_be_unrestricted_by_an_amendment(
    platform: Platform,
) -> None:
    nominal = await create(platform, OFFICER, "Ironside")
    await restrict(platform, nominal, member=OFFICER)
    draft = {"names": [{"given_names": "Octavian", "surname": "Ironside"}]}
    refused = await call(
        platform, OFFICER, "PUT", f"/nominals/{nominal}", {"version": 1, "nominal": draft}
    )
    assert refused.status_code == 403
    amended = await call(
        platform,
        OFFICER,
        "PUT",
        f"/nominals/{nominal}",
        {"version": 1, "nominal": {**draft, "restricted": True}},
    )
    assert amended.status_code == 200, amended.text
    assert await levels(platform, nominal, OFFICER, SUPERVISOR) == ["full", "404"]


async def test_a_new_label_decides_a_single_record_anew(platform: Platform) -> None:
    nominal = await create(platform, OFFICER, "Jellicoe", restricted=True)
    foreign = "officer.norfolk"
    await restrict(platform, nominal, member=foreign)
    await restrict(platform, nominal, member=OFFICER)
    assert await levels(platform, nominal, foreign) == ["full"]
    draft = {
        "names": [{"given_names": "Octavian", "surname": "Jellicoe"}],
        "restricted": True,
        "handling": "C",
        "conditions": ["S2"],
    }
    amended = await call(
        platform, OFFICER, "PUT", f"/nominals/{nominal}", {"version": 1, "nominal": draft}
    )
    assert amended.status_code == 200, amended.text
    assert await levels(platform, nominal, foreign) == ["404"]


async def test_what_has_a_part_in_a_record_that_isnt_shown_is_not_amended_blindly(
    platform: Platform,
) -> None:
    nominal = await create(platform, OFFICER, "Oakenshaw", restricted=True)
    await restrict(platform, nominal, member=OFFICER)
    draft = {
        "names": [{"given_names": "Octavian", "surname": "Oakenshaw"}],
        "involvements": [
            {"record_class": "case", "record_number": "46/Oakenshaw/26", "role": "suspect"}
        ],
        "restricted": True,
        "handling": "C",
    }
    statuses = [
        (
            await call(
                platform,
                OFFICER,
                "PUT",
                f"/nominals/{nominal}",
                {"version": version, "nominal": draft},
            )
        ).status_code
        for version in (1, 2)
    ]
    assert statuses == [200, 403]  # the case's own label is the one that the nominal had before


async def test_a_restriction_ends_by_the_clock(platform: Platform, cluster: Cluster) -> None:
    nominal = await create(platform, OFFICER, "Kingsley")
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    await restrict(platform, nominal, member=OFFICER, until=tomorrow)
    assert await levels(platform, nominal, OFFICER, SUPERVISOR) == ["full", "404"]
    admin = await cluster.admin(platform.runtime.store.address.database)
    await admin.execute(
        "UPDATE records.restriction SET since = now() - interval '2 days', "
        "until = now() - interval '1 day' WHERE nominal_id = $1",
        nominal,
    )
    await admin.close()
    assert await levels(platform, nominal, OFFICER, SUPERVISOR) == ["404", "full"]


@pytest.mark.parametrize(
    ("surname", "kind", "body", "status"),
    [
        ("brook", "restrictions", {}, 422),
        ("worth", "restrictions", {"member": OFFICER, "team": "major-crime"}, 422),
        ("field", "restrictions", {"member": "nobody.kent"}, 404),
        ("mount", "restrictions", {"team": "no-team"}, 404),
        ("sands", "restrictions", {"member": OFFICER, "until": "2020-01-01T00:00:00Z"}, 422),
        ("thorp", "restrictions", {"member": OFFICER, "until": "2030-01-01T00:00:00"}, 422),
        ("quist", "locks", {"member": ""}, 422),
        ("vargo", "locks", {"team": "major-crime"}, 422),
    ],
)
async def test_bad_input_is_refused_whole(
    platform: Platform, surname: str, kind: str, body: dict[str, Any], status: int
) -> None:
    nominal = await create(platform, OFFICER, f"Lovelace{surname}")
    answer = await call(platform, SUPERVISOR, "POST", f"/nominals/{nominal}/{kind}", body)
    assert answer.status_code == status, answer.text
    assert answer.json()["detail"].endswith(".")
    listed = await call(platform, SUPERVISOR, "GET", f"/nominals/{nominal}/exceptions")
    assert listed.json() == []


async def test_only_the_owners_supervisors_and_records_managers_may(platform: Platform) -> None:
    nominal = await create(platform, OFFICER, "Montgomery")
    for username, status in [(OFFICER, 403), ("dpo.kent", 403), ("supervisor.norfolk", 404)]:
        for kind in ("restrictions", "locks"):
            path = f"/nominals/{nominal}/{kind}"
            answer = await call(platform, username, "POST", path, {"member": OFFICER})
            assert answer.status_code == status, (username, kind)
    twice = {"member": OFFICER}
    await lock(platform, nominal, OFFICER)
    answer = await call(platform, SUPERVISOR, "POST", f"/nominals/{nominal}/locks", twice)
    assert answer.status_code == 409


async def test_setting_and_lifting_are_events_and_end_the_members_grant_sets_at_once(
    platform: Platform, cluster: Cluster
) -> None:
    nominal = await create(platform, OFFICER, "Nightingale")
    member = (await subject_by_username(platform.runtime.database, OFFICER)).member_id
    admin = await cluster.admin(platform.runtime.store.address.database)

    async def grant_sets() -> int:
        count: int = await admin.fetchval(
            "SELECT count(*) FROM ctx.grant_set WHERE member_id = $1", member
        )
        return count

    try:
        for kind in ("restriction", "lock"):
            await platform.read(OFFICER, nominal)
            assert await grant_sets() > 0
            path = f"/nominals/{nominal}/{kind}s"
            added = await call(platform, MANAGER, "POST", path, {"member": OFFICER})
            assert await grant_sets() == 0
            await platform.read(OFFICER, nominal)
            lifted = await call(platform, MANAGER, "DELETE", f"{path}/{added.json()['id']}")
            assert lifted.status_code == 204, lifted.text
            assert await grant_sets() == 0
            events = await admin.fetch(
                "SELECT kind, action FROM audit.event AS e JOIN audit.content USING (at, event_id) "
                "WHERE username = $1 AND content ->> 'nominal' = $2 AND kind = 'alteration' "
                "ORDER BY e.at DESC LIMIT 2",
                MANAGER,
                nominal,
            )
            verb = {"restriction": "restrict", "lock": "lock"}[kind]
            assert [row["action"] for row in events] == [f"records.un{verb}", f"records.{verb}"]
    finally:
        await admin.close()
