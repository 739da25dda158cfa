"""Merging, and undoing it: what each writes, asks, refuses and logs."""

from __future__ import annotations

from typing import Any

from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.identity import NominalId, Purpose
from athena.policies.roles.actions import Action
from athena.records.merging import service as merging
from athena.tenants.members.service import subject_by_username
from support.api import Platform
from support.cluster import Cluster
from support.records import create_nominal

RECORDS = "records.kent"


def duplicate(number: int, **more: Any) -> dict[str, Any]:
    """Return a nominal with something of its own in several groups."""
    return {
        "names": [{"given_names": f"Merged{'abcdefgh'[number]}", "surname": "Doublet"}],
        "contacts": [{"kind": "telephone", "value": f"07700 90010{number}"}],
        "addresses": [{"location": {"street": f"{number} Elm Road", "postcode": "ZZ1 1ZZ"}}],
        "descriptions": [{"attribute": "hair", "value": "brown"}],
        **more,
    }


async def read(platform: Platform, nominal: NominalId) -> dict[str, Any]:
    """Return a nominal as the records manager of Kent reads it."""
    answer = await platform.read(RECORDS, str(nominal), "data_quality")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["nominal"]
    return found


async def call(platform: Platform, method: str, path: str, body: Any = None) -> Any:
    """Call the API as the records manager of Kent and return the response."""
    headers = await platform.headers(RECORDS, "data_quality")
    return await platform.client.request(method, f"/api/v1{path}", json=body, headers=headers)


