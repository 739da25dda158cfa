"""Creating, amending, erasing, and the log that goes with each."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

from support.api import REASON, Platform
from support.cluster import Cluster
from support.waiting import PATIENCE

PERSON: dict[str, Any] = {
    "names": [
        {"given_names": "Ottoline", "surname": "Farquharson-Blythe"},
        {"kind": "alias", "given_names": "Otti", "surname": "Blythe"},
    ],
    "sex": "F",
    "date_of_birth": "1971-05-09",
    "identifiers": [{"kind": "probation_crn", "value": "a 654321"}],
    "contacts": [{"kind": "telephone", "value": "07700 900456"}],
    "addresses": [{"location": {"premises": "4", "street": "Kiln Lane", "postcode": "zz9 9zz"}}],
    "markers": [{"code": "weapons", "note": "Synthetic"}],
    "involvements": [
        {"record_class": "investigation", "record_number": "46/1/26", "role": "suspect"}
    ],
}


async def log(platform: Platform) -> list[Any]:
    """Return the whole log, the oldest first."""
    async with platform.runtime.database.read("athena_auditor") as session:
        rows = await session.rows(
            "SELECT e.*, c.reason, c.content FROM audit.event AS e "
            "JOIN audit.content AS c ON c.at = e.at AND c.event_id = e.event_id ORDER BY e.at"
        )
    return list(rows)


async def create(platform: Platform, person: dict[str, Any], **fields: Any) -> str:
    """Create a person as Kent's officer and return the id."""
    answer = await platform.create("officer.kent", person, **fields)
    assert answer.status_code == 201, answer.text
    nominal_id: str = answer.json()["id"]
    return nominal_id


class TestCreating:
    async def test_what_was_written_is_read(self, platform: Platform) -> None:
        nominal_id = await create(platform, PERSON)
        shown = (await platform.read("officer.kent", nominal_id)).json()
        nominal = shown["nominal"]
        assert nominal["identifiers"] == [{"kind": "probation_crn", "value": "A654321"}]
        assert nominal["contacts"] == [{"kind": "telephone", "value": "+447700900456"}]
        assert nominal["addresses"][0]["location"]["postcode"] == "ZZ9 9ZZ"
        assert nominal["date_of_birth"] == "1971-05-09"
        assert [name["kind"] for name in nominal["names"]] == ["primary", "alias"]
        assert nominal["involvements"][0]["record_number"] == "46/1/26"
        assert shown["withheld"] == []

    async def test_it_is_found_at_once_by_alias_and_by_value(self, platform: Platform) -> None:
        person = {**PERSON, "names": [{"given_names": "Peregrine", "surname": "Wetherby"}]}
        person["identifiers"] = [{"kind": "prison_nomis_number", "value": "B4321CD"}]
        person["contacts"] = [{"kind": "telephone", "value": "07700 900777"}]
        nominal_id = await create(platform, person)
        for fields in (
            {"name": "perigrine weatherby"},
            {"name": "b4321cd"},
            {"identifier": "B4321CD"},
            {"telephone": "+44 7700 900777"},
            {"given_name": "Wetherby", "surname": "Peregrine"},
        ):
            found = (await platform.search("officer.essex", **fields)).json()["results"]
            assert found[0]["id"] == nominal_id, fields

    async def test_a_likely_match_must_be_acknowledged(self, platform: Platform) -> None:
        person = {**PERSON, "names": [{"given_names": "Horatio", "surname": "Blenkinsop"}]}
        first = await create(platform, person)
        refused = await platform.create("officer.kent", person)
        assert refused.status_code == 409
        assert refused.json()["likely_matches"] == [first]
        second = await create(platform, person, acknowledged_matches=[first])
        assert second != first

    async def test_a_search_is_required_and_must_be_ones_own(self, platform: Platform) -> None:
        person = {**PERSON, "names": [{"given_names": "Cornelia", "surname": "Thistlewood"}]}
        others = await platform.search("officer.essex", name="cornelia thistlewood")
        body = {"search_id": others.json()["search_id"], "nominal": person}
        answer = await platform.client.post(
            "/api/v1/nominals", json=body, headers=await platform.headers("officer.kent")
        )
        assert answer.status_code == 404


