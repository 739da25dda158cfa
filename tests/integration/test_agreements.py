"""The life of an agreement over the API: what is signed shares, and nothing else does."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from athena.policies.agreements.founding import baseline
from athena.policies.agreements.signing import key_id, public_pem, raw_public_key, sign
from support.agreements import AMO, WHY, Desk, proposal
from support.api import Platform
from support.cluster import Cluster

MARKED: dict[str, Any] = {
    "names": [{"given_names": "Peregrine", "surname": "Underhill"}],
    "date_of_birth": "1971-01-02",
    "markers": [{"code": "violent"}],
}


@pytest.fixture(scope="module")
def desk(platform: Platform) -> Desk:
    return Desk(platform)


@pytest.fixture(scope="module")
async def nominal(platform: Platform) -> str:
    """Create Essex's nominal, which no agreement of the baseline shows for firearms licensing."""
    created = await platform.create("officer.essex", MARKED)
    assert created.status_code == 201, created.text
    return str(created.json()["id"])


async def shown(platform: Platform, nominal: str) -> bool:
    """Whether an officer of Kent sees it for firearms licensing, in a new transaction."""
    answer = await platform.read("officer.kent", nominal, "firearms_licensing")
    assert answer.status_code in (200, 404), answer.text
    return answer.status_code == 200


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


async def alter(platform: Platform, cluster: Cluster, statement: str, *values: object) -> None:
    """Change the store as an intruder with every right would, past its guards."""
    admin: asyncpg.Connection = await cluster.admin(platform.runtime.store.address.database)
    try:
        async with admin.transaction():
            await admin.execute("SET LOCAL session_replication_role = replica")
            await admin.execute(statement, *values)
    finally:
        await admin.close()
    platform.runtime.gate.forget()


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


