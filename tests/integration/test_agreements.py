"""The life of an agreement over the API: what is signed shares, for whoever may; all is logged."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from athena.policies.agreements.founding import baseline
from athena.policies.agreements.signing import key_id, public_pem, raw_public_key
from support.agreements import AMO, WHY, Desk, a_marked_nominal, proposal, shown
from support.api import Platform
from support.cluster import Cluster


@pytest.fixture(scope="module")
def desk(platform: Platform) -> Desk:
    return Desk(platform)


@pytest.fixture(scope="module")
async def nominal(platform: Platform) -> str:
    return await a_marked_nominal(platform)


async def logged(platform: Platform, action: str) -> list[Any]:
    """Return the events of an action, the newest first."""
    async with platform.runtime.database.read("athena_auditor") as session:
        return list(
            await session.rows(
                "SELECT e.kind, e.username, c.reason, c.content FROM audit.event AS e "
                "JOIN audit.content AS c USING (at, event_id) WHERE e.action = :action "
                "ORDER BY e.at DESC",
                {"action": action},
            )
        )


class TestLife:
    async def test_from_a_draft_into_force_and_out_of_it(
        self, desk: Desk, platform: Platform, nominal: str
    ) -> None:
        reference = await desk.propose()
        assert await desk.status(reference) == "draft"
        assert not await shown(platform, nominal)
        assert (await desk.act(reference, "send")).json()["status"] == "out_for_signature"
        first = await desk.sign(reference, "essex")
        assert first.json()["status"] == "out_for_signature"
        assert not await shown(platform, nominal)
        last = await desk.sign(reference, "kent")
        assert last.json()["status"] == "in_force"
        assert await shown(platform, nominal)
        for act, status, seen in (
            ("suspend", "suspended", False),
            ("reinstate", "in_force", True),
            ("terminate", "terminated", False),
        ):
            assert (await desk.act(reference, act)).json()["status"] == status
            assert await shown(platform, nominal) == seen
        history = (await desk.get(f"agreements/{reference}")).json()["history"]
        assert [step["act"] for step in history] == [
            "proposed",
            "sent_out",
            "signed",
            "signed",
            "entered_into_force",
            "suspended",
            "reinstated",
            "terminated",
        ]
        assert {step["username"] for step in history} == {
            AMO,
            "signatory.essex",
            "signatory.kent",
        }

    async def test_a_running_search_stops_showing(
        self, desk: Desk, platform: Platform, nominal: str
    ) -> None:
        reference = await desk.in_force()
        found = await platform.search(
            "officer.kent", name="peregrine underhill", purpose="firearms_licensing"
        )
        search = found.json()["search_id"]
        assert nominal in {hit["id"] for hit in found.json()["results"]}
        assert (await desk.act(reference, "suspend")).status_code == 200
        again = await platform.client.get(
            f"/api/v1/nominals/searches/{search}?purpose=firearms_licensing",
            headers=await platform.headers("officer.kent", "firearms_licensing"),
        )
        assert again.status_code == 200, again.text
        assert nominal not in {hit["id"] for hit in again.json()["results"]}
        await desk.act(reference, "terminate")

    async def test_an_expired_one_denies_and_is_listed_as_expired(
        self, desk: Desk, platform: Platform, nominal: str
    ) -> None:
        dates = {"valid_from": "2026-04-01", "valid_to": "2026-04-02"}
        reference = await desk.in_force(proposal(**dates))
        assert not await shown(platform, nominal)
        listed = {item["reference"]: item for item in (await desk.get("agreements")).json()}
        assert listed[reference]["status"] == "expired"

    async def test_an_amendment_supersedes_once_it_is_signed(
        self, desk: Desk, platform: Platform, nominal: str
    ) -> None:
        reference = await desk.in_force()
        document = await desk.document(reference)
        document |= {"version": 2, "purposes": {"custody": {"level": "summary"}}}
        answer = await desk.post(
            f"agreements/{reference}/versions", {"document": document, "reason": WHY}
        )
        assert answer.status_code == 201, answer.text
        assert await shown(platform, nominal)  # the first version goes on until then
        told = (await desk.get(f"agreements/{reference}/difference")).json()
        assert (told["older"], told["newer"]) == (1, 2)
        assert "purposes, custody" in {change["field"] for change in told["changes"]}
        await desk.act(reference, "send")
        await desk.sign(reference, "essex", 2)
        assert await shown(platform, nominal)
        assert (await desk.sign(reference, "kent", 2)).json()["status"] == "in_force"
        assert not await shown(platform, nominal)
        assert await desk.status(reference, 1) == "superseded"
        assert (await desk.act(reference, "terminate")).json()["version"] == 2
        assert await desk.status(reference, 1) == "superseded"

    async def test_a_later_amendment_waits_for_its_first_day(
        self, desk: Desk, platform: Platform, nominal: str
    ) -> None:
        reference = await desk.in_force()
        document = await desk.document(reference)
        document |= {"version": 2, "valid_from": "2030-01-01", "valid_to": "2031-01-01"}
        await desk.post(f"agreements/{reference}/versions", {"document": document, "reason": WHY})
        await desk.act(reference, "send")
        for tenant in ("essex", "kent"):
            assert (await desk.sign(reference, tenant, 2)).status_code == 200
        assert await shown(platform, nominal)
        assert await desk.status(reference, 1) == "in_force"
        assert (await desk.act(reference, "suspend")).json()["status"] == "suspended"
        assert await desk.status(reference, 1) == "suspended"
        await desk.act(reference, "terminate")

    async def test_two_last_signatories_at_once_bring_it_into_force(self, desk: Desk) -> None:
        reference = await desk.propose()
        await desk.act(reference, "send")
        await desk.key("essex")
        await desk.key("kent")
        answers = await asyncio.gather(desk.sign(reference, "essex"), desk.sign(reference, "kent"))
        assert [answer.status_code for answer in answers] == [200, 200]
        assert await desk.status(reference) == "in_force"
        await desk.act(reference, "terminate")

    async def test_obligations_come_with_the_record(
        self, desk: Desk, platform: Platform, nominal: str
    ) -> None:
        terms = {"level": "summary", "obligations": ["watermark", "notify_owner"]}
        reference = await desk.in_force(proposal(purposes={"firearms_licensing": terms}))
        answer = await platform.read("officer.kent", nominal, "firearms_licensing")
        assert answer.json()["obligations"] == ["no_onward_sharing", "notify_owner", "watermark"]
        await desk.act(reference, "terminate")


class TestWhoMay:
    async def test_a_force_sees_what_it_is_party_to(self, desk: Desk) -> None:
        reference = await desk.propose()
        for name in ("%00", "ATH-ISA-13%00", "ATH-ISA-99999", "x'--", "%F0%9F%98%80"):
            assert (await desk.get(f"agreements/{name}")).status_code == 404
        for account, status in (
            (AMO, 200),
            ("auditor", 200),
            ("signatory.essex", 200),
            ("supervisor.kent", 200),
            ("signatory.norfolk", 404),
            ("officer.kent", 403),
            ("amo.finance", 403),
        ):
            answer = await desk.get(f"agreements/{reference}", account)
            assert answer.status_code == status, account
        listed = (await desk.get("agreements", "signatory.norfolk")).json()
        expected = {item.reference for item in baseline() if "norfolk" in item.tenants}
        assert {item["reference"] for item in listed} == expected

    async def test_only_the_client_body_proposes_and_manages(self, desk: Desk) -> None:
        reference = await desk.propose()
        for account in ("signatory.essex", "admin.essex", "auditor", "amo.finance"):
            body = {"document": proposal(), "reason": WHY}
            assert (await desk.post("agreements", body, account)).status_code == 403
            for act in ("send", "withdraw", "suspend", "reinstate", "terminate"):
                assert (await desk.act(reference, act, account)).status_code == 403
            key = {"tenant": "essex", "office": "x", "public_key": "x"}
            assert (await desk.post("signatory-keys", key, account)).status_code == 403
        assert await desk.status(reference) == "draft"

    async def test_bad_keys_are_refused(self, desk: Desk) -> None:
        key = await desk.key("kent")
        registered = (await desk.get("signatory-keys")).json()
        (mine,) = (item for item in registered if item["key"] == sign_id(key))
        assert mine["tenant"] == "kent"
        good = {
            "tenant": "essex",
            "office": "Chief constable",
            "public_key": public_pem(Ed25519PrivateKey.generate()).decode(),
        }
        for changes, status in (
            ({"public_key": "x"}, 422),
            ({"tenant": "atlantis"}, 422),
            ({"office": ""}, 422),
            ({"valid_from": "2027-01-01", "valid_to": "2026-01-01"}, 422),
            ({"public_key": public_pem(key).decode()}, 409),  # it is Kent's
        ):
            answer = await desk.post("signatory-keys", {**good, **changes})
            assert answer.status_code == status, (changes, answer.text)
        assert len((await desk.get("signatory-keys")).json()) == len(registered)
        wrong = await desk.post(f"signatory-keys/{'0' * 64}/revoke", {"reason": WHY})
        assert wrong.status_code == 404


def sign_id(key: Ed25519PrivateKey) -> str:
    """Return what a key's public half is known by."""
    return key_id(raw_public_key(key.public_key()))