class TestAmending:
    async def test_what_is_replaced_is_kept(self, platform: Platform) -> None:
        person = {**PERSON, "names": [{"given_names": "Lysander", "surname": "Ogilvie"}]}
        nominal_id = await create(platform, person)
        changed = {
            **person,
            "contacts": [{"kind": "email", "value": "l@mail.example"}],
            "marking": "OFFICIAL-SENSITIVE",
        }
        answer = await self.amend(platform, nominal_id, 1, changed)
        assert answer.json() == {"id": nominal_id, "version": 2}
        shown = (await platform.read("officer.kent", nominal_id)).json()["nominal"]
        assert shown["contacts"] == [{"kind": "email", "value": "l@mail.example"}]
        assert shown["marking"] == "OFFICIAL-SENSITIVE"
        assert shown["version"] == 2
        history = await platform.client.get(
            f"/api/v1/nominals/{nominal_id}/history", headers=await platform.headers("officer.kent")
        )
        images = {row["section"]: row["image"] for row in history.json()}
        assert images.keys() == {"contacts", "nominal"}
        assert images["contacts"]["value"] == "+447700900456"
        assert (await log(platform))[-1].action == "nominals.history"

    async def test_history_is_no_more_visible_than_the_nominal(self, platform: Platform) -> None:
        person = {**PERSON, "names": [{"given_names": "Leocadia", "surname": "Winterbourne"}]}
        nominal_id = await create(platform, person)
        moved = {**person, "contacts": [], "addresses": [{"location": {"street": "Mill Road"}}]}
        assert (await self.amend(platform, nominal_id, 1, moved)).status_code == 200
        seen = {}
        for username in ("officer.kent", "officer.norfolk", "officer.hertfordshire"):
            answer = await platform.client.get(
                f"/api/v1/nominals/{nominal_id}/history",
                headers=await platform.headers(username, "custody"),
            )
            seen[username] = {row["section"]: row["image"] for row in answer.json()}
        assert seen["officer.kent"]["addresses"]["location"]["street"] == "Kiln Lane"
        assert seen["officer.kent"].keys() == {"addresses", "contacts", "nominal"}
        assert seen["officer.norfolk"].keys() == {"nominal"}
        unknown = await platform.client.get(
            f"/api/v1/nominals/{uuid4()}/history", headers=await platform.headers("officer.kent")
        )
        assert unknown.status_code == 404

    async def test_an_older_version_is_refused(self, platform: Platform) -> None:
        person = {**PERSON, "names": [{"given_names": "Isolde", "surname": "Pemberton"}]}
        nominal_id = await create(platform, person)
        assert (await self.amend(platform, nominal_id, 1, person)).status_code == 200
        answer = await self.amend(platform, nominal_id, 1, {**person, "sex": "M"})
        assert answer.status_code == 409
        assert (await platform.read("officer.kent", nominal_id)).json()["nominal"]["sex"] == "F"

    async def test_another_forces_nominal_is_refused_and_logged(self, platform: Platform) -> None:
        person = {**PERSON, "names": [{"given_names": "Barnabas", "surname": "Eldridge"}]}
        nominal_id = await create(platform, person)
        answer = await self.amend(platform, nominal_id, 1, person, username="officer.essex")
        assert answer.status_code == 403
        newest = [event for event in await log(platform) if event.kind == "refusal"][-1]
        assert (newest.username, newest.action) == ("officer.essex", "nominals.amend")

    async def test_a_new_birthday_is_found(self, platform: Platform) -> None:
        person = {**PERSON, "names": [{"given_names": "Evadne", "surname": "Marchbanks"}]}
        nominal_id = await create(platform, person)
        await self.amend(platform, nominal_id, 1, {**person, "date_of_birth": "1969-11-30"})
        found = await platform.search(
            "officer.kent", name="evadne marchbanks", date_of_birth="1969-11-30"
        )
        best = found.json()["results"][0]
        assert best["id"] == nominal_id
        assert [match["how"] for match in best["explanation"]] == ["exact"] * 3

    @staticmethod
    async def amend(
        platform: Platform,
        nominal_id: str,
        version: int,
        nominal: dict[str, Any],
        username: str = "officer.kent",
    ) -> Any:
        return await platform.client.put(
            f"/api/v1/nominals/{nominal_id}",
            json={"version": version, "nominal": nominal},
            headers=await platform.headers(username),
        )


