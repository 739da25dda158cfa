"""Referrals: the minimum and no more goes to one partner, which answers; late ones escalate."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from athena.sharing.ppss.referrals.escalating import escalate_late
from athena.sharing.ppss.referrals.models import client_body_due, due
from athena.sharing.ppss.signatures.signing import signed_headers
from support.api import REASON, Platform, running_platform
from support.cluster import Cluster
from support.partners import BASE, CONTACT, Partners, agreement, person

OFFICERS, PARTNERS = "/api/v1/referrals", "/ppss/v1/referrals"
REFERENCE, OTHER = "ATH-ISA-7301", "ATH-ISA-7302"
KINDS = {
    "victim_support": {
        "purpose": "safeguarding",
        "must": ["names", "date_of_birth", "addresses"],
        "may": ["sex"],
    }
}


@pytest.fixture(scope="module")
async def platform(
    cluster: Cluster, consortium: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Platform]:
    with cluster.locked():
        name = await cluster.create(consortium)
    directory: Path = tmp_path_factory.mktemp("referrals")
    async with running_platform(cluster.store(name), directory) as running:
        yield running
    await cluster.drop(name)


@pytest.fixture(scope="module")
async def partners(platform: Platform) -> Partners:
    made = Partners(platform)
    for slug, reference in (("a-refuge", REFERENCE), ("b-refuge", OTHER)):
        await made.onboard(slug)
        await made.agree(slug, agreement(reference, slug, referrals=KINDS))
    return made


@pytest.fixture
async def victim(platform: Platform, request: pytest.FixtureRequest) -> str:
    return await _create(platform, f"Vale{request.node.name}")


async def _create(platform: Platform, surname: str, **changes: Any) -> str:
    letters = "".join(letter for letter in surname if letter.isalpha()).title()[:60]
    nominal = person(letters, "Vera", "1988-02-03", **changes)
    created = await platform.create("officer.essex", nominal)
    if created.status_code == 409:
        matches = created.json()["likely_matches"]
        created = await platform.create("officer.essex", nominal, acknowledged_matches=matches)
    assert created.status_code == 201, created.text
    number: str = created.json()["id"]
    return number


class Desk:
    """Officers who refer, and a partner that answers."""

    def __init__(self, partners: Partners, slug: str = "a-refuge") -> None:
        self.partners = partners
        self.client = partners.platform.client
        self.asker = partners.asker(slug, REFERENCE if slug == "a-refuge" else OTHER)

    async def post(self, path: str, account: str = "officer.essex", **body: Any) -> httpx.Response:
        headers = await self.partners.platform.headers(account)
        return await self.client.post(
            OFFICERS + path, json={"reason": REASON, **body}, headers=headers
        )

    async def refer(
        self, nominal: str, path: str = "", account: str = "officer.essex", **changes: Any
    ) -> httpx.Response:
        draft = {
            "nominal_id": nominal,
            "partner": "a-refuge",
            "agreement": REFERENCE,
            "kind": "victim_support",
        }
        return await self.post(path, account, **draft | changes)

    async def sent(self, nominal: str, **changes: Any) -> dict[str, Any]:
        answer = await self.refer(nominal, **changes)
        assert answer.status_code == 200, answer.text
        referral: dict[str, Any] = answer.json()
        return referral

    async def get(self, path: str = "") -> httpx.Response:
        return await self.partners.get(self.asker, PARTNERS + path)

    async def answer(self, referral: str, **body: Any) -> httpx.Response:
        path, content = f"{PARTNERS}/{referral}/acknowledgement", json.dumps(body).encode()
        headers = signed_headers(self.asker, "POST", BASE + path, content)
        return await self.client.post(path, content=content, headers=headers)

    async def one(self, referral: str, account: str = "officer.essex") -> httpx.Response:
        headers = await self.partners.platform.headers(account)
        return await self.client.get(f"{OFFICERS}/{referral}", headers=headers)

    async def late(self) -> list[dict[str, Any]]:
        headers = await self.partners.platform.headers("amo.admin")
        answer = await self.client.get("/api/v1/partners/late-referrals", headers=headers)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()
        return found

    async def told(self, referral: str) -> list[str]:
        feed = (await self.partners.get(self.asker, "/ppss/v1/events")).json()
        return [
            event["about"]["status"]
            for event in feed["events"]
            if event["kind"] == "referral" and event["about"]["referral_id"] == referral
        ]


@pytest.fixture
def desk(partners: Partners) -> Desk:
    return Desk(partners)


@pytest.mark.parametrize(
    ("sent", "until", "further"),
    [
        # a Wednesday: until Friday's end, and further over the weekend
        ("2026-11-25 10:00", "2026-11-28 00:00", "2026-12-01 00:00"),
        # a Friday: over the weekend
        ("2026-11-27 10:00", "2026-12-02 00:00", "2026-12-03 00:00"),
        # over Christmas and Boxing Day's substitute
        ("2026-12-24 10:00", "2026-12-31 00:00", "2027-01-01 00:00"),
        # over Easter, in summer time
        ("2026-04-02 10:00", "2026-04-08 23:00", "2026-04-09 23:00"),
    ],
)
def test_a_partner_has_two_working_days_and_its_force_one_more(
    sent: str, until: str, further: str
) -> None:
    moment = datetime.fromisoformat(sent).replace(tzinfo=UTC)
    by = due(moment).at
    assert by == datetime.fromisoformat(until).replace(tzinfo=UTC)
    assert client_body_due(by) == datetime.fromisoformat(further).replace(tzinfo=UTC)


async def test_what_is_previewed_is_sent_and_nothing_beyond(desk: Desk, victim: str) -> None:
    shown = await desk.refer(victim, "/preview")
    assert shown.status_code == 200, shown.text
    previewed = shown.json()["record"]["person"]
    assert set(previewed) == {"names", "date_of_birth", "addresses"}

    referral = await desk.sent(victim)
    assert referral["fields"] == ["addresses", "date_of_birth", "names"]
    opened = await desk.get(f"/{referral['referral_id']}")
    assert opened.status_code == 200, opened.text
    assert opened.json()["record"]["person"] == previewed
    for withheld in ("07700900123", "violent", "at risk at home"):
        assert withheld not in opened.text
    assert await desk.told(referral["referral_id"]) == ["sent"]

    ledger = (await desk.partners.get(desk.asker, "/ppss/v1/disclosures")).json()["lines"]
    line = next(item for item in ledger if item["disclosure_id"] == referral["disclosure_id"])
    assert (line["asked_by"], line["fields"]) == ("officer.essex", referral["fields"])


async def test_what_may_be_sent_is_sent_when_it_is_chosen(desk: Desk, victim: str) -> None:
    referral = await desk.sent(victim, also=["sex"])
    assert "sex" in referral["fields"]
    beyond = await desk.refer(victim, also=["markers"])
    assert beyond.status_code == 422
    assert "markers" in beyond.json()["detail"]


async def test_a_record_without_the_minimum_is_refused_whole(
    desk: Desk, platform: Platform
) -> None:
    nominal = await _create(platform, "Lacking", addresses=[], date_of_birth=None)
    before = (await desk.get("?open=false")).json()
    refused = await desk.refer(nominal)
    assert refused.status_code == 422, refused.text
    missing = {error["field"] for error in refused.json()["errors"]}
    assert missing == {"/addresses", "/date_of_birth"}
    assert (await desk.get("?open=false")).json() == before
    ledger = (await desk.partners.get(desk.asker, "/ppss/v1/disclosures")).json()["lines"]
    assert "Lacking" not in json.dumps(ledger)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"account": "officer.kent"}, 404),
        ({"account": "dpo.essex"}, 403),
        ({"account": "amo.admin"}, 403),
        ({"partner": "nobody-there"}, 404),
        ({"partner": "b-refuge"}, 404),
        ({"kind": "child_protection"}, 422),
    ],
)
async def test_who_may_refer_to_whom(
    desk: Desk, victim: str, changes: dict[str, str], status: int
) -> None:
    refused = await desk.refer(victim, **changes)
    assert refused.status_code == status, refused.text


async def test_a_record_that_the_agreement_keeps_back_is_not_referred(
    desk: Desk, platform: Platform
) -> None:
    hidden = await _create(platform, "Guarded", marking="OFFICIAL-SENSITIVE")
    refused = await desk.refer(hidden)
    assert refused.status_code == 409, refused.text
    assert "data protection officer" in refused.json()["detail"]


async def test_another_partner_neither_sees_nor_answers_it(desk: Desk, victim: str) -> None:
    referral = (await desk.sent(victim))["referral_id"]
    stranger = Desk(desk.partners, "b-refuge")
    assert (await stranger.get(f"/{referral}")).status_code == 404
    assert (await stranger.answer(referral, status="acknowledged")).status_code == 404
    assert (await stranger.get("?open=false")).json() == []
    assert await stranger.told(referral) == []


DECLINE = {"status": "declined", "because": "not_our_area"}
ASK = {"status": "more_asked", "ask_for": ["sex"]}
TAKE = {"status": "acknowledged"}
WITHDRAW = {"because": "no_longer_needed"}


@pytest.mark.parametrize(
    ("steps", "statuses"),
    [
        ([TAKE, TAKE], [200, 200]),
        ([TAKE, DECLINE], [200, 409]),
        ([TAKE, WITHDRAW, TAKE], [200, 200, 409]),
        ([DECLINE, TAKE, WITHDRAW], [200, 409, 409]),
        ([ASK, ASK, TAKE], [200, 200, 200]),
        ([ASK, DECLINE], [200, 200]),
        ([ASK, WITHDRAW], [200, 200]),
        ([WITHDRAW, WITHDRAW, DECLINE, ASK], [200, 409, 409, 409]),
    ],
)
async def test_who_may_move_it_in_which_state(
    desk: Desk, victim: str, steps: list[dict[str, Any]], statuses: list[int]
) -> None:
    referral = (await desk.sent(victim))["referral_id"]
    answers = [
        (await desk.answer(referral, **step))
        if "status" in step
        else (await desk.post(f"/{referral}/withdraw", **step))
        for step in steps
    ]
    assert [answer.status_code for answer in answers] == statuses
    if WITHDRAW in steps and statuses[steps.index(WITHDRAW)] == 200:
        assert await desk.told(referral) == ["sent", "withdrawn"]
        opened = await desk.get(f"/{referral}")
        assert "record" not in opened.json()


async def test_the_same_referral_waits_once(desk: Desk, victim: str) -> None:
    referral = (await desk.sent(victim))["referral_id"]
    assert (await desk.refer(victim)).status_code == 409
    assert (await desk.answer(referral, **ASK)).status_code == 200
    assert (await desk.sent(victim, also=["sex"]))["referral_id"] != referral


async def test_a_late_one_is_put_before_supervisors_and_then_told_the_client_body(
    desk: Desk, victim: str
) -> None:
    referral = await desk.sent(victim)
    number, platform = referral["referral_id"], desk.partners.platform
    database = platform.runtime.database
    by = datetime.fromisoformat(referral["due_at"])
    further = client_body_due(by)
    assert await escalate_late(database, datetime.now(UTC)) == 0
    assert await escalate_late(database, by) > 0
    assert await escalate_late(database, further - timedelta(seconds=1)) == 0
    assert await desk.told(number) == ["sent", "overdue"]
    assert number not in {item["referral_id"] for item in await desk.late()}
    shown = (await desk.get()).json()
    assert next(r for r in shown if r["referral_id"] == number)["escalated_at"]
    headers = await platform.headers("supervisor.essex")
    items = await desk.client.get("/api/v1/worklist", headers=headers)
    assert number in items.text

    assert await escalate_late(database, further) > 0
    assert await escalate_late(database, further) == 0
    assert await desk.told(number) == ["sent", "overdue", "client_body_told"]
    late = next(r for r in await desk.late() if r["referral_id"] == number)
    assert (late["force"], late["partner"], late["status"]) == ("essex", "a-refuge", "sent")
    assert (late["agreement"], late["contact_unit"]) == (REFERENCE, CONTACT["unit"])
    assert victim not in json.dumps(late)
    one = (await desk.one(number)).json()
    assert one["client_body_told_at"]
    assert one["is_overdue"] is False  # of its own clock it has days to go: the test looked ahead
    feed = (await desk.partners.get(desk.asker, "/ppss/v1/events")).json()["events"]
    meant = [event["about"].get("for_contact") for event in feed if number in str(event)]
    unit = {key: CONTACT[key] for key in ("kind", "unit", "email")}
    assert meant == [None, unit, unit]


async def test_what_is_answered_late_goes_no_further(desk: Desk, victim: str) -> None:
    referral = await desk.sent(victim)
    by = datetime.fromisoformat(referral["due_at"])
    database = desk.partners.platform.runtime.database
    assert await escalate_late(database, by) > 0
    assert (await desk.answer(referral["referral_id"], **TAKE)).status_code == 200
    await escalate_late(database, client_body_due(by))
    assert referral["referral_id"] not in {item["referral_id"] for item in await desk.late()}


async def test_its_own_force_alone_sees_a_referral(desk: Desk, victim: str) -> None:
    referral = await desk.sent(victim)
    shown = await desk.one(referral["referral_id"])
    assert shown.json() == referral
    assert (await desk.one(referral["referral_id"], "officer.kent")).status_code == 404
    assert (await desk.one(referral["referral_id"], "auditor")).status_code == 403
    headers = await desk.partners.platform.headers("officer.essex")
    late = await desk.client.get("/api/v1/partners/late-referrals", headers=headers)
    assert late.status_code == 403


async def test_a_correction_reaches_whoever_was_sent_it(
    desk: Desk, victim: str, platform: Platform
) -> None:
    referral = await desk.sent(victim)
    headers = await platform.headers("officer.essex")
    read = await platform.read("officer.essex", victim)
    amended = await platform.client.put(
        f"/api/v1/nominals/{victim}",
        json={
            "version": read.json()["nominal"]["version"],
            "nominal": person("Corrected", "Vera", "1988-02-03"),
        },
        headers=headers,
    )
    assert amended.status_code == 200, amended.text
    corrections = (await desk.partners.get(desk.asker, "/ppss/v1/corrections")).json()
    found = [c for c in corrections if c["disclosure_id"] == referral["disclosure_id"]]
    assert [correction["fields"] for correction in found] == [["names"]]
