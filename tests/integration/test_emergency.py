"""Break-glass: one record opened in an emergency, for a limited time, logged, told and reviewed."""

from __future__ import annotations

from typing import Any

import pytest

from support.api import Platform
from support.cluster import Cluster
from support.exceptions import TABLES, call, create, found, rows_seen
from support.tenth import agree, create_force, until_known

SUPERVISOR, OFFICER = "supervisor.kent", "officer.kent"
S2 = {"handling": "C", "conditions": ["S2"]}
HARM = "A child is at risk tonight"


async def pointed(platform: Platform, username: str, surname: str) -> dict[str, Any]:
    """Return the request that opens what a search of a member points to."""
    answer = await platform.search(username, given_name="Octavian", surname=surname)
    (hit,) = [hit for hit in answer.json()["results"] if hit["disclosure"] == "pointer"]
    return {
        "search_id": answer.json()["search_id"],
        "owner_force": hit["owner_force"],
        "emergency": HARM,
    }


async def open_record(platform: Platform, username: str, body: Any, **fields: str) -> Any:
    return await call(platform, username, "POST", "/nominals/break-glass", body, **fields)


async def log(platform: Platform, action: str) -> list[Any]:
    async with platform.runtime.database.read("athena_auditor") as session:
        return list(
            await session.rows(
                "SELECT e.kind, e.username, e.xid, e.records, c.content FROM audit.event AS e "
                "JOIN audit.content AS c ON c.at = e.at AND c.event_id = e.event_id "
                "WHERE e.action = :action ORDER BY e.at",
                {"action": action},
            )
        )


async def test_a_pointer_opens_whole_to_one_member(platform: Platform, cluster: Cluster) -> None:
    nominal = await create(platform, "officer.essex", "Abernathy", **S2)
    request = await pointed(platform, SUPERVISOR, "Abernathy")
    assert (await platform.read(SUPERVISOR, nominal)).status_code == 404
    opened = await open_record(platform, SUPERVISOR, request)
    assert opened.status_code == 201, opened.text
    assert opened.json()["nominal_id"] == nominal
    assert opened.json()["told"] == ["essex", "kent"]
    shown = (await platform.read(SUPERVISOR, nominal)).json()
    assert (shown["disclosure"], shown["withheld"]) == ("full", [])
    assert "emergency_access" in shown["reasons"]
    assert shown["agreement_id"]
    assert await rows_seen(platform, cluster, SUPERVISOR, nominal, TABLES) == set(TABLES)
    (hit,) = await found(platform, SUPERVISOR, "Abernathy")
    assert hit["id"] == nominal
    # nobody else, and for no other purpose
    for other in (OFFICER, "dpo.kent", "supervisor.norfolk"):
        assert (await platform.read(other, nominal)).status_code == 404
    assert (await platform.read(SUPERVISOR, nominal, "safeguarding")).status_code == 404


async def test_the_access_and_its_event_are_one_transaction(
    platform: Platform, cluster: Cluster
) -> None:
    nominal = await create(platform, "officer.essex", "Blackwood", **S2)
    before = len(await log(platform, "nominals.break_glass"))
    await open_record(platform, SUPERVISOR, await pointed(platform, SUPERVISOR, "Blackwood"))
    events = (await log(platform, "nominals.break_glass"))[before:]
    (disclosure,) = [event for event in events if event.kind == "disclosure"]
    assert [record["nominal_id"] for record in disclosure.records] == [nominal]
    assert disclosure.content["emergency"] == HARM
    admin = await cluster.admin(platform.runtime.store.address.database)
    xid = await admin.fetchval(
        "SELECT xmin::text FROM records.emergency_access WHERE nominal_id = $1", nominal
    )
    await admin.close()
    assert str(disclosure.xid) == xid


async def test_a_summary_opens_by_its_id(platform: Platform) -> None:
    nominal = await create(platform, "officer.hertfordshire", "Castellano")
    assert (await platform.read(SUPERVISOR, nominal)).json()["disclosure"] == "summary"
    body = {"nominal_id": nominal, "emergency": HARM}
    assert (await open_record(platform, SUPERVISOR, body)).status_code == 201
    assert (await platform.read(SUPERVISOR, nominal)).json()["disclosure"] == "full"


