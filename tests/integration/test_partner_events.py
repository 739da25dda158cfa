"""What partners, forces and the client body do with events and corrections, over HTTP."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from asyncpg import PostgresError

from athena.platform.kernel.identity import TenantId
from athena.sharing.ppss.deliveries import repository
from athena.sharing.ppss.deliveries.models import PartnerId
from athena.sharing.ppss.signatures.repository import run_for
from athena.sharing.ppss.signatures.signing import Asker
from support.api import REASON, Platform
from support.cluster import Cluster
from support.records import amend, create_nominal
from support.told_partners import add_events, call, disclose, give_key, register_partner

_numbers = iter(range(1000))
AMO = "/api/v1/partners"
PERSON: dict[str, Any] = {"names": [{"surname": "Told", "given_names": "Was"}], "sex": "F"}


class Desk:
    """A partner with a key, another one beside it, and the platform that they call."""

    def __init__(self, platform: Platform, admin: asyncpg.Connection) -> None:
        self.platform = platform
        self.admin = admin
        self.slugs: list[str] = []
        self.partners: list[int] = []
        self.askers: list[Asker] = []

    async def add(self) -> None:
        slug = f"told-{next(_numbers)}"
        partner = await register_partner(self.admin, slug)
        self.slugs.append(slug)
        self.partners.append(partner)
        self.askers.append(await give_key(self.admin, partner))

    async def ask(self, method: str, path: str, body: Any = None, who: int = 0) -> Any:
        answer = await call(self.platform, self.askers[who], method, path, body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def refused(self, method: str, path: str, body: Any = None, who: int = 0) -> int:
        answer = await call(self.platform, self.askers[who], method, path, body)
        assert answer.headers["content-type"] == "application/problem+json"
        return answer.status_code

    async def member(self, username: str, method: str, path: str, **fields: Any) -> Any:
        headers = await self.platform.headers(username)
        body = {"reason": REASON, **fields} if method == "POST" else None
        return await self.platform.client.request(method, path, json=body, headers=headers)


@pytest.fixture
async def desk(platform: Platform, cluster: Cluster) -> AsyncIterator[Desk]:
    admin = await cluster.admin(platform.runtime.database.address.database)
    made = Desk(platform, admin)
    try:
        await made.add()
        await made.add()
        yield made
    finally:
        await admin.close()


async def test_a_partner_reads_its_own_events_in_order(desk: Desk) -> None:
    mine = await add_events(desk.admin, desk.partners[0], 3)
    theirs = await add_events(desk.admin, desk.partners[1], 1)
    first = await desk.ask("GET", "/events?limit=2")
    assert [event["id"] for event in first["events"]] == mine[:2]
    assert (first["next"], first["last"], first["acknowledged"]) == (2, 3, 0)
    rest = await desk.ask("GET", f"/events?after={first['next']}")
    assert [(event["id"], event["sequence"]) for event in rest["events"]] == [(mine[2], 3)]
    again = await desk.ask("GET", "/events")
    assert again["events"] == [*first["events"], *rest["events"]], "the same however often"
    others = await desk.ask("GET", "/events", who=1)
    assert [event["id"] for event in others["events"]] == theirs


async def test_reading_is_acknowledged_forwards_alone(desk: Desk) -> None:
    await add_events(desk.admin, desk.partners[0], 3)
    path = "/events/acknowledgement"
    assert await desk.ask("POST", path, {"sequence": 2}) == {"acknowledged": 2}
    assert await desk.ask("POST", path, {"sequence": 1}) == {"acknowledged": 2}
    assert await desk.refused("POST", path, {"sequence": 4}) == 422
    assert await desk.refused("POST", path, {"sequence": -1}) == 422
    assert await desk.refused("POST", path, {"sequence": 1, "partner": 1}) == 422
    assert (await desk.ask("GET", "/events"))["acknowledged"] == 2
    assert (await desk.ask("GET", "/events", who=1))["acknowledged"] == 0


@pytest.mark.parametrize("query", ["after=-1", "limit=0", "limit=201", f"after={2**63}", "after=x"])
async def test_a_feed_is_asked_for_plainly(desk: Desk, query: str) -> None:
    assert await desk.refused("GET", f"/events?{query}") == 422


async def test_an_unsigned_call_is_told_nothing(desk: Desk) -> None:
    for method, path in (
        ("GET", "/events"),
        ("POST", "/events/acknowledgement"),
        ("GET", "/platform-key"),
        ("GET", "/corrections"),
        ("POST", f"/corrections/{uuid4()}/acknowledgement"),
    ):
        answer = await desk.platform.client.request(method, f"/ppss/v1{path}")
        assert answer.status_code == 401, path


async def test_the_platform_tells_its_key(desk: Desk) -> None:
    told = await desk.ask("GET", "/platform-key")
    assert len(base64.b64decode(told["public_key"])) == 32
    assert {"@method", "@target-uri", "content-digest"} <= set(told["covered"])


async def test_one_partners_transaction_reaches_nothing_of_another(desk: Desk) -> None:
    await add_events(desk.admin, desk.partners[1], 1)
    async with desk.platform.runtime.database.write("athena_ppss") as session:
        for table in ("partner_event", "partner_stream", "partner_webhook", "correction"):
            assert await session.rows(f"SELECT 1 FROM sharing.{table}") == [], "for nobody"
        await run_for(session, TenantId(desk.partners[0]))
        assert await session.rows("SELECT 1 FROM sharing.partner_event") == []
    with pytest.raises(PostgresError, match="own partner"):
        await number_as(desk, desk.partners[0], desk.partners[1])


async def number_as(desk: Desk, caller: int, partner: int) -> None:
    """Number a partner's events in a transaction that runs for another."""
    async with desk.platform.runtime.database.write("athena_ppss") as session:
        await run_for(session, TenantId(caller))
        await repository.number(session, PartnerId(partner))


