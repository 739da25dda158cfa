"""Links across forces: made by the linker alone, seen by policy, decided by people."""

from __future__ import annotations

from typing import Any

import pytest

from athena.platform.kernel.identity import NominalId
from athena.platform.kernel.worklist import service as worklist
from athena.sharing.linking import service as linking
from athena.sharing.linking.outcomes import Thresholds
from support.api import Platform
from support.cluster import Cluster
from support.records import create_nominal


def somebody(given: str, surname: str, born: str, **more: Any) -> dict[str, Any]:
    """Return a nominal with an address, a telephone number and a role."""
    return {
        "names": [{"given_names": given, "surname": surname}],
        "date_of_birth": born,
        "sex": "M",
        "contacts": [{"kind": "telephone", "value": "07700 900461"}],
        "addresses": [{"location": {"premises": "4", "street": "Elm Road", "postcode": "ZZ1 1ZZ"}}],
        "involvements": [
            {"record_class": "investigation", "record_number": f"{surname}/1", "role": "suspect"}
        ],
        **more,
    }


async def compare(platform: Platform) -> None:
    """Let the linker compare what waits, with the names of this moment."""
    await platform.runtime.searcher.names.refresh()
    await platform.runtime.linker.compare_due()


async def links(platform: Platform, username: str, nominal: NominalId) -> dict[str, Any]:
    """Return the links of a nominal as a member sees them."""
    answer = await platform.client.get(
        f"/api/v1/nominals/{nominal}/links", headers=await platform.headers(username)
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def decide(
    platform: Platform, username: str, one: NominalId, other: NominalId, verdict: str
) -> dict[str, Any]:
    """Decide a pair as a member."""
    answer = await platform.client.post(
        "/api/v1/links/decisions",
        json={"nominal_id": str(one), "other_id": str(other), "verdict": verdict},
        headers=await platform.headers(username),
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


class TestSuggesting:
    async def test_a_misspelt_record_of_another_force_is_suggested_with_its_reasons(
        self, platform: Platform
    ) -> None:
        kent = await create_nominal(
            platform, "kent", somebody("Zebulon Mark", "Quillfeather", "1980-03-12")
        )
        essex = await create_nominal(
            platform, "essex", somebody("Zebulon", "Quilfeather", "1980-12-03")
        )
        await compare(platform)
        found = await links(platform, "officer.kent", kent)
        (link,) = found["links"]
        assert (link["id"], link["outcome"]) == (str(essex), "suggested")
        levels = {step["field"]: step["level"] for step in link["steps"]}
        assert levels["given"] == "same"
        assert levels["surname"] == "near"
        assert levels["born"] == "day_and_month"
        back = await links(platform, "officer.essex", essex)
        assert [item["id"] for item in back["links"]] == [str(kent)]

    @pytest.mark.parametrize(
        ("given", "born"), [("Ottokar", "1990-06-01"), ("Zacharias", "1960-02-27")]
    )
    async def test_twins_and_a_parent_of_one_name_arent(
        self, platform: Platform, given: str, born: str
    ) -> None:
        first = "Barnabas" if given == "Ottokar" else given
        one = await create_nominal(
            platform, "kent", somebody(first, f"Twinning{given}", "1990-06-01")
        )
        await create_nominal(platform, "kent", somebody(given, f"Twinning{given}", born))
        await compare(platform)
        assert (await links(platform, "officer.kent", one))["links"] == []

    async def test_what_policy_hides_is_no_link(self, platform: Platform, cluster: Cluster) -> None:
        person = somebody("Hyacinth", "Umberslade", "1971-01-09")
        kent = await create_nominal(platform, "kent", person)
        await create_nominal(platform, "essex", {**person, "restricted": True})
        await compare(platform)
        admin = await cluster.admin(platform.runtime.store.address.database)
        stored = await admin.fetchval(
            "SELECT count(*) FROM sharing.link WHERE nominal_id = $1", kent
        )
        await admin.close()
        assert stored == 1, "the linker found it"
        assert (await links(platform, "officer.kent", kent))["links"] == []

    async def test_each_force_is_told_in_its_own_log_of_its_own_records_alone(
        self, platform: Platform, cluster: Cluster
    ) -> None:
        person = somebody("Ignatius", "Pellmell", "1966-05-30")
        kent = await create_nominal(platform, "kent", person)
        essex = await create_nominal(platform, "essex", person)
        await compare(platform)
        admin = await cluster.admin(platform.runtime.store.address.database)
        rows = await admin.fetch(
            "SELECT t.slug, r ->> 'nominal_id' AS nominal FROM audit.event AS e "
            "JOIN tenants.tenant AS t USING (tenant_id), jsonb_array_elements(e.records) AS r "
            "WHERE e.kind = 'combination'"
        )
        await admin.close()
        logged = {(row["slug"], row["nominal"]) for row in rows}
        assert {("kent", str(kent)), ("essex", str(essex))} <= logged
        assert not {("kent", str(essex)), ("essex", str(kent))} & logged


class TestDeciding:
    async def test_a_decision_outranks_the_score_and_both_forces_see_it(
        self, platform: Platform
    ) -> None:
        person = somebody("Balthasar", "Ninepin", "1977-07-07")
        kent = await create_nominal(platform, "kent", person)
        essex = await create_nominal(platform, "essex", person)
        await compare(platform)
        await decide(platform, "records.kent", kent, essex, "not_same")
        for username, one in (("officer.kent", kent), ("officer.essex", essex)):
            (link,) = (await links(platform, username, one))["links"]
            assert link["decision"] == "not_same"
        await decide(platform, "records.essex", essex, kent, "same")
        found = await links(platform, "officer.kent", kent)
        assert found["links"][0]["decision"] == "same"
        assert set(found["person"]) == {str(kent), str(essex)}

    async def test_a_chain_that_contradicts_a_decision_is_found_and_queued(
        self, platform: Platform
    ) -> None:
        made = [
            await create_nominal(platform, force, somebody("Crispin", "Larkrise", "1955-09-19"))
            for force in ("kent", "essex", "kent")
        ]
        await compare(platform)
        await decide(platform, "records.kent", made[0], made[1], "same")
        await decide(platform, "records.kent", made[2], made[1], "same")
        decided = await decide(platform, "records.kent", made[0], made[2], "not_same")
        assert decided["contradicted_by"] == [str(made[1])]
        items = await platform.client.get(
            "/api/v1/worklist", headers=await platform.headers("records.kent")
        )
        assert any(
            item["kind"] == "link_conflict" and item["record"]["record_id"] == str(made[0])
            for item in items.json()
        )

    async def test_a_force_that_owns_neither_cant_decide(self, platform: Platform) -> None:
        person = somebody("Demetrius", "Oxbow", "1949-04-04")
        kent = await create_nominal(platform, "kent", person)
        essex = await create_nominal(platform, "essex", person)
        answer = await platform.client.post(
            "/api/v1/links/decisions",
            json={"nominal_id": str(kent), "other_id": str(essex), "verdict": "same"},
            headers=await platform.headers("records.norfolk"),
        )
        assert answer.status_code in (403, 404)


async def suggested_items(platform: Platform, username: str) -> set[str]:
    """Return the ids of the records that the suggestions of a member's worklist are about."""
    answer = await platform.client.get(
        "/api/v1/worklist?limit=200", headers=await platform.headers(username)
    )
    assert answer.status_code == 200, answer.text
    return {
        item["record"]["record_id"] for item in answer.json() if item["kind"] == "link_suggestion"
    }


async def fill(platform: Platform, username: str) -> int:
    """Fill the worklist with what the member sees and return how many items that opened."""
    answer = await platform.client.post(
        "/api/v1/links/worklist", headers=await platform.headers(username)
    )
    assert answer.status_code == 200, answer.text
    return int(answer.json())


class TestTheWorklist:
    async def test_a_suggestion_is_put_there_once_and_closed_by_the_decision(
        self, platform: Platform
    ) -> None:
        kent = await create_nominal(
            platform, "kent", somebody("Evander", "Stickleback", "1958-11-02")
        )
        essex = await create_nominal(
            platform, "essex", somebody("Evander", "Sticklebach", "1958-02-11")
        )
        await compare(platform)
        await fill(platform, "records.kent")
        assert str(kent) in await suggested_items(platform, "records.kent")
        assert await fill(platform, "records.kent") == 0
        await decide(platform, "records.kent", kent, essex, "same")
        assert str(kent) not in await suggested_items(platform, "records.kent")
        await fill(platform, "records.kent")
        assert str(kent) not in await suggested_items(platform, "records.kent")

    async def test_it_stays_while_another_suggestion_of_the_nominal_waits(
        self, platform: Platform
    ) -> None:
        kent = await create_nominal(platform, "kent", somebody("Lysander", "Wagtail", "1963-10-08"))
        others = [
            await create_nominal(platform, force, somebody("Lysander", "Wagtayl", "1963-08-10"))
            for force in ("essex", "essex")
        ]
        await compare(platform)
        await fill(platform, "records.kent")
        await decide(platform, "records.kent", kent, others[0], "not_same")
        assert str(kent) in await suggested_items(platform, "records.kent")
        await decide(platform, "records.kent", kent, others[1], "not_same")
        assert str(kent) not in await suggested_items(platform, "records.kent")

    async def test_whatever_waits_comes_in_its_turn_however_much_is_there(
        self, platform: Platform, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        waiting = set()
        for given in ("Leonidas", "Ptolemy", "Xerxes"):
            named = somebody(given, "Longqueue", "1944-10-02")
            waiting.add(str(await create_nominal(platform, "kent", named)))
            await create_nominal(platform, "essex", {**named, "date_of_birth": "1944-02-10"})
        await compare(platform)
        await fill(platform, "records.kent")
        monkeypatch.setattr(linking, "MOST_WAITING", 1)
        monkeypatch.setattr(worklist, "MOST_ITEMS", 2)
        named = somebody("Zenobia", "Longqueue", "1933-10-02")
        waiting.add(str(await create_nominal(platform, "kent", named)))
        await create_nominal(platform, "essex", {**named, "date_of_birth": "1933-02-10"})
        await compare(platform)
        assert await fill(platform, "records.kent") == 1, "behind all that are there already"
        assert await fill(platform, "records.kent") == 0
        monkeypatch.undo()
        assert waiting <= await suggested_items(platform, "records.kent")


class TestThresholds:
    async def set(
        self, platform: Platform, username: str, suggested: float, linked: float | None
    ) -> Any:
        """Set the thresholds as a member and return the response."""
        return await platform.client.put(
            "/api/v1/links/thresholds",
            json={
                "suggested_from": suggested,
                "linked_from": linked,
                "reason": "Agreed by the steering group",
            },
            headers=await platform.headers(username),
        )

    async def test_an_officer_cant_set_them(self, platform: Platform) -> None:
        answer = await self.set(platform, "officer.kent", 0.5, None)
        assert answer.status_code == 403
        assert answer.headers["content-type"].startswith("application/problem+json")

    async def test_the_client_body_sets_them_and_the_log_says_so(
        self, platform: Platform, cluster: Cluster
    ) -> None:
        answer = await self.set(platform, "amo.admin", 0.9, 0.999)
        assert answer.status_code == 200, answer.text
        held = answer.json()
        assert (held["suggested_from"], held["linked_from"]) == (0.9, 0.999)
        assert (held["set_by"], held["reason"]) == ("amo.admin", "Agreed by the steering group")
        admin = await cluster.admin(platform.runtime.store.address.database)
        logged = await admin.fetchval(
            "SELECT count(*) FROM audit.event WHERE action = 'linking.thresholds'"
        )
        await admin.close()
        assert logged >= 1
        usual = Thresholds()
        back = await self.set(platform, "amo.admin", usual.suggested_from, usual.linked_from)
        assert back.status_code == 200, "the other tests compare with the usual thresholds"

    @pytest.mark.parametrize(("suggested", "linked"), [(0.9, 0.8), (0.0, None), (1.0, None)])
    async def test_thresholds_that_make_no_sense_are_refused(
        self, platform: Platform, suggested: float, linked: float | None
    ) -> None:
        answer = await self.set(platform, "amo.admin", suggested, linked)
        assert answer.status_code == 422
