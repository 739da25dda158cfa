"""The partner interface around checks: random agreements, patterns, the sandbox, its OpenAPI."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import httpx
import pytest
import rfc8785

from athena.platform.kernel.identity import FieldGroup, Purpose
from athena.sharing.ppss.batches.worker import BatchWorker
from athena.sharing.ppss.limits.models import Thresholds
from athena.sharing.ppss.person_checks import sandbox
from integration.test_archive import export
from support.api import Platform, running_platform
from support.cluster import ROOT, Cluster
from support.partners import BASE, CHECKS, Partners, agreement, person, question
from support.tenth import create_force, post, until_known

SEED = 20_261_125
AGREEMENTS = 16
SUMMARY = {"names", "sex", "gender", "date_of_birth", "date_of_death", "place_of_birth"}
PEOPLE: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("Okonkwo", "Adaeze", "1984-03-12", {}),
    ("Careful", "Carla", "1991-05-06", {"handling": "C", "conditions": ["A3"]}),
    ("Marked", "Mark", "1979-08-09", {"marking": "OFFICIAL-SENSITIVE"}),
    ("Sensitive", "Sam", "1966-01-31", {"sensitive": True}),
    ("Withheld", "Wendy", "2000-02-29", {"restricted": True}),
)


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
        for surname, given, born, changes in PEOPLE:
            created = await platform.create(
                "records.essex", person(surname, given, born, **changes)
            )
            assert created.status_code == 201, created.text
        await platform.runtime.searcher.names.refresh()
        yield made
    await cluster.drop(name)


def random_terms(random: Random) -> dict[str, Any]:
    """Return the terms of an agreement that can be signed."""
    purposes = {}
    shared = [purpose for purpose in Purpose if purpose is not Purpose.DATA_QUALITY]
    for purpose in random.sample(shared, random.randint(1, 3)):
        level = random.choice(["pointer", "summary", "full", "full", "full"])
        terms: dict[str, Any] = {"level": level}
        if level == "full":
            terms["groups"] = sorted(random.sample(list(FieldGroup), random.randint(1, 7)))
        purposes[purpose.value] = terms
    return {
        "purposes": purposes,
        "marking_ceiling": random.choice(["OFFICIAL", "OFFICIAL-SENSITIVE"]),
        "handling_ceiling": random.choice("PC"),
        "sensitive_processing": random.random() < 0.5,
        "restricted_level": random.choice(["none", "pointer"]),
        "onward_sharing": random.random() < 0.5,
    }


def allowed(terms: dict[str, Any]) -> set[str]:
    """Return the fields that an agreement lets out for a purpose, at the very most."""
    if terms["level"] == "pointer":
        return set()
    return SUMMARY | set(terms.get("groups", []))


async def test_no_answer_has_a_field_that_its_agreement_does_not_list(
    partners: Partners,
) -> None:
    random = Random(SEED)
    made = [
        agreement(f"ATH-ISA-72{number:02}", "a-shelter", **random_terms(random))
        for number in range(AGREEMENTS)
    ]
    await partners.agree("a-shelter", *made)
    told: dict[str, dict[str, Any]] = {}
    levels: set[str] = set()
    for item in made:
        asker = partners.asker("a-shelter", item.reference)
        for purpose, terms in item.model_dump(mode="json")["purposes"].items():
            for surname, given, born, _ in PEOPLE:
                answer = await partners.check(
                    asker,
                    family_name=surname,
                    given_names=given,
                    date_of_birth=born,
                    purpose=purpose,
                )
                assert answer.status_code == 200, answer.text
                for record in answer.json()["records"]:
                    assert set(record.get("person", {})) <= allowed(terms)
                    assert record["level"] in ("pointer", terms["level"])
                    levels.add(record["level"])
                    told[record["disclosure_id"]] = record
    assert levels == {"pointer", "summary", "full"}
    assert len(told) > AGREEMENTS
    async with partners.platform.runtime.database.read("athena_auditor") as session:
        ledger = await session.rows(
            "SELECT disclosure_id, digest, fields, level FROM sharing.disclosure"
        )
    assert {str(line.disclosure_id) for line in ledger} == told.keys()
    for line in ledger:
        record = told[str(line.disclosure_id)]
        assert bytes(line.digest) == hashlib.sha256(rfc8785.dumps(record)).digest()
        assert set(line.fields) == set(record.get("person", {}))
        assert line.level == record["level"]


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
            "WHERE e.kind = 'refusal' AND t.slug = 's-sandbox'"
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


def reference_client() -> ModuleType:
    """Return the client of examples/, which knows nothing of Athena."""
    spec = importlib.util.spec_from_file_location(
        "partner_client", ROOT / "examples" / "partner_client.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


async def test_the_reference_client_is_answered(partners: Partners) -> None:
    example = reference_client()
    loop = asyncio.get_running_loop()

    class Bridge(httpx.BaseTransport):
        """Lets a client that waits reach the application in this process."""

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            sent = partners.platform.client.send(
                httpx.Request(
                    request.method, request.url, headers=request.headers, content=request.read()
                )
            )
            answer = asyncio.run_coroutine_threadsafe(sent, loop).result(30)
            return httpx.Response(answer.status_code, content=answer.content)

    with httpx.Client(transport=Bridge()) as http:
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
    await post(platform, "amo.admin", f"tenants/{slug}/suspend")
    body = {"checksum": archive.manifest.checksum}
    done = await post(platform, "amo.admin", f"tenants/{slug}/offboard", **body)
    assert done.status_code == 200, done.text
    tables = done.json()["statement"]["tables"]
    for table in ("sharing.disclosure", "sharing.disclosure_payload"):
        assert tables[table] == {"before": 1, "after": 0}
    assert (await partners.check(asker, **asked)).json()["result"] == "no_match"