async def test_corrections_are_read_and_acknowledged_once(desk: Desk) -> None:
    nominal = await create_nominal(desk.platform, "kent", PERSON)
    given = await disclose(desk.admin, desk.partners[0], "kent", nominal, ["names", "sex"])
    kept = await disclose(desk.admin, desk.partners[1], "kent", nominal, ["names"])
    await amend(desk.platform, "kent", nominal, {**PERSON, "sex": "M"})

    (event,) = (await desk.ask("GET", "/events"))["events"]
    assert (event["kind"], event["about"]["fields"]) == ("correction", ["sex"])
    (told,) = await desk.ask("GET", "/corrections")
    assert told["correction_id"] == event["about"]["correction_id"]
    assert (told["disclosure_id"], told["change"]) == (str(given), "rectified")
    assert await desk.ask("GET", "/corrections", who=1) == []

    async def holdings() -> list[tuple[str, list[str], list[str]]]:
        path = f"/api/v1/nominals/{nominal}/holdings"
        answer = await desk.member("dpo.kent", "GET", path)
        assert answer.status_code == 200, answer.text
        return [(item["disclosure_id"], item["held"], item["wrong"]) for item in answer.json()]

    before = [(str(given), ["names", "sex"], ["sex"]), (str(kept), ["names"], [])]
    assert sorted(await holdings()) == sorted(before)

    path = f"/corrections/{told['correction_id']}/acknowledgement"
    assert await desk.refused("POST", path, {"done": "corrected"}, who=1) == 404
    assert await desk.refused("POST", path, {"done": "ignored"}) == 422
    said = await desk.ask("POST", path, {"done": "not_held"})
    assert (said["done"], said["acknowledged_by"]) == ("not_held", "j.smith")
    assert await desk.ask("POST", path, {"done": "not_held"}) == said, "said twice is once"
    assert await desk.refused("POST", path, {"done": "corrected"}) == 409
    assert await desk.ask("GET", "/corrections") == []
    assert len(await desk.ask("GET", "/corrections?open=false")) == 1
    assert sorted(await holdings()) == sorted([(str(given), [], []), before[1]])

    logged = await desk.admin.fetchval(
        "SELECT count(*) FROM audit.event AS e JOIN audit.content AS c USING (at, event_id) "
        "WHERE e.action = 'corrections.acknowledged' AND c.content ->> 'correction' = $1",
        told["correction_id"],
    )
    assert logged == 1