class TestLog:
    async def test_every_act_is_an_event_and_every_refusal(
        self, desk: Desk, platform: Platform
    ) -> None:
        reference = await desk.in_force()
        agreement = (await desk.get(f"agreements/{reference}")).json()["id"]
        await desk.act(reference, "suspend")
        await desk.act(reference, "terminate")
        for action, username in (
            ("agreements.propose", AMO),
            ("agreements.sent_out", AMO),
            ("agreements.sign", "signatory.kent"),
            ("agreements.suspended", AMO),
            ("agreements.terminated", AMO),
        ):
            newest = (await logged(platform, action))[0]
            assert (newest.kind, newest.username) == ("administration", username), action
            assert newest.content["agreement"] == agreement
        await desk.act(reference, "suspend", "signatory.kent")
        refused = (await logged(platform, "agreements.suspended"))[0]
        assert (refused.kind, refused.username) == ("refusal", "signatory.kent")

    async def test_what_cant_be_logged_isnt_done(
        self, desk: Desk, platform: Platform, cluster: Cluster
    ) -> None:
        reference = await desk.in_force()
        admin = await cluster.admin(platform.runtime.store.address.database)
        try:
            await admin.execute("REVOKE EXECUTE ON FUNCTION audit.administer FROM athena_amo")
            assert (await desk.act(reference, "suspend")).status_code >= 500
        finally:
            await admin.execute("GRANT EXECUTE ON FUNCTION audit.administer TO athena_amo")
            await admin.close()
        assert await desk.status(reference) == "in_force"
        await desk.act(reference, "terminate")
