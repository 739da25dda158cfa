"""Batches of person checks: received whole, answered as single checks are, told and ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from athena.sharing.ppss.batches import repository
from athena.sharing.ppss.batches.service import MOST_WAITING
from athena.sharing.ppss.batches.worker import BatchWorker
from athena.sharing.ppss.signatures.models import PPSS
from athena.sharing.ppss.signatures.repository import run_for
from athena.sharing.ppss.signatures.signing import Asker, signed_headers
from support.api import Platform, running_platform
from support.batches import (
    PATH,
    body,
    checks_of,
    nobody,
    post,
    progress,
    results,
    stopped_by_a_lock,
    submit,
    waiting,
)
from support.cluster import Cluster
from support.partners import BASE, Partners, agreement, person
from support.waiting import PATIENCE, early_in_the_hour

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


@pytest.fixture(scope="module")
async def admin(platform: Platform, cluster: Cluster) -> AsyncIterator[asyncpg.Connection]:
    connection = await cluster.admin(platform.runtime.database.address.database)
    yield connection
    await connection.close()


@pytest.fixture
def worker(platform: Platform) -> BatchWorker:
    return BatchWorker(platform.runtime.checks)


async def onboarded(partners: Partners, slug: str, reference: str, **caps: int) -> Asker:
    """Register a partner with an agreement of its own, and return who asks there."""
    await partners.onboard(slug)
    await partners.agree(slug, agreement(reference, slug), **caps)
    return partners.asker(slug, reference)


def asker(partners: Partners, slug: str = "batch-one") -> Asker:
    return partners.asker(slug, REFERENCES[slug])


async def test_each_is_answered_as_a_single_check_is(
    partners: Partners, worker: BatchWorker
) -> None:
    who = asker(partners)
    sent = await submit(partners, who, body(nobody("Absent"), KNOWN))
    assert (sent["state"], sent["received"], sent["left"]) == ("running", 2, 2)
    assert await results(partners, who, sent) == []
    await worker.answer_waiting()
    now = await progress(partners, who, sent)
    assert (now["state"], now["answered"], now["refused"], now["left"]) == ("done", 2, 0, 0)
    first, second = await results(partners, who, sent)
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
    assert await results(partners, who, sent) == []


async def test_only_so_many_batches_wait(partners: Partners) -> None:
    who, key = asker(partners), uuid4().hex
    sent = [await submit(partners, who, body(nobody("Waits"))) for _ in range(MOST_WAITING)]
    refused = await post(partners, who, body(nobody("Eleventh")), key=key)
    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (
        429,
        "batches-waiting",
    )
    await post(partners, who, b"", f"{sent[0]['address']}/cancel")
    sent.append((await post(partners, who, body(nobody("Eleventh")), key=key)).json())
    for batch in sent[1:]:
        stopped = await post(partners, who, b"", f"{batch['address']}/cancel")
        assert stopped.json()["state"] == "cancelled"


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
    (line,) = await results(partners, who, sent)
    assert line["answer"]["check_id"] == str(lost)


async def test_a_spent_cap_pauses_the_rest(
    partners: Partners, platform: Platform, worker: BatchWorker
) -> None:
    who = await onboarded(partners, "batch-few", "ATH-ISA-7103", hourly_cap=2)
    await early_in_the_hour()
    sent = await submit(partners, who, body(*(nobody(f"Few{letter}") for letter in "abc")))
    await worker.answer_waiting()
    now = await progress(partners, who, sent)
    assert (now["state"], now["answered"], now["left"]) == ("paused", 2, 1)
    assert now["paused_because"] == "hourly-quota-spent"
    assert await waiting(platform) == []
    await post(partners, who, b"", f"{sent['address']}/cancel")  # before the next hour begins


async def test_an_ended_agreement_refuses_the_rest(partners: Partners, worker: BatchWorker) -> None:
    who = await onboarded(partners, "batch-late", "ATH-ISA-7104")
    sent = await submit(partners, who, body(nobody("Latea"), nobody("Lateb")))
    await partners.act("partners/batch-late/agreements/ATH-ISA-7104/end", {})
    await worker.answer_waiting()
    now = await progress(partners, who, sent)
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


async def test_a_long_body_is_not_read_for_strangers(partners: Partners) -> None:
    content, read = body(*(nobody("Long") for _ in range(1000))), 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal read
        for start in range(0, len(content), 4096):
            read += 1
            yield content[start : start + 4096]

    stranger = Asker(Ed25519PrivateKey.generate(), "j.smith", "social worker", "ATH-ISA-7101")
    for headers, slug in (
        ({}, "signature-missing"),
        (signed_headers(stranger, "POST", BASE + PATH, content), "key-unknown"),
    ):
        answer = await partners.platform.client.post(PATH, content=pieces(), headers=headers)
        assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (401, slug)
    assert read == 0
    declared = {"Content-Length": "4194305"}
    answer = await partners.platform.client.post(PATH, content=pieces(), headers=declared)
    assert (answer.status_code, read) == (413, 0)


async def test_other_paths_keep_their_smaller_limit(partners: Partners) -> None:
    long = body(*(nobody("Long") for _ in range(1000)))
    answer = await partners.send(asker(partners), long, uuid4().hex)
    assert answer.status_code == 413


async def test_a_revoked_key_stops_the_rest(partners: Partners, worker: BatchWorker) -> None:
    who = await onboarded(partners, "batch-thief", "ATH-ISA-7105")
    sent = await submit(partners, who, body(nobody("Stolena"), nobody("Stolenb")))
    assert await worker.answer_next((await waiting(partners.platform))[0])
    await partners.act(f"partners/batch-thief/keys/{who.key_id}/revoke", {})
    partners.keys["batch-thief"] = await partners.add_key("batch-thief")
    await worker.answer_waiting()
    who = partners.asker("batch-thief", "ATH-ISA-7105")
    answered, refused = await results(partners, who, sent)
    assert (answered["status"], refused["status"]) == ("answered", "refused")
    assert refused["problem"] == "key-revoked"


async def test_what_is_refused_to_one_is_refused_to_it_alone(
    partners: Partners, platform: Platform, worker: BatchWorker, admin: asyncpg.Connection
) -> None:
    who = asker(partners)
    sent = await submit(partners, who, body(nobody("Alonea"), nobody("Aloneb")))
    (partner,) = await waiting(platform)
    async with platform.runtime.database.write(PPSS) as session:
        await run_for(session, partner)
        item = await repository.claim(session)
        assert item is not None
        answered = await worker.answer(partner, item)  # noted too late: its answer is gone
    await admin.execute("DELETE FROM sharing.partner_answer WHERE check_id = $1", answered)
    await worker.answer_waiting()
    first, second = await results(partners, who, sent)
    assert (first["status"], first["problem"]) == ("refused", "answer-gone")
    assert second["status"] == "answered"


async def test_partners_take_turns(
    partners: Partners, worker: BatchWorker, admin: asyncpg.Connection
) -> None:
    started = await admin.fetchval("SELECT clock_timestamp()")
    many = await submit(partners, asker(partners), body(*(nobody(f"Turn{c}") for c in "abcdef")))
    other = asker(partners, "batch-two")
    few = await submit(partners, other, body(nobody("Turnx"), nobody("Turny")))
    assert await worker.answer_waiting() == 8
    rows = await admin.fetch(
        "SELECT idempotency_key FROM sharing.partner_check WHERE at >= $1 ORDER BY at", started
    )
    batches = [row["idempotency_key"].split("/")[1] for row in rows]
    both = {many["batch_id"], few["batch_id"]}
    assert [set(batches[0:2]), set(batches[2:4])] == [both, both]
    assert set(batches[4:]) == {many["batch_id"]}


async def test_results_end_with_what_was_told(
    partners: Partners, platform: Platform, worker: BatchWorker
) -> None:
    nominal = person("Batchleaver", "Lena", "1966-06-06")
    created = await platform.create("officer.essex", nominal)
    assert created.status_code == 201, created.text
    await platform.runtime.searcher.names.refresh()
    who = asker(partners)
    lena = {"family_name": "Batchleaver", "given_names": "Lena", "date_of_birth": "1966-06-06"}
    sent = await submit(partners, who, body(lena))
    await worker.answer_waiting()
    (told,) = await results(partners, who, sent)
    assert told["answer"]["result"] == "match"
    erased = await platform.client.request(
        "DELETE",
        f"/api/v1/nominals/{created.json()['id']}?version=1",
        headers=await platform.headers("records.essex"),
    )
    assert erased.status_code == 204, erased.text
    (gone,) = await results(partners, who, sent)
    assert (gone["status"], gone.get("answer")) == ("gone", None)


async def test_sending_and_cancelling_are_logged(
    partners: Partners, admin: asyncpg.Connection
) -> None:
    who = asker(partners)
    sent = await submit(partners, who, body(nobody("Logged")))
    await post(partners, who, b"", f"{sent['address']}/cancel")
    rows = await admin.fetch(
        "SELECT e.action, c.content::text AS content FROM audit.event AS e "
        "JOIN audit.content AS c USING (at, event_id) WHERE c.content ->> 'batch' = $1 "
        "ORDER BY e.at",
        sent["batch_id"],
    )
    assert [row["action"] for row in rows] == [
        "person_check_batches.submit",
        "person_check_batches.cancel",
    ]
    assert "Logged" not in "".join(row["content"] for row in rows)


async def test_the_worker_answers_and_forgets_until_it_is_stopped(
    partners: Partners, worker: BatchWorker, admin: asyncpg.Connection
) -> None:
    who = asker(partners)
    old = await submit(partners, who, body(nobody("Oldbatch")))
    await admin.execute(
        "UPDATE sharing.partner_batch SET received_at = now() - interval '8 days' "
        "WHERE batch_id = $1",
        UUID(old["batch_id"]),
    )
    sent = await submit(partners, who, body(nobody("Runa"), nobody("Runb")))
    running = asyncio.create_task(worker.run())
    async with asyncio.timeout(PATIENCE):
        while (now := await progress(partners, who, sent))["state"] != "done":
            assert not running.done()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    assert running.cancelled()
    assert (now["answered"], now["left"], now["estimated_seconds_left"]) == (2, 0, None)
    assert (await partners.get(who, old["address"])).status_code == 404


async def test_the_time_left_is_told_by_the_pace(
    partners: Partners, platform: Platform, worker: BatchWorker
) -> None:
    who = asker(partners)
    sent = await submit(partners, who, body(*(nobody(f"Pace{letter}") for letter in "abc")))
    assert sent["estimated_seconds_left"] is None
    (partner,) = await waiting(platform)
    await worker.answer_next(partner)
    assert (await progress(partners, who, sent))["estimated_seconds_left"] == 120
    await worker.answer_waiting()


@pytest.mark.parametrize(
    ("slug", "reference", "table", "kept"),
    [
        ("batch-killed-before", "ATH-ISA-7106", "partner_answer", 0),
        ("batch-killed-after", "ATH-ISA-7107", "partner_batch_item", 1),
    ],
)
async def test_killed_in_the_midst_nothing_is_lost_or_answered_twice(
    partners: Partners,
    platform: Platform,
    worker: BatchWorker,
    admin: asyncpg.Connection,
    cluster: Cluster,
    tmp_path: Path,
    slug: str,
    reference: str,
    table: str,
    kept: int,
) -> None:
    """The process stands before its answer is kept, or after that and before it is noted."""
    who = await onboarded(partners, slug, reference)
    sent = await submit(partners, who, body(KNOWN, nobody("Killeda"), nobody("Killedb")))
    batch = UUID(sent["batch_id"])
    await stopped_by_a_lock(cluster, platform, admin, tmp_path, table)
    before = await checks_of(admin, batch)
    assert len(before) == kept
    async with asyncio.timeout(PATIENCE):
        while await waiting(platform):  # as soon as the server notices that the other is gone
            await worker.answer_waiting()
    after = await checks_of(admin, batch)
    assert len(after) == 3
    assert before <= after
    lines = await results(partners, who, sent)
    assert [line["status"] for line in lines] == ["answered"] * 3
    assert {UUID(line["answer"]["check_id"]) for line in lines} == after
