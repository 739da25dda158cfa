"""The partner interface around checks: patterns, the sandbox, its OpenAPI."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from athena.sharing.ppss.batches.worker import BatchWorker
from athena.sharing.ppss.limits.models import Thresholds
from athena.sharing.ppss.person_checks import sandbox
from integration.test_archive import export
from support.api import Platform, running_platform
from support.cluster import Cluster
from support.partners import BASE, CHECKS, Partners, agreement, person, question
from support.reference_client import bridged, reference_client
from support.tenth import create_force, post, suspend, until_known


@pytest.fixture(scope="module")
async def partners(
    cluster: Cluster, consortium: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Partners]:
    with cluster.locked():
        name = await cluster.create(consortium)
    directory: Path = tmp_path_factory.mktemp("interface")
    async with running_platform(cluster.store(name), directory) as platform:
        made = Partners(platform)
        await made.onboard("a-shelter", clearance="OFFICIAL-SENSITIVE")
        await made.onboard("s-sandbox", sandbox=True)
        created = await platform.create("records.essex", person("Okonkwo", "Adaeze", "1984-03-12"))
        assert created.status_code == 201, created.text
        await platform.runtime.searcher.names.refresh()
        yield made
    await cluster.drop(name)


async def test_a_pattern_stops_the_calls_until_it_is_lifted_with_a_reason(
    partners: Partners,
) -> None:
    await partners.agree("a-shelter", agreement("ATH-ISA-7301", "a-shelter"))
    asker = partners.asker("a-shelter", "ATH-ISA-7301")
    most = Thresholds().of_one_person
    answers = [await partners.check(asker, given_names="Again") for _ in range(most + 1)]
    assert [answer.status_code for answer in answers] == [200] * most + [403]
    refused = answers[-1].json()
    assert refused["type"] == "urn:athena:problem:under-review"
    assert refused["cause"] == "one_person_repeatedly"
    client, headers = partners.platform.client, await partners.platform.headers("amo.admin")
    found = (await client.get("/api/v1/partners/reviews", headers=headers)).json()
    (review,) = [item for item in found if item["agreement"] == "ATH-ISA-7301"]
    unreasoned = await client.post(
        f"/api/v1/partners/reviews/{review['review_id']}/lift",
        json={"reason": ""},
        headers=headers,
    )
    assert unreasoned.status_code == 422
    officer = await client.post(
        f"/api/v1/partners/reviews/{review['review_id']}/lift",
        json={"reason": "Let it be"},
        headers=await partners.platform.headers("officer.essex"),
    )
    assert officer.status_code == 403
    await partners.act(f"partners/reviews/{review['review_id']}/lift", {})
    assert (await partners.check(asker, given_names="Again")).status_code == 200


async def test_the_same_key_at_once_is_one_check(partners: Partners) -> None:
    await partners.agree("a-shelter", agreement("ATH-ISA-7302", "a-shelter"))
    asker = partners.asker("a-shelter", "ATH-ISA-7302")
    answers = await asyncio.gather(*(partners.check(asker, "at-once") for _ in range(4)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len({answer.content for answer in answers if answer.status_code == 200}) == 1


async def test_the_sandbox_answers_from_made_up_people_alone(partners: Partners) -> None:
    asker = partners.asker("s-sandbox", sandbox.REFERENCE)
    known = {"family_name": "Okonkwo", "given_names": "Adaeze", "date_of_birth": "1984-03-12"}
    assert (await partners.check(asker, **known)).json()["result"] == "no_match"
    for one in sandbox.PEOPLE:
        answer = await partners.check(
            asker,
            f"sandbox-{one.surname}",
            family_name=one.surname,
            given_names=one.given,
            date_of_birth=one.born.isoformat(),
        )
        told = answer.json()
        assert (told["result"], told["sandbox"]) == (one.result.value, True)
    other = await partners.check(partners.asker("s-sandbox", "ATH-ISA-7301"))
    assert other.json()["type"] == "urn:athena:problem:agreement-not-yours"
    async with partners.platform.runtime.database.read("athena_auditor") as session:
        logged = await session.value(
            "SELECT c.content ->> 'problem' FROM audit.event AS e JOIN audit.content AS c "
            "USING (at, event_id) JOIN tenants.tenant AS t USING (tenant_id) "
            "WHERE e.kind = 'refusal' AND t.slug = 's-sandbox' ORDER BY e.at DESC LIMIT 1"
        )
    assert logged == "agreement-not-yours"
    real = await partners.check(partners.asker("a-shelter", sandbox.REFERENCE))
    assert real.json()["type"] == "urn:athena:problem:agreement-not-yours"
    repeated = await partners.check(
        asker, "sandbox-Ali", family_name="Ali", given_names="Samira", date_of_birth="1985-09-30"
    )
    assert repeated.status_code == 200


async def test_the_interface_describes_itself_alone(partners: Partners) -> None:
    client = partners.platform.client
    document = (await client.get("/ppss/v1/openapi.json")).json()
    assert set(document["paths"]) >= {"/person-checks", "/disclosures", "/events", "/corrections"}
    assert not any(path.startswith("/api/") for path in document["paths"])
    schemas = document["components"]["schemas"]
    assert {"PersonCheck", "PersonAsked", "CheckAnswer", "RecordDisclosed"} <= schemas.keys()
    used = {
        ref.rpartition("/")[2] for ref in _references(document) if ref.startswith("#/components/")
    }
    assert used <= schemas.keys()
    whole = (await client.get("/openapi.json")).json()
    assert not any(path.startswith("/ppss/") for path in whole["paths"])
    assert "/api/v1/partners" in whole["paths"]


def _references(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [ref for value in node.values() for ref in _references(value)]
    if isinstance(node, list):
        return [ref for value in node for ref in _references(value)]
    return []


async def test_the_reference_client_is_answered(partners: Partners) -> None:
    example = reference_client()
    with bridged(partners.platform.client) as http:
        client = example.PartnerClient(
            BASE, partners.keys["s-sandbox"], "j.smith", "social worker", "ATH-ISA-00", http
        )
        asked = {
            "person": {
                "family_name": "Morgan",
                "given_names": "Alex",
                "date_of_birth": "1990-04-12",
            },
            "purpose": "safeguarding",
            "reason": "A referral from a school",
            "case_reference": "CASE-1",
        }
        answer = await asyncio.to_thread(client.check, asked, "once")
        assert answer["result"] == "match"
        assert await asyncio.to_thread(client.check, asked, "once") == answer
        assert (await asyncio.to_thread(client.disclosures))["lines"] == []
        item = {key: asked[key] for key in ("person", "case_reference")} | {"reference": "r1"}
        batch = {"purpose": "safeguarding", "reason": "A yearly look", "checks": [item]}
        sent = await asyncio.to_thread(client.submit_batch, batch)
        await BatchWorker(partners.platform.runtime.checks).answer_waiting()
        assert (await asyncio.to_thread(client.batch, sent["address"]))["state"] == "done"
        (line,) = await asyncio.to_thread(client.batch_results, sent["address"])
        assert (line["reference"], line["answer"]["result"]) == ("r1", "match")
        assert (await asyncio.to_thread(client.cancel_batch, sent["address"]))["state"] == "done"
        with pytest.raises(example.RefusedError) as refused:
            await asyncio.to_thread(client.check, {**asked, "purpose": "custody"})
    assert refused.value.type == "purpose-not-allowed"


async def test_no_call_without_its_signature_reads_the_body(partners: Partners) -> None:
    answer = await partners.platform.client.post(
        CHECKS, content=question(), headers={"Content-Type": "application/json"}
    )
    assert answer.json()["type"] == "urn:athena:problem:signature-missing"


async def test_only_the_client_body_and_oversight_read_who_may_ask(partners: Partners) -> None:
    platform: Platform = partners.platform
    seen = {}
    for account in ("amo.admin", "auditor", "officer.essex", "admin.essex", "amo.finance"):
        answer = await platform.client.get(
            "/api/v1/partners", headers=await platform.headers(account)
        )
        seen[account] = answer.status_code
    assert seen == {
        "amo.admin": 200,
        "auditor": 200,
        "officer.essex": 403,
        "admin.essex": 403,
        "amo.finance": 403,
    }


async def test_a_force_that_leaves_takes_what_was_told_of_it(partners: Partners) -> None:
    platform, slug = partners.platform, "t-told"
    await create_force(platform, slug, "86")
    await until_known(platform, slug)
    created = await platform.create(f"records.{slug}", person("Told", "Tilda", "1977-07-07"))
    assert created.status_code == 201, created.text
    await platform.runtime.searcher.names.refresh()
    await partners.agree("a-shelter", agreement("ATH-ISA-7303", "a-shelter", owners=(slug,)))
    asker = partners.asker("a-shelter", "ATH-ISA-7303")
    asked = {"family_name": "Told", "given_names": "Tilda", "date_of_birth": "1977-07-07"}
    assert (await partners.check(asker, **asked)).json()["result"] == "match"
    archive = await export(platform, f"records.{slug}")
    await suspend(platform, slug)
    body = {"checksum": archive.manifest.checksum}
    done = await post(platform, "amo.admin", f"tenants/{slug}/offboard", **body)
    assert done.status_code == 200, done.text
    tables = done.json()["statement"]["tables"]
    for table in ("sharing.disclosure", "sharing.disclosure_payload"):
        assert tables[table] == {"before": 1, "after": 0}
    assert (await partners.check(asker, **asked)).json()["result"] == "no_match"