async def merge(platform: Platform, one: NominalId, other: NominalId) -> dict[str, Any]:
    """Merge a duplicate into a nominal at the versions of this moment."""
    versions = [(await read(platform, nominal))["version"] for nominal in (one, other)]
    body = {"merged_id": str(other), "version": versions[0], "merged_version": versions[1]}
    answer = await call(platform, "POST", f"/nominals/{one}/merges", body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def amend(platform: Platform, nominal: NominalId, changed: dict[str, Any]) -> Any:
    """Make a nominal what a changed reading of it says."""
    draft = {name: value for name, value in changed.items() if name != "version"}
    body = {"version": changed["version"], "nominal": draft}
    return await call(platform, "PUT", f"/nominals/{nominal}", body)


class TestMerging:
    async def test_the_survivor_gets_what_it_lacks_and_the_duplicate_stays(
        self, platform: Platform
    ) -> None:
        one = await create_nominal(platform, "kent", duplicate(0))
        other = await create_nominal(platform, "kent", duplicate(1, date_of_birth="1980-02-03"))
        before = await read(platform, other)
        await merge(platform, one, other)
        survivor = await read(platform, one)
        assert await read(platform, other) == before
        assert survivor["date_of_birth"] == "1980-02-03"
        assert {name["kind"] for name in survivor["names"]} == {"primary", "alias"}
        assert len(survivor["contacts"]) == 2
        assert len(survivor["descriptions"]) == 1, "what both have isn't doubled"

    async def test_the_duplicate_cant_change_while_it_is_merged(self, platform: Platform) -> None:
        one = await create_nominal(platform, "kent", duplicate(0))
        other = await create_nominal(platform, "kent", duplicate(1))
        await merge(platform, one, other)
        now = await read(platform, other)
        answer = await amend(platform, other, {**now, "contacts": []})
        assert answer.status_code == 409
        assert "merged" in answer.json()["detail"]
        relabelled = await amend(platform, other, {**now, "restricted": True, "contacts": []})
        assert relabelled.status_code == 409, "a label may change alone, by a restriction"
        assert await read(platform, other) == now

    async def test_different_handling_is_refused_whole(self, platform: Platform) -> None:
        one = await create_nominal(platform, "kent", duplicate(0))
        other = await create_nominal(platform, "kent", duplicate(1, handling="C"))
        before = await read(platform, one)
        body = {"merged_id": str(other), "version": 1, "merged_version": 1}
        answer = await call(platform, "POST", f"/nominals/{one}/merges", body)
        assert answer.status_code == 409
        assert await read(platform, one) == before


class TestMarking:
    async def survivor(self, platform: Platform, username: str, nominal: NominalId) -> Any:
        """Return what a member is told a nominal was merged into."""
        subject = await subject_by_username(platform.runtime.database, username)
        entry = Entry(EventKind.CONSULTATION, "nominals.read", "A test of merging")
        async with platform.runtime.gate.consult(
            subject, Action.NOMINALS_READ, Purpose.INVESTIGATION, entry
        ) as consultation:
            return await merging.merged_into(consultation, nominal)

    async def test_whoever_opens_a_duplicate_is_told_and_the_log_says_so(
        self, platform: Platform, cluster: Cluster
    ) -> None:
        one = await create_nominal(platform, "kent", duplicate(0))
        other = await create_nominal(platform, "kent", duplicate(1))
        assert await self.survivor(platform, "officer.kent", other) is None
        made = await merge(platform, one, other)
        assert await self.survivor(platform, "officer.kent", other) == one
        assert await self.survivor(platform, "officer.kent", one) is None
        assert await self.survivor(platform, "officer.essex", other) is None
        admin = await cluster.admin(platform.runtime.store.address.database)
        logged = await admin.fetchval(
            "SELECT count(*) FROM audit.event AS e, jsonb_array_elements(e.records) AS r "
            "WHERE e.action = 'merges.read' AND r ->> 'nominal_id' = $1",
            str(one),
        )
        await admin.close()
        assert logged == 1, "the nominal that was named, once"
        asked = (await call(platform, "GET", f"/merges/{made['merge_id']}")).json()
        path = f"/merges/{made['merge_id']}/undo"
        assert (
            await call(platform, "POST", path, {"version": asked["version"]})
        ).status_code == 200
        assert await self.survivor(platform, "officer.kent", other) is None


class TestUndoing:
    async def test_a_change_since_must_be_placed_by_a_person(self, platform: Platform) -> None:
        one = await create_nominal(platform, "kent", duplicate(0))
        other = await create_nominal(platform, "kent", duplicate(1))
        made = await merge(platform, one, other)
        now = await read(platform, one)
        added = {"code": "violent"}
        assert (await amend(platform, one, {**now, "markers": [added]})).status_code == 200
        asked = (await call(platform, "GET", f"/merges/{made['merge_id']}")).json()
        (conflict,) = asked["conflicts"]
        assert (conflict["change"], conflict["section"]) == ("added", "markers")
        path = f"/merges/{made['merge_id']}/undo"
        refused = await call(platform, "POST", path, {"version": asked["version"]})
        assert refused.status_code == 409
        assert len((await read(platform, one))["contacts"]) == 2, "nothing was undone"
        told = {"version": asked["version"], "placed": {conflict["key"]: "duplicate"}}
        assert (await call(platform, "POST", path, told)).status_code == 200
        assert (await read(platform, one))["markers"] == []
        assert [item["code"] for item in (await read(platform, other))["markers"]] == ["violent"]

    async def test_every_step_is_in_the_log(self, platform: Platform, cluster: Cluster) -> None:
        one = await create_nominal(platform, "kent", duplicate(0))
        other = await create_nominal(platform, "kent", duplicate(1))
        made = await merge(platform, one, other)
        asked = (await call(platform, "GET", f"/merges/{made['merge_id']}")).json()
        told = {"version": asked["version"]}
        path = f"/merges/{made['merge_id']}/undo"
        assert (await call(platform, "POST", path, told)).status_code == 200
        again = await call(platform, "POST", path, told)
        assert again.status_code == 409
        admin = await cluster.admin(platform.runtime.store.address.database)
        logged = await admin.fetch(
            "SELECT e.action FROM audit.event AS e JOIN audit.content AS c USING (at, event_id) "
            "WHERE c.content ->> 'merge' = $1 AND e.kind = 'alteration'",
            made["merge_id"],
        )
        await admin.close()
        assert {"nominals.merge", "nominals.unmerge"} <= {row["action"] for row in logged}
