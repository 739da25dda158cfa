"""What isn't signed by every party shares nothing, and what is wrong is refused whole."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from athena.policies.agreements.signing import sign
from support.agreements import AMO, WHY, Desk, a_marked_nominal, proposal, shown
from support.api import Platform
from support.cluster import Cluster
from support.intruder import alter


@pytest.fixture(scope="module")
def desk(platform: Platform) -> Desk:
    return Desk(platform)


@pytest.fixture(scope="module")
async def nominal(platform: Platform) -> str:
    return await a_marked_nominal(platform)


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
