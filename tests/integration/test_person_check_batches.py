"""Batches of person checks: received whole, answered as single checks are, told and ended."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from athena.sharing.ppss.batches import repository
from athena.sharing.ppss.batches.worker import BatchWorker
from athena.sharing.ppss.signatures.models import PPSS
from athena.sharing.ppss.signatures.repository import run_for
from athena.sharing.ppss.signatures.signing import Asker, signed_headers
from support.api import Platform, running_platform
from support.cluster import Cluster
from support.partners import BASE, Partners, agreement, person

PATH = "/ppss/v1/person-check-batches"
REFERENCES = {"batch-one": "ATH-ISA-7101", "batch-two": "ATH-ISA-7102"}
KNOWN = {"family_name": "Batchwell", "given_names": "Bea", "date_of_birth": "1984-03-12"}


@pytest.fixture(scope="module")
async def platform(
    cluster: Cluster, consortium: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Platform]:
    with cluster.locked():
        name = await cluster.create(consortium)
    directory: Path = tmp_path_factory.mktemp("batches")
    async with running_platform(cluster.store(name), directory) as running:
        yield running
    await cluster.drop(name)


@pytest.fixture(scope="module")
async def partners(platform: Platform) -> Partners:
    made = Partners(platform)
    for slug, reference in REFERENCES.items():
        await made.onboard(slug)
        await made.agree(slug, agreement(reference, slug))
    created = await platform.create("officer.essex", person("Batchwell", "Bea", "1984-03-12"))
    assert created.status_code == 201, created.text
    await platform.runtime.searcher.names.refresh()
    return made


@pytest.fixture
def worker(platform: Platform) -> BatchWorker:
    return BatchWorker(platform.runtime.checks)


def asker(partners: Partners, slug: str = "batch-one") -> Asker:
    return partners.asker(slug, REFERENCES[slug])


def body(*people: dict[str, Any], **changes: Any) -> bytes:
    checks = [
        {"reference": f"r{place}", "person": asked, "case_reference": "CASE-1"}
        for place, asked in enumerate(people)
    ]
    batch = {"purpose": "safeguarding", "reason": "A yearly look", "checks": checks}
    return json.dumps(batch | changes).encode()


def nobody(name: str) -> dict[str, Any]:
    return {"family_name": name, "given_names": "None", "date_of_birth": "1990-01-01"}


async def post(
    partners: Partners, who: Asker, content: bytes, path: str = PATH, key: str | None = None
) -> httpx.Response:
    named = (key or uuid4().hex) if content else None
    headers = signed_headers(who, "POST", BASE + path, content, idempotency_key=named)
    return await partners.platform.client.post(path, content=content, headers=headers)


async def submit(partners: Partners, who: Asker, content: bytes) -> dict[str, Any]:
    answer = await post(partners, who, content)
    assert answer.status_code == 202, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def results(partners: Partners, who: Asker, address: str) -> list[dict[str, Any]]:
    answer = await partners.get(who, f"{address}/results")
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_each_is_answered_as_a_single_check_is(
    partners: Partners, worker: BatchWorker
) -> None:
    who = asker(partners)
    sent = await submit(partners, who, body(nobody("Absent"), KNOWN))
    assert (sent["state"], sent["received"], sent["left"]) == ("running", 2, 2)
    assert await results(partners, who, sent["address"]) == []
    await worker.answer_waiting()
    now = (await partners.get(who, sent["address"])).json()
    assert (now["state"], now["answered"], now["refused"], now["left"]) == ("done", 2, 0, 0)
    first, second = await results(partners, who, sent["address"])
    assert (first["reference"], first["answer"]["result"]) == ("r0", "no_match")
    assert (second["reference"], second["answer"]["result"]) == ("r1", "match")
    single = (await partners.check(who, **KNOWN)).json()
    (batched,), (alone,) = second["answer"]["records"], single["records"]
    assert batched.pop("disclosure_id") != alone.pop("disclosure_id")
    assert batched == alone


async def test_a_batch_is_its_partners_alone(partners: Partners, worker: BatchWorker) -> None:
    sent = await submit(partners, asker(partners), body(nobody("Mine")))
    other = asker(partners, "batch-two")
    for path in (sent["address"], f"{sent['address']}/results"):
        assert (await partners.get(other, path)).status_code == 404
    refused = await post(partners, other, b"", f"{sent['address']}/cancel")
    assert refused.status_code == 404
    listed = (await partners.get(other, PATH)).json()["batches"]
    assert sent["batch_id"] not in {batch["batch_id"] for batch in listed}
    await worker.answer_waiting()


async def test_what_is_cancelled_is_forgotten_unanswered(
    partners: Partners, worker: BatchWorker
) -> None:
    who = asker(partners)
    sent = await submit(partners, who, body(nobody("Gone"), nobody("Gonetoo")))
    stopped = (await post(partners, who, b"", f"{sent['address']}/cancel")).json()
    assert (stopped["state"], stopped["answered"], stopped["left"]) == ("cancelled", 0, 0)
    assert await worker.answer_waiting() == 0
    assert await results(partners, who, sent["address"]) == []


async def test_the_same_key_is_the_same_batch(partners: Partners, worker: BatchWorker) -> None:
    who, key = asker(partners), uuid4().hex
    first = await post(partners, who, body(nobody("Same")), key=key)
    again = await post(partners, who, body(nobody("Same")), key=key)
    assert first.json()["batch_id"] == again.json()["batch_id"]
    other = await post(partners, who, body(nobody("Else")), key=key)
    assert (other.status_code, other.json()["type"].rpartition(":")[2]) == (
        422,
        "idempotency-key-reused",
    )
    await worker.answer_waiting()


async def test_a_claim_lost_after_the_answer_is_not_answered_twice(
    partners: Partners, platform: Platform, worker: BatchWorker
) -> None:
    who = asker(partners)
    sent = await submit(partners, who, body(KNOWN))
    partner = next(iter(await waiting(platform)))
    database = platform.runtime.database
    async with database.write(PPSS) as session:
        await run_for(session, partner)
        item = await repository.claim(session)
        assert item is not None
        assert not await worker.answer_next(partner), "another process passes it over"
        lost = await worker.answer(partner, item)  # and it is never noted
    await worker.answer_waiting()
    (line,) = await results(partners, who, sent["address"])
    assert line["answer"]["check_id"] == str(lost)


async def waiting(platform: Platform) -> list[Any]:
    async with platform.runtime.database.read(PPSS) as session:
        return list(await repository.waiting_partners(session))


async def test_a_spent_cap_pauses_the_rest(
    partners: Partners, platform: Platform, worker: BatchWorker
) -> None:
    await partners.onboard("batch-few")
    reference = "ATH-ISA-7103"
    await partners.agree("batch-few", agreement(reference, "batch-few"), hourly_cap=2)
    who = partners.asker("batch-few", reference)
    sent = await submit(partners, who, body(*(nobody(f"Few{letter}") for letter in "abc")))
    await worker.answer_waiting()
    now = (await partners.get(who, sent["address"])).json()
    assert (now["state"], now["answered"], now["left"]) == ("paused", 2, 1)
    assert now["paused_because"] == "hourly-quota-spent"
    assert await waiting(platform) == []


async def test_an_ended_agreement_refuses_the_rest(partners: Partners, worker: BatchWorker) -> None:
    await partners.onboard("batch-late")
    reference = "ATH-ISA-7104"
    late = agreement(reference, "batch-late")
    await partners.agree("batch-late", late)
    who = partners.asker("batch-late", reference)
    sent = await submit(partners, who, body(nobody("Latea"), nobody("Lateb")))
    await partners.act(f"partners/batch-late/agreements/{reference}/end", {})
    await worker.answer_waiting()
    now = (await partners.get(who, sent["address"])).json()
    assert (now["state"], now["answered"], now["refused"]) == ("done", 0, 2)


async def test_one_too_many_is_refused_whole(partners: Partners) -> None:
    who = asker(partners)
    before = (await partners.get(who, PATH)).json()
    answer = await post(partners, who, body(*(nobody("Many") for _ in range(10_001))))
    assert answer.status_code == 422
    assert "10000" in answer.text
    assert (await partners.get(who, PATH)).json() == before


async def test_a_reference_comes_once(partners: Partners) -> None:
    twice = {"reference": "r", "person": nobody("Twice"), "case_reference": "CASE-1"}
    answer = await post(partners, asker(partners), body(checks=[twice, twice]))
    assert answer.status_code == 422
    assert "Give each check a reference of its own" in answer.text


async def test_other_paths_keep_their_smaller_limit(partners: Partners) -> None:
    long = body(*(nobody("Long") for _ in range(1000)))
    answer = await partners.send(asker(partners), long, uuid4().hex)
    assert answer.status_code == 413