class TestSharedPlaces:
    """A place stands once for a force, however many live there, and goes with the last of them."""

    async def test_a_place_goes_with_the_last_who_lives_there(
        self, platform: Platform, cluster: Cluster
    ) -> None:
        home = {"addresses": [{"location": {"premises": "7", "street": "Shared Row"}}]}
        ids = [
            await create(
                platform, {**PERSON, **home, "names": [{"given_names": given, "surname": surname}]}
            )
            for given, surname in (("Thaddeus", "Quickfall"), ("Philippa", "Underwood"))
        ]
        manager = await platform.headers("records.kent", "data_quality")
        left = []
        for nominal_id in ids:
            left.append(await self.places(platform, cluster))
            url = f"/api/v1/nominals/{nominal_id}?version=1"
            assert (await platform.client.delete(url, headers=manager)).status_code == 204
        left.append(await self.places(platform, cluster))
        assert left == [1, 1, 0]

    async def test_a_record_that_is_hidden_from_the_writer_can_be_referred_to(
        self, platform: Platform
    ) -> None:
        record = {"record_class": "intelligence", "record_number": "46/HIDDEN/26", "role": "other"}
        hidden = {
            "names": [{"given_names": "Euphemia", "surname": "Gathercole"}],
            "involvements": [record],
            "restricted": True,
        }
        answer = await platform.create("supervisor.kent", hidden)
        assert answer.status_code == 201, answer.text
        seen = {**hidden, "restricted": False}
        seen["names"] = [{"given_names": "Bartholomew", "surname": "Fernsby"}]
        nominal_id = await create(platform, seen)
        shown = (await platform.read("officer.kent", nominal_id)).json()["nominal"]
        assert shown["involvements"][0]["record_number"] is None
        shown = (await platform.read("supervisor.kent", nominal_id)).json()["nominal"]
        assert shown["involvements"][0]["record_number"] == "46/HIDDEN/26"

    @staticmethod
    async def places(platform: Platform, cluster: Cluster) -> int:
        """Return how many places the store holds for the shared home, as its superuser."""
        admin = await cluster.admin(platform.runtime.store.address.database)
        try:
            count: int = await admin.fetchval(
                "SELECT count(*) FROM records.location WHERE street = 'Shared Row'"
            )
            return count
        finally:
            await admin.close()


class TestFollowing:
    """The change feed: nothing missed, nothing told twice, nothing of another force."""

    async def follow(self, platform: Platform, after: str, username: str = "records.kent") -> Any:
        return await platform.client.get(
            f"/api/v1/nominals/changes?after={after}",
            headers=await platform.headers(username, "data_quality"),
        )

    async def told(self, platform: Platform, after: str, changes: int) -> Any:
        """Follow until so many changes are told: other transactions of the server hold them up."""
        async with asyncio.timeout(PATIENCE):
            answer: Any = {"changes": []}
            while len(answer["changes"]) < changes:
                answer = (await self.follow(platform, after)).json()
        return answer

    async def end_of_feed(self, platform: Platform, cluster: Cluster) -> str:
        """Follow until everything that other tests changed has been told."""
        admin = await cluster.admin(platform.runtime.store.address.database)
        try:
            newest = await admin.fetchval(
                "SELECT coalesce(max(changed_xid::text::bigint), 0) FROM records.change "
                "WHERE owner_force = (SELECT tenant_id FROM tenants.tenant WHERE slug = 'kent')"
            )
        finally:
            await admin.close()
        async with asyncio.timeout(PATIENCE):
            after = "0"
            while int(after) < newest:
                after = (await self.follow(platform, after)).json()["next"]
        return after

    async def test_the_feed_tells_every_change_once(
        self, platform: Platform, cluster: Cluster
    ) -> None:
        start = await self.end_of_feed(platform, cluster)
        person = {**PERSON, "names": [{"given_names": "Ermintrude", "surname": "Hollingberry"}]}
        nominal_id = await create(platform, person)
        await TestAmending.amend(platform, nominal_id, 1, {**person, "sex": "M"})
        url = f"/api/v1/nominals/{nominal_id}?version=2"
        manager = await platform.headers("records.kent", "data_quality")
        assert (await platform.client.delete(url, headers=manager)).status_code == 204
        told = await self.told(platform, start, 3)
        assert [(item["id"], item["operation"], item["version"]) for item in told["changes"]] == [
            (nominal_id, "created", 1),
            (nominal_id, "amended", 2),
            (nominal_id, "erased", 3),
        ]
        again = (await self.follow(platform, told["next"])).json()
        assert again == {"changes": [], "next": told["next"]}
        others = (await self.follow(platform, start, "records.essex")).json()
        assert others["changes"] == []

    async def test_a_change_that_commits_late_is_not_missed(
        self, platform: Platform, cluster: Cluster
    ) -> None:
        start = await self.end_of_feed(platform, cluster)
        admin = await cluster.admin(platform.runtime.store.address.database)
        try:
            late = admin.transaction()
            await late.start()
            await admin.execute("SELECT pg_current_xact_id()")
            person = {**PERSON, "names": [{"given_names": "Zenobia", "surname": "Ravenscroft"}]}
            nominal_id = await create(platform, person)
            waiting = (await self.follow(platform, start)).json()
            assert waiting == {"changes": [], "next": start}
            await late.rollback()
        finally:
            await admin.close()
        told = await self.told(platform, start, 1)
        assert [item["id"] for item in told["changes"]] == [nominal_id]

    async def test_only_records_managers_follow_and_only_from_a_real_point(
        self, platform: Platform
    ) -> None:
        assert (await self.follow(platform, "0", "officer.kent")).status_code == 403
        for after in ("-1", "x", "1.5", "٣", "9" * 19):
            assert (await self.follow(platform, after)).status_code == 422, after