async def test_a_record_restricted_to_others_opens_in_its_own_force(platform: Platform) -> None:
    nominal = await create(platform, OFFICER, "Dunwoody")
    path = f"/nominals/{nominal}/restrictions"
    await call(platform, "records.kent", "POST", path, {"member": OFFICER})
    opened = await open_record(
        platform, SUPERVISOR, await pointed(platform, SUPERVISOR, "Dunwoody")
    )
    assert opened.json()["told"] == ["kent"]
    shown = (await platform.read(SUPERVISOR, nominal)).json()
    assert shown["reasons"] == ["emergency_access", "restricted_to_others"]


async def test_a_sealed_record_is_never_opened(platform: Platform) -> None:
    nominal = await create(platform, "officer.essex", "Ellingham", sealed=True, **S2)
    refused = await open_record(
        platform, SUPERVISOR, await pointed(platform, SUPERVISOR, "Ellingham")
    )
    assert refused.status_code == 403
    assert "sealed" in refused.json()["detail"]
    assert (await platform.read(SUPERVISOR, nominal)).status_code == 404
    assert (await log(platform, "nominals.break_glass"))[-1].kind == "refusal"


async def test_a_record_sealed_afterwards_shuts_at_once(platform: Platform) -> None:
    nominal = await create(platform, "officer.essex", "Fitzgerald", **S2)
    await open_record(platform, SUPERVISOR, await pointed(platform, SUPERVISOR, "Fitzgerald"))
    assert (await platform.read(SUPERVISOR, nominal)).status_code == 200
    draft = {"names": [{"given_names": "Octavian", "surname": "Fitzgerald"}], "sealed": True, **S2}
    amended = await call(
        platform, "officer.essex", "PUT", f"/nominals/{nominal}", {"version": 1, "nominal": draft}
    )
    assert amended.status_code == 200, amended.text
    assert (await platform.read(SUPERVISOR, nominal)).status_code == 404


async def test_it_ends_by_the_clock(platform: Platform, cluster: Cluster) -> None:
    nominal = await create(platform, "officer.essex", "Gallagher", **S2)
    await open_record(platform, SUPERVISOR, await pointed(platform, SUPERVISOR, "Gallagher"))
    assert (await platform.read(SUPERVISOR, nominal)).status_code == 200
    admin = await cluster.admin(platform.runtime.store.address.database)
    grants = await admin.fetch(
        "SELECT g.expires_at <= e.expires_at AS within FROM ctx.grant_record AS r "
        "JOIN ctx.grant_set AS g USING (grant_set_id) "
        "JOIN records.emergency_access AS e USING (nominal_id) WHERE nominal_id = $1",
        nominal,
    )
    assert [row["within"] for row in grants] == [True]
    await admin.execute(
        "UPDATE records.emergency_access SET expires_at = now() - interval '1 second' "
        "WHERE nominal_id = $1",
        nominal,
    )
    await admin.close()
    assert (await platform.read(SUPERVISOR, nominal)).status_code == 404


async def test_a_lock_wins_over_an_emergency(platform: Platform) -> None:
    nominal = await create(platform, "officer.essex", "Hutchinson", **S2)
    request = await pointed(platform, SUPERVISOR, "Hutchinson")
    await open_record(platform, SUPERVISOR, request)
    await call(
        platform, "records.essex", "POST", f"/nominals/{nominal}/locks", {"member": SUPERVISOR}
    )
    assert (await platform.read(SUPERVISOR, nominal)).status_code == 404
    assert await found(platform, SUPERVISOR, "Hutchinson") == []
    again = await open_record(platform, SUPERVISOR, request)
    assert again.status_code == 404