async def test_a_force_sees_its_own_corrections(desk: Desk) -> None:
    nominal = await create_nominal(desk.platform, "kent", PERSON)
    await disclose(desk.admin, desk.partners[0], "kent", nominal, ["sex"])
    await amend(desk.platform, "kent", nominal, {**PERSON, "sex": "M"})
    found = await desk.member("dpo.kent", "GET", "/api/v1/corrections")
    assert [item["partner"] for item in found.json()].count(desk.slugs[0]) == 1
    other = await desk.member("dpo.essex", "GET", "/api/v1/corrections")
    assert other.json() == []
    theirs = await desk.member("dpo.essex", "GET", f"/api/v1/nominals/{nominal}/holdings")
    assert theirs.json() == []
    for username in ("officer.kent", "amo.admin"):
        refused = await desk.member(username, "GET", "/api/v1/corrections")
        assert refused.status_code == 403, username


async def test_the_client_body_keeps_webhooks(desk: Desk) -> None:
    path = f"{AMO}/{desk.slugs[0]}"
    url = "https://partner.example/athena"
    for bad in ("http://partner.example/", "https://10.0.0.1/", "https://u:p@partner.example/"):
        refused = await desk.member("amo.admin", "POST", f"{path}/webhook", url=bad)
        assert refused.status_code == 422, bad
    for username in ("dpo.kent", "auditor", "amo.finance"):
        refused = await desk.member(username, "POST", f"{path}/webhook", url=url)
        assert refused.status_code == 403, username
    done = await desk.member("amo.admin", "POST", f"{path}/webhook", url=url)
    assert done.status_code == 200, done.text
    shown = (await desk.member("auditor", "GET", f"{path}/deliveries")).json()
    assert (shown["webhook"]["url"], shown["waiting"]) == (url, 0)
    for step in ("restart", "remove"):
        done = await desk.member("amo.admin", "POST", f"{path}/webhook/{step}")
        assert done.status_code == 200, done.text
    gone = await desk.member("amo.admin", "POST", f"{path}/webhook/remove")
    assert gone.status_code == 404
    nobody = await desk.member("amo.admin", "POST", f"{AMO}/nobody/webhook", url=url)
    assert nobody.status_code == 404


async def test_dead_letters_are_seen_and_replayed(desk: Desk) -> None:
    ids = await add_events(desk.admin, desk.partners[0], 3)
    await desk.ask("GET", "/events")  # numbers them
    await desk.admin.execute(
        "UPDATE sharing.partner_event SET state = 'refused', finished_at = now(), attempts = 10, "
        "refusals = 10, last_error = 'http_422' WHERE event_id = ANY($1::uuid[])",
        ids[:2],
    )
    path = f"{AMO}/{desk.slugs[0]}/deliveries"
    shown = (await desk.member("amo.admin", "GET", path)).json()
    assert [item["event_id"] for item in shown["dead_letters"]] == ids[:2]
    assert (shown["waiting"], shown["refused"]) == (1, 2)
    one = await desk.member("amo.admin", "POST", f"{path}/replay", event_id=ids[0])
    assert one.json() == {"replayed": 1}
    again = await desk.member("amo.admin", "POST", f"{path}/replay", event_id=ids[0])
    assert again.status_code == 404
    rest = await desk.member("amo.admin", "POST", f"{path}/replay")
    assert rest.json() == {"replayed": 1}
    shown = (await desk.member("amo.admin", "GET", path)).json()
    assert (shown["waiting"], shown["refused"], shown["dead_letters"]) == (3, 0, [])