class TestErasing:
    async def test_only_a_records_manager_erases_and_the_log_keeps_it(
        self, platform: Platform, cluster: Cluster
    ) -> None:
        person = {**PERSON, "names": [{"given_names": "Mortimer", "surname": "Snodgrass"}]}
        nominal_id = await create(platform, person)
        url = f"/api/v1/nominals/{nominal_id}?version=1"
        officer = await platform.headers("officer.kent")
        assert (await platform.client.delete(url, headers=officer)).status_code == 403
        manager = await platform.headers("records.kent", "data_quality")
        assert (await platform.client.delete(url, headers=manager)).status_code == 204
        assert (await platform.read("officer.kent", nominal_id)).status_code == 404
        assert not await self.left_of(platform, cluster, nominal_id)
        events = [event for event in await log(platform) if event.action == "nominals.erase"]
        kinds = [event.kind for event in events if nominal_id in str(event.content)]
        assert kinds == ["refusal", "erasure", "erasure"]

    @staticmethod
    async def left_of(platform: Platform, cluster: Cluster, nominal_id: str) -> list[str]:
        """Return which tables of records still speak of a nominal, as the store's superuser."""
        admin = await cluster.admin(platform.runtime.store.address.database)
        try:
            tables = await admin.fetch(
                "SELECT table_name FROM information_schema.columns "
                "WHERE table_schema = 'records' AND column_name = 'nominal_id' "
                "AND table_name <> 'change'"
            )
            assert len(tables) > 10
            return [
                table
                for (table,) in tables
                if await admin.fetchval(
                    f"SELECT count(*) FROM records.{table} WHERE nominal_id = $1", nominal_id
                )
            ]
        finally:
            await admin.close()


class TestLogging:
    async def test_a_search_says_who_why_and_what_was_seen(self, platform: Platform) -> None:
        person = {**PERSON, "names": [{"given_names": "Araminta", "surname": "Fotheringay"}]}
        nominal_id = await create(platform, person)
        answer = (await platform.search("officer.norfolk", name="araminta fotheringay")).json()
        opened, seen = sorted((await log(platform))[-2:], key=lambda event: len(event.records))
        for event in (opened, seen):
            assert event.kind == "consultation"
            assert event.username == "officer.norfolk"
            assert event.roles == ["officer"]
            assert event.purpose == "investigation"
            assert event.reason == REASON
            assert str(event.decision_id) == answer["decision_id"]
            assert event.policy_revision > 0
            assert event.xid == opened.xid
        assert opened.content["query"] == {"name": "araminta fotheringay"}
        assert [record["nominal_id"] for record in seen.records] == [nominal_id]
        assert seen.records[0]["level"] == "full"
        assert seen.records[0]["agreement_id"] == answer["results"][0]["agreement_id"]

    async def test_a_refusal_is_logged_though_nothing_else_is(self, platform: Platform) -> None:
        answer = await platform.search("admin.kent", name="anyone at all")
        assert answer.status_code == 403
        newest = (await log(platform))[-1]
        assert (newest.kind, newest.username) == ("refusal", "admin.kent")
        assert newest.content["problem"] == "refused"

    async def test_paging_is_stable_and_decided_anew(self, platform: Platform) -> None:
        for given in ("Ada", "Bea", "Cleo"):
            person = {**PERSON, "names": [{"given_names": given, "surname": "Vandersloot"}]}
            await create(platform, person)
        first = (await platform.search("officer.kent", surname="Vandersloot", limit=2)).json()
        headers = await platform.headers("officer.kent")
        second = (await platform.client.get(first["next"], headers=headers)).json()
        seen = [hit["id"] for page in (first, second) for hit in page["results"]]
        assert len(set(seen)) == 3
        assert second["next"] is None
        stolen = await platform.client.get(
            first["next"], headers=await platform.headers("officer.essex")
        )
        assert stolen.status_code == 404
