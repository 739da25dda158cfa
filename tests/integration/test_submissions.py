"""What partners submit: into the right force's queue, in no record, and followed to its end."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from athena.sharing.ppss.signatures.signing import Asker, signed_headers
from athena.sharing.ppss.submissions.models import SubmissionKind, due
from athena.sharing.ppss.submissions.service import forget_decided
from support.api import REASON, Platform, running_platform
from support.cluster import Cluster
from support.partners import BASE, Partners, agreement

PATH = "/ppss/v1/submissions"
OFFICERS = "/api/v1/submissions"
REFERENCE, CHECKS_ALONE = "ATH-ISA-7201", "ATH-ISA-7202"
PARTIES = [
    {"tenant": "essex", "role": "owner"},
    {"tenant": "essex", "role": "recipient"},
    {"tenant": "a-school", "role": "partner"},
    {"tenant": "a-school", "role": "owner"},
]
SIGNATORIES = [
    {"tenant": tenant, "office": "Chief officer", "signed_on": "2026-03-16"}
    for tenant in ("essex", "a-school")
]
PERSON = {"family_name": "Quennell", "given_names": "Quilla", "date_of_birth": "2014-02-03"}
CONCERN = "She came to school with a Quorndon bruise."


@pytest.fixture(scope="module")
async def platform(
    cluster: Cluster, consortium: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Platform]:
    with cluster.locked():
        name = await cluster.create(consortium)
    directory: Path = tmp_path_factory.mktemp("submissions")
    async with running_platform(cluster.store(name), directory) as running:
        yield running
    await cluster.drop(name)


@pytest.fixture(scope="module")
async def partners(platform: Platform) -> Partners:
    made = Partners(platform)
    for slug in ("a-school", "another-school"):
        await made.onboard(slug)
    both = agreement(REFERENCE, "a-school", parties=PARTIES, signatories=SIGNATORIES)
    await made.agree("a-school", both, agreement(CHECKS_ALONE, "a-school"))
    await made.agree("another-school", agreement("ATH-ISA-7203", "another-school"))
    return made


@pytest.fixture
async def admin(platform: Platform, cluster: Cluster) -> AsyncIterator[asyncpg.Connection]:
    connection = await cluster.admin(platform.runtime.database.address.database)
    yield connection
    await connection.close()


def concern(**changes: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "force": "essex",
        "kind": "safeguarding_concern",
        "purpose": "safeguarding",
        "person": PERSON,
        "case_reference": "CASE-7",
        "concern": CONCERN,
    }
    return {key: value for key, value in (body | changes).items() if value is not None}


def moved(**changes: Any) -> dict[str, Any]:
    place: dict[str, Any] = {
        "address": {"street": "2 New Street", "town": "Harlow"},
        "moved_on": "2026-11-20",
    }
    return concern(**{"kind": "address_change", "concern": None, **place, **changes})


class School:
    """A partner that submits, and the officers who assess."""

    def __init__(self, partners: Partners) -> None:
        self.partners = partners
        self.client = partners.platform.client
        self.asker = partners.asker("a-school", REFERENCE)

    async def send(
        self, body: dict[str, Any], key: str | None = None, asker: Asker | None = None
    ) -> httpx.Response:
        content = json.dumps(body).encode()
        headers = signed_headers(
            asker or self.asker, "POST", BASE + PATH, content, idempotency_key=key or uuid4().hex
        )
        return await self.client.post(PATH, content=content, headers=headers)

    async def submit(self, body: dict[str, Any]) -> str:
        answer = await self.send(body)
        assert answer.status_code == 200, answer.text
        submission: str = answer.json()["submission_id"]
        return submission

    async def status(self, submission: str) -> tuple[str, str | None]:
        answer = await self.partners.get(self.asker, f"{PATH}/{submission}")
        assert answer.status_code == 200, answer.text
        return answer.json()["status"], answer.json()["declined_because"]

    async def read(self, account: str, path: str = "") -> httpx.Response:
        headers = await self.partners.platform.headers(account)
        return await self.client.get(OFFICERS + path, headers=headers)

    async def assess(self, account: str, path: str, **body: Any) -> httpx.Response:
        headers = await self.partners.platform.headers(account)
        return await self.client.post(
            OFFICERS + path, json={"reason": REASON, **body}, headers=headers
        )

    async def told(self, submission: str) -> list[dict[str, Any]]:
        feed = (await self.partners.get(self.asker, "/ppss/v1/events")).json()
        return [
            event["about"]
            for event in feed["events"]
            if event["kind"] == "submission" and event["about"]["submission_id"] == submission
        ]


@pytest.fixture
def school(partners: Partners) -> School:
    return School(partners)


async def logged(admin: asyncpg.Connection, submission: str) -> list[str]:
    rows = await admin.fetch(
        "SELECT e.action FROM audit.event AS e JOIN audit.content AS c USING (at, event_id) "
        "WHERE c.content ->> 'submission' = $1 ORDER BY e.at, e.action",
        submission,
    )
    return [row[0] for row in rows]


async def items(admin: asyncpg.Connection, submission: str) -> list[asyncpg.Record]:
    found: list[asyncpg.Record] = await admin.fetch(
        "SELECT t.slug, i.* FROM work.item AS i JOIN tenants.tenant AS t "
        "ON t.tenant_id = i.owner_force WHERE i.record_id::text = $1",
        submission,
    )
    return found


async def test_a_concern_lands_in_the_queue_of_its_force_and_in_no_record(
    school: School, admin: asyncpg.Connection
) -> None:
    records = "SELECT (SELECT count(*) FROM records.nominal), (SELECT count(*) FROM records.change)"
    before = await admin.fetchrow(records)
    submission = await school.submit(concern())
    assert await admin.fetchrow(records) == before
    assert await school.status(submission) == ("received", None)
    (item,) = await items(admin, submission)
    assert (item["slug"], item["kind"], item["state"]) == ("essex", "partner_submission", "open")
    assert (item["assignee_role"], item["clock"]) == ("officer", "hours:24")
    assert await logged(admin, submission) == ["submissions.received"]
    queue = {one["submission_id"]: one for one in (await school.read("officer.essex")).json()}
    assert queue[submission]["partner"] == "a-school"
    assert "Quennell" not in json.dumps(queue), "the queue names nobody"
    shown = (await school.read("officer.essex", f"/{submission}")).json()
    assert shown["content"]["concern"] == CONCERN
    assert shown["content"]["person"]["family_name"] == "Quennell"
    assert await logged(admin, submission) == ["submissions.received", "submissions.read"]
    worklist = await school.client.get(
        "/api/v1/worklist", headers=await school.partners.platform.headers("officer.essex")
    )
    assert str(item["item_id"]) in {one["id"] for one in worklist.json()}


async def test_the_words_lie_sealed(school: School, admin: asyncpg.Connection) -> None:
    await school.submit(concern())
    kept = await admin.fetch("SELECT s::text AS line FROM sharing.submission AS s")
    kept += await admin.fetch(
        "SELECT encode(sealed, 'escape') AS line FROM sharing.submission_content"
    )
    assert kept
    assert not [row for row in kept if "Quorndon" in row["line"] or "Quennell" in row["line"]]


async def test_no_other_force_or_role_sees_it(school: School) -> None:
    submission = await school.submit(concern())
    assert (await school.read("officer.kent")).json() == []
    assert (await school.read("officer.kent", f"/{submission}")).status_code == 404
    for account in ("dpo.essex", "records.essex", "amo.admin", "auditor"):
        assert (await school.read(account)).status_code == 403, account
        assert (await school.read(account, f"/{submission}")).status_code == 403, account
        assert (await school.assess(account, f"/{submission}/accept")).status_code == 403, account
    assert (await school.assess("officer.kent", f"/{submission}/accept")).status_code == 404
    other = school.partners.asker("another-school", "ATH-ISA-7203")
    assert (await school.partners.get(other, f"{PATH}/{submission}")).status_code == 404
    assert await school.status(submission) == ("received", None)


async def test_a_partner_follows_it_to_its_acceptance(
    school: School, admin: asyncpg.Connection
) -> None:
    submission = await school.submit(moved())
    begun = await school.assess("officer.essex", f"/{submission}/begin")
    assert begun.status_code == 200, begun.text
    assert await school.status(submission) == ("being_assessed", None)
    (item,) = await items(admin, submission)
    assert item["state"] == "claimed"
    taken = await school.assess("supervisor.essex", f"/{submission}/accept")
    assert taken.status_code == 409, "a colleague is at it"
    assert (await school.assess("officer.essex", f"/{submission}/accept")).status_code == 200
    assert await school.status(submission) == ("accepted", None)
    (item,) = await items(admin, submission)
    assert (item["state"], item["outcome"]) == ("done", "accepted")
    told = await school.told(submission)
    assert [one["status"] for one in told] == ["being_assessed", "accepted"]
    assert {*told[0]} == {"submission_id", "force", "status", "declined_because", "changed_at"}
    assert {"submissions.being_assessed", "submissions.accepted", "submissions.received"} <= {
        *await logged(admin, submission)
    }
    for step in ("begin", "accept"):
        again = await school.assess("officer.essex", f"/{submission}/{step}")
        assert again.status_code == 409, "decided once"
    assert len(await school.told(submission)) == 2


async def test_it_is_declined_for_a_reason_of_the_list(school: School) -> None:
    submission = await school.submit(concern())
    for body in ({}, {"because": "we know the family"}):
        refused = await school.assess("supervisor.essex", f"/{submission}/decline", **body)
        assert refused.status_code == 422
    declined = await school.assess(
        "supervisor.essex", f"/{submission}/decline", because="not_enough_detail"
    )
    assert declined.status_code == 200, declined.text
    assert await school.status(submission) == ("declined", "not_enough_detail")
    (event,) = await school.told(submission)
    assert (event["status"], event["declined_because"]) == ("declined", "not_enough_detail")
    assert REASON not in json.dumps(event)


async def test_the_same_key_is_one_submission(school: School, admin: asyncpg.Connection) -> None:
    first = await school.send(concern(), "once")
    again = await school.send(concern(), "once")
    assert (again.status_code, again.json()) == (200, first.json())
    assert len(await items(admin, first.json()["submission_id"])) == 1
    other = await school.send(concern(concern="Something else."), "once")
    assert other.json()["type"] == "urn:athena:problem:idempotency-key-reused"
    somebody = school.partners.asker("a-school", REFERENCE, user="k.jones")
    assert (await school.send(concern(), "once", somebody)).status_code == 422
    without = signed_headers(school.asker, "POST", BASE + PATH, b"{}")
    refused = await school.client.post(PATH, content=b"{}", headers=without)
    assert refused.status_code in (400, 422)


@pytest.mark.parametrize(
    ("reference", "force", "purpose", "problem"),
    [
        (REFERENCE, "kent", "safeguarding", "submission-not-allowed"),
        (REFERENCE, "nowhere", "safeguarding", "submission-not-allowed"),
        (REFERENCE, "a-school", "safeguarding", "submission-not-allowed"),
        (CHECKS_ALONE, "essex", "safeguarding", "submission-not-allowed"),
        (REFERENCE, "essex", "custody", "purpose-not-allowed"),
        ("ATH-ISA-7203", "essex", "safeguarding", "agreement-not-yours"),
    ],
)
async def test_what_no_agreement_allows_is_refused_whole(
    school: School,
    admin: asyncpg.Connection,
    reference: str,
    force: str,
    purpose: str,
    problem: str,
) -> None:
    count = "SELECT count(*) FROM sharing.submission"
    before = await admin.fetchval(count)
    asker = school.partners.asker("a-school", reference)
    answer = await school.send(concern(force=force, purpose=purpose), asker=asker)
    assert answer.status_code == 403
    assert answer.json()["type"] == f"urn:athena:problem:{problem}"
    assert await admin.fetchval(count) == before


@pytest.mark.parametrize(
    "body",
    [
        concern(concern=None),
        concern(concern="  "),
        concern(concern="a\x07b"),
        concern(concern="x" * 4001),
        concern(address={"town": "Harlow"}),
        concern(moved_on="2026-11-20"),
        concern(state="accepted"),
        concern(kind="rumour"),
        moved(address=None),
        moved(address={}),
        moved(concern="And this."),
        {**concern(), "person": {"family_name": "Only"}},
    ],
)
async def test_what_is_not_whole_is_refused(school: School, body: dict[str, Any]) -> None:
    answer = await school.send(body)
    assert answer.status_code == 422, answer.text
    assert "Quennell" not in answer.text


async def test_the_words_go_ninety_days_after_the_decision(
    school: School, admin: asyncpg.Connection
) -> None:
    database = school.partners.platform.runtime.database
    old, young, waiting = [await school.submit(concern()) for _ in range(3)]
    for submission in (old, young):
        await school.assess("officer.essex", f"/{submission}/accept")
    async with admin.transaction():
        await admin.execute("SET LOCAL session_replication_role = replica")
        for submission, days in ((old, 91), (young, 89), (waiting, 400)):
            await admin.execute(
                "UPDATE sharing.submission SET changed_at = now() - make_interval(days => $2) "
                "WHERE submission_id::text = $1",
                submission,
                days,
            )
    await forget_decided(database, datetime.now(UTC))
    for submission, kept in ((old, False), (young, True), (waiting, True)):
        shown = (await school.read("officer.essex", f"/{submission}")).json()
        assert (shown["content"] is not None) is kept
    assert await school.status(old) == ("accepted", None)
    assert (await logged(admin, old)).count("submissions.forgotten") == 1


def test_a_concern_is_due_within_a_day_and_an_address_within_five_working_days() -> None:
    friday = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)
    concerned = due(SubmissionKind.SAFEGUARDING_CONCERN, friday)
    assert concerned.at == datetime(2026, 11, 28, 10, 0, tzinfo=UTC)
    changed = due(SubmissionKind.ADDRESS_CHANGE, friday)
    assert changed.at == datetime(2026, 12, 5, 0, 0, tzinfo=UTC)