async def test_each_force_reviews_it_for_itself(platform: Platform) -> None:
    await create(platform, "officer.essex", "Ironside", **S2)
    request = await pointed(platform, SUPERVISOR, "Ironside")
    access = (await open_record(platform, SUPERVISOR, request)).json()["access_id"]

    async def waiting(username: str) -> bool:
        answer = await call(platform, username, "GET", "/emergencies")
        return access in [item["access_id"] for item in answer.json()]

    async def review(username: str) -> int:
        body = {"outcome": "justified", "note": "The child was found."}
        path = f"/emergencies/{access}/review"
        return (await call(platform, username, "POST", path, body)).status_code

    assert [await waiting(f"supervisor.{force}") for force in ("essex", "kent", "norfolk")] == [
        True,
        True,
        False,
    ]
    assert await review(SUPERVISOR) == 403
    assert await review("supervisor.norfolk") == 404
    assert await review(OFFICER) == 403
    assert await review("dpo.kent") == 204
    assert await review("dpo.kent") == 409
    assert not await waiting(SUPERVISOR)
    assert await waiting("supervisor.essex")
    assert await review("supervisor.essex") == 204
    assert not await waiting("supervisor.essex")
    everything = await call(platform, "supervisor.essex", "GET", "/emergencies?reviewed=true")
    (item,) = [item for item in everything.json() if item["access_id"] == access]
    assert (item["username"], item["emergency"]) == (SUPERVISOR, HARM)
    assert [done["force"] for done in item["reviews"]] == ["kent", "essex"]


async def test_only_with_the_action_and_a_record_that_is_shown(platform: Platform) -> None:
    nominal = await create(platform, "officer.essex", "Jellicoe", **S2)
    request = await pointed(platform, OFFICER, "Jellicoe")
    assert (await open_record(platform, OFFICER, request)).status_code == 403
    # another member's search, a force it didn't point to, an id that a pointer doesn't tell
    own = await pointed(platform, SUPERVISOR, "Jellicoe")
    for body in (
        request,
        {**own, "owner_force": "norfolk"},
        {"nominal_id": nominal, "emergency": HARM},
    ):
        assert (await open_record(platform, SUPERVISOR, body)).status_code == 404
    assert (await platform.read(SUPERVISOR, nominal)).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"emergency": HARM},
        {"emergency": "  x ", "nominal_id": "00000000-0000-4000-8000-000000000000"},
        {"emergency": HARM, "owner_force": "essex"},
        {"emergency": HARM, "nominal_id": "not an id"},
        {"emergency": "x" * 501, "nominal_id": "00000000-0000-4000-8000-000000000000"},
    ],
    ids=str,
)
async def test_bad_input_is_refused(platform: Platform, body: dict[str, Any]) -> None:
    answer = await open_record(platform, SUPERVISOR, body)
    assert answer.status_code == 422
    assert answer.json()["detail"].endswith(".")


async def test_supervisors_of_both_forces_have_it_on_their_worklists_at_once(
    platform: Platform,
) -> None:
    """Each force's item names the access, never the record; who opened it can't take it."""
    nominal = await create(platform, "officer.essex", "Braithwaite", **S2)
    opened = await open_record(
        platform, SUPERVISOR, await pointed(platform, SUPERVISOR, "Braithwaite")
    )
    assert opened.status_code == 201, opened.text
    access = opened.json()["access_id"]
    for supervisor in ("supervisor.essex", SUPERVISOR):
        listed = (await call(platform, supervisor, "GET", "/worklist")).json()
        (item,) = [item for item in listed if access in str(item["record"])]
        assert item["kind"] == "break_glass_notice"
        assert nominal not in str(item)
        await platform.delivered()
        assert access in (await call(platform, supervisor, "GET", "/notifications")).text


async def test_what_is_pointed_to_by_name_opens_too(platform: Platform, cluster: Cluster) -> None:
    """A label that shows nothing to another force, and a record of it a pointer to who is named."""
    slug = "t-named"
    await create_force(platform, slug, "91")
    await agree(platform, slug, "kent", restricted_level="none", handling_ceiling="C")
    nominal = await create(platform, f"officer.{slug}", "Namesake", **S2)
    path = f"/nominals/{nominal}/restrictions"
    answer = await call(platform, f"records.{slug}", "POST", path, {"member": SUPERVISOR})
    assert answer.status_code == 201, answer.text
    await until_known(platform, slug)
    request = await pointed(platform, SUPERVISOR, "Namesake")
    opened = await open_record(platform, SUPERVISOR, request)
    assert opened.status_code == 201, opened.text
    assert await rows_seen(platform, cluster, SUPERVISOR, nominal, TABLES) == set(TABLES)