class TestSignatures:
    async def test_an_altered_document_denies(
        self, desk: Desk, platform: Platform, cluster: Cluster, nominal: str
    ) -> None:
        reference = await desk.in_force()
        assert await shown(platform, nominal)
        await alter(
            platform,
            cluster,
            "UPDATE policies.agreement SET document = document || '{\"retention_days\": 1}' "
            "WHERE reference = $1",
            reference,
        )
        assert not await shown(platform, nominal)
        found = (await desk.get(f"agreements/{reference}")).json()["current"]
        assert found["missing_signatures"] == ["essex", "kent"]
        assert not any(item["counts"] for item in found["signatures"])

    async def test_a_status_without_signatures_denies(
        self, desk: Desk, platform: Platform, cluster: Cluster, nominal: str
    ) -> None:
        reference = await desk.propose()
        await alter(
            platform,
            cluster,
            "UPDATE policies.agreement SET status = 'in_force' WHERE reference = $1",
            reference,
        )
        assert not await shown(platform, nominal)

    async def test_a_forged_signature_denies(
        self, desk: Desk, platform: Platform, cluster: Cluster, nominal: str
    ) -> None:
        reference = await desk.propose()
        await desk.act(reference, "send")
        await desk.sign(reference, "essex")
        signed = await desk.signature(reference, "kent")
        kent = await cluster.login(platform.runtime.store.address.database, "athena_kent")
        try:  # Kent's own login stores 64 bytes, and says itself that all have signed
            async with kent.transaction():
                await kent.execute(
                    "INSERT INTO policies.signature (agreement_id, version, tenant_id, key_id, "
                    "signature) VALUES ($1, 1, ctx.session_tenant(), $2, $3)",
                    signed["agreement"],
                    signed["key"],
                    bytes(64),
                )
                assert await kent.fetchval(
                    "SELECT policies.enter_into_force($1, 1, 'x')", signed["agreement"]
                )
        finally:
            await kent.close()
        assert await desk.status(reference) == "in_force"
        assert not await shown(platform, nominal)

    async def test_a_key_revoked_since_takes_its_signatures_along(
        self, desk: Desk, platform: Platform, nominal: str
    ) -> None:
        own = Desk(platform)
        reference = await own.in_force()
        assert await shown(platform, nominal)
        key = (await own.signature(reference, "kent"))["key"]
        day = {"reason": "The key was copied", "since": "2026-01-01"}
        revoked = await desk.post(f"signatory-keys/{key}/revoke", day)
        assert revoked.status_code == 200, revoked.text
        assert not await shown(platform, nominal)
        assert (await desk.act(reference, "suspend")).status_code == 200
        again = await desk.act(reference, "reinstate")
        assert again.status_code == 409
        assert "kent" in again.json()["detail"]
        assert (await desk.sign(reference, "kent")).status_code == 200  # with another key
        assert (await desk.act(reference, "reinstate")).status_code == 200
        assert await shown(platform, nominal)
        await desk.act(reference, "terminate")

    async def test_a_key_revoked_from_now_has_signed(
        self, desk: Desk, platform: Platform, nominal: str
    ) -> None:
        own = Desk(platform)
        reference = await own.in_force()
        key = (await own.signature(reference, "kent"))["key"]
        why = {"reason": "The office changed hands"}
        assert (await desk.post(f"signatory-keys/{key}/revoke", why)).status_code == 200
        assert await shown(platform, nominal)
        other = await desk.propose()
        await desk.act(other, "send")
        refused = await own.sign(other, "kent")
        assert (refused.status_code, refused.json()["field"]) == (422, "/key")
        assert (await desk.post(f"signatory-keys/{key}/revoke", why)).status_code == 409
        await desk.act(reference, "terminate")

    async def test_what_doesnt_count_is_refused_whole(self, desk: Desk, platform: Platform) -> None:
        reference, other = await desk.propose(), await desk.propose()
        signed = await desk.signature(reference, "kent")
        path = f"agreements/{reference}/signatures"
        early = await desk.post(path, signed, "signatory.kent")
        assert early.status_code == 409  # a draft isn't out for signature
        await desk.act(reference, "send")
        stranger = sign(await desk.document(reference), Ed25519PrivateKey.generate())
        essex = await desk.signature(reference, "essex")
        wrong: dict[str, tuple[dict[str, Any], str, str, int]] = {
            "an unregistered key": (
                stranger.model_dump(mode="json"),
                path,
                "signatory.kent",
                422,
            ),
            "another party's key": (essex, path, "signatory.kent", 422),
            "another's signature under the own key": (
                {**signed, "signature": essex["signature"]},
                path,
                "signatory.kent",
                422,
            ),
            "another digest": ({**signed, "digest": "0" * 64}, path, "signatory.kent", 422),
            "no such version": ({**signed, "version": 2}, path, "signatory.kent", 404),
            "another agreement": (
                signed,
                f"agreements/{other}/signatures",
                "signatory.kent",
                422,
            ),
            "cut off": ({**signed, "signature": "00"}, path, "signatory.kent", 422),
            "not a party": (signed, path, "signatory.norfolk", 404),
            "not a signatory": (signed, path, "supervisor.kent", 403),
            "the client body": (signed, path, AMO, 403),
        }
        for case, (body, way, account, status) in wrong.items():
            answer = await desk.post(way, body, account)
            assert answer.status_code == status, (case, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["detail"].endswith("."), case
        found = (await desk.get(f"agreements/{reference}")).json()["current"]
        assert found["signatures"] == []
        for account in (AMO, "signatory.kent"):
            body = {"signature": signed, "reason": WHY}
            forwarded = f"agreements/{reference}/partner-signatures"
            answer = await desk.post(forwarded, body, account)
            assert answer.status_code == 403, "a force's signature is handed in by itself"
        assert (await desk.post(path, signed, "signatory.kent")).status_code == 200
        assert (await desk.post(path, signed, "signatory.kent")).status_code == 409


class TestBadProposals:
    @pytest.mark.parametrize(
        "changes",
        [
            {"valid_from": "2031-04-01"},
            {"review_due": "2020-01-01"},
            {"purposes": {"curiosity": {"level": "summary"}}},
            {"purposes": {"custody": {"level": "full", "groups": ["secrets"]}}},
            {"purposes": {"custody": {"level": "summary", "obligations": ["dance"]}}},
            {"purposes": {"custody": {"level": "summary", "obligations": ["watermark"] * 2}}},
            {"parties": [{"tenant": "kent", "role": "owner"}]},
            {
                "parties": [
                    {"tenant": "kent", "role": "owner"},
                    {"tenant": "atlantis", "role": "recipient"},
                ]
            },
            {"reference": "ATH-ISA-01' OR 1"},
            {"signature": "x"},
            {"id": "a7e0a15a-0000-4000-8000-000000000001"},
            {"version": 2},
            {"retention_days": 2**60},
            {"title": None},
            {"title": "a\x00b"},
            {"geography": "two\nlines"},
        ],
        ids=str,
    )
    async def test_is_refused_whole(self, desk: Desk, changes: dict[str, Any]) -> None:
        before = len((await desk.get("agreements")).json())
        body = {"document": proposal(**changes), "reason": WHY}
        answer = await desk.post("agreements", body)
        assert answer.status_code == 422, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"].endswith(".")
        assert len((await desk.get("agreements")).json()) == before

    async def test_a_reference_is_used_once(self, desk: Desk) -> None:
        body = {"document": proposal(reference="ATH-ISA-01"), "reason": WHY}
        assert (await desk.post("agreements", body)).status_code == 409

    async def test_a_suspended_party_is_refused_everywhere(
        self, desk: Desk, platform: Platform, cluster: Cluster
    ) -> None:
        waiting, running = await desk.propose(), await desk.propose()
        await desk.act(running, "send")
        body = {"document": proposal(), "reason": WHY}
        essex = "UPDATE tenants.tenant SET status = '{}' WHERE slug = 'essex'"
        try:
            for status, words in (("suspended", "is suspended"), ("offboarded", "has left")):
                await alter(platform, cluster, essex.format(status))
                proposed = await desk.post("agreements", body)
                assert (proposed.status_code, words in proposed.json()["detail"]) == (422, True)
                sent = await desk.act(waiting, "send")
                assert (sent.status_code, words in sent.json()["detail"]) == (409, True)
                signed = await desk.sign(running, "kent")
                assert (signed.status_code, words in signed.json()["detail"]) == (409, True)
        finally:
            await alter(platform, cluster, essex.format("active"))

    @pytest.mark.parametrize("act", ["suspend", "reinstate", "withdraw", "send"])
    async def test_a_step_out_of_turn_is_refused(self, desk: Desk, act: str) -> None:
        reference = await desk.propose()
        await desk.act(reference, "withdraw")
        assert (await desk.act(reference, act)).status_code == 409

    async def test_an_amendment_fits_its_agreement(self, desk: Desk) -> None:
        reference = await desk.propose()
        document = await desk.document(reference)
        path = f"agreements/{reference}/versions"
        changed = {**document, "version": 2, "retention_days": 7}
        open_still = await desk.post(path, {"document": changed, "reason": WHY})
        assert open_still.status_code == 409
        await desk.act(reference, "withdraw")
        for changes in ({"version": 3}, {"reference": "ATH-ISA-01"}, {"retention_days": 365}):
            wrong = {"document": {**changed, **changes}, "reason": WHY}
            assert (await desk.post(path, wrong)).status_code == 422, changes
        assert (await desk.post(path, {"document": changed, "reason": WHY})).status_code == 201

    async def test_a_reason_is_needed(self, desk: Desk) -> None:
        body = {"document": proposal(), "reason": " \x00 "}
        assert (await desk.post("agreements", body)).status_code == 422


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
