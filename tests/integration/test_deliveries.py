"""Deliveries to partners: every event arrives, in order, none is lost, duplicates are the same."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from http_message_signatures import HTTPMessageVerifier, HTTPSignatureKeyResolver
from http_message_signatures.algorithms import ED25519

from athena.platform.kernel.database import Database
from athena.platform.kernel.store import Store
from athena.sharing.ppss.deliveries import repository
from athena.sharing.ppss.deliveries.dispatcher import PartnerDispatcher
from athena.sharing.ppss.deliveries.machine import LONGEST_AWAY, MOST_REFUSALS
from athena.sharing.ppss.deliveries.models import PartnerId
from athena.sharing.ppss.deliveries.reach import Reach
from athena.sharing.ppss.deliveries.sending import WebhookSender
from athena.sharing.ppss.deliveries.signing import COVERED, TAG, EventSigner
from support.cluster import Cluster
from support.told_partners import (
    PartnerServer,
    Received,
    TurnedClock,
    add_events,
    partner_server,
    register_partner,
)
from support.waiting import PATIENCE, until

SIGNER = EventSigner(b"s" * 32, 1)
LOOPBACK = Reach.parse("127.0.0.0/8")
START = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
LATER = timedelta(hours=1)


class Site:
    """A store with partners, a clock, and a dispatcher that works by it."""

    def __init__(self, database: Database, admin: asyncpg.Connection, reach: Reach) -> None:
        self.database = database
        self.admin = admin
        self.clock = TurnedClock(START)
        self.sender = WebhookSender(SIGNER, reach, PATIENCE)
        self.impatient = WebhookSender(SIGNER, reach, 1.0)
        self.dispatcher = self.another()

    def another(self, sender: WebhookSender | None = None) -> PartnerDispatcher:
        sender = sender or self.sender
        return PartnerDispatcher(self.database, sender, clock=self.clock, draw=lambda: 0.5)

    async def until(self, end: datetime, step: timedelta = LATER) -> None:
        """Turn the clock on step by step, delivering at each."""
        while self.clock.now < end:
            await self.dispatcher.deliver_due()
            self.clock.now += step
        await self.dispatcher.deliver_due()

    async def webhook(self, partner: int) -> asyncpg.Record:
        query = "SELECT * FROM sharing.partner_webhook WHERE partner_id = $1"
        return await self.admin.fetchrow(query, partner)

    async def states(self, partner: int) -> list[str]:
        query = "SELECT state FROM sharing.partner_event WHERE partner_id = $1 ORDER BY sequence"
        return [row[0] for row in await self.admin.fetch(query, partner)]


@pytest.fixture(scope="module")
async def site(cluster: Cluster, consortium: str) -> AsyncIterator[Site]:
    with cluster.locked():
        name = await cluster.create(consortium)
    database = cluster.store(name).database()
    admin = await cluster.admin(name)
    made = Site(database, admin, LOOPBACK)
    try:
        yield made
    finally:
        await made.sender.close()
        await made.impatient.close()
        await admin.close()
        await database.close()
        await cluster.drop(name)


@pytest.fixture(autouse=True)
async def fresh(site: Site) -> AsyncIterator[None]:
    site.clock.now = START
    yield
    await site.admin.execute("DELETE FROM sharing.partner_event")
    await site.admin.execute("DELETE FROM sharing.partner_webhook")


@pytest.fixture
def server() -> Iterator[PartnerServer]:
    with partner_server() as running:
        yield running


_numbers = iter(range(1000))


async def partner_with(site: Site, url: str | None) -> int:
    return await register_partner(site.admin, f"partner-{next(_numbers)}", url)


def check_signed(got: Received, url: str) -> None:
    """Check a request as a partner must: by the words of RFC 9421 and RFC 9530."""
    digest = base64.b64encode(hashlib.sha256(got.body).digest()).decode()
    assert got.headers["content-digest"] == f"sha-256=:{digest}:"
    label, _, parameters = got.headers["signature-input"].partition("=")
    covered = parameters[1 : parameters.index(")")].replace('"', "").split()
    assert {"@method", "@target-uri", "content-digest", "athena-event-id"} <= set(covered)
    values = {"@method": "POST", "@target-uri": url, **got.headers}
    lines = [f'"{name}": {values[name]}' for name in covered]
    base = "\n".join([*lines, f'"@signature-params": {parameters}'])
    signature = got.headers["signature"].removeprefix(f"{label}=:").removesuffix(":")
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(SIGNER.public_key))
    key.verify(base64.b64decode(signature), base.encode())


async def test_events_arrive_signed_and_in_order(site: Site, server: PartnerServer) -> None:
    partner = await partner_with(site, server.url)
    ids = await add_events(site.admin, partner, 5)
    assert await site.dispatcher.deliver_due() == 5
    assert [got.event_id for got in server.taken] == ids
    assert [got.sequence for got in server.taken] == [1, 2, 3, 4, 5]
    for got in server.taken:
        check_signed(got, server.url)
        told = json.loads(got.body)
        assert (told["id"], told["sequence"]) == (got.event_id, got.sequence)
    assert await site.states(partner) == ["delivered"] * 5
    assert await site.dispatcher.deliver_due() == 0


class _PlatformKey(HTTPSignatureKeyResolver):
    """Knows the platform's key, as a partner does."""

    def resolve_public_key(self, key_id: str) -> Ed25519PublicKey:
        assert key_id == SIGNER.key_id
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(SIGNER.public_key))


async def test_a_library_of_somebody_else_verifies_the_signature(
    site: Site, server: PartnerServer
) -> None:
    partner = await partner_with(site, server.url)
    await add_events(site.admin, partner, 1)
    site.clock.now = datetime.now(UTC)
    await site.dispatcher.deliver_due()
    (got,) = server.taken
    verifier = HTTPMessageVerifier(signature_algorithm=ED25519, key_resolver=_PlatformKey())
    message = httpx.Request("POST", server.url, headers=got.headers, content=got.body)
    (result,) = verifier.verify(message, max_age=timedelta(minutes=5))
    covered = {name.strip('"') for name in result.covered_components}
    assert set(COVERED) <= covered
    assert result.parameters["tag"] == TAG


async def test_a_later_event_waits_for_an_earlier_one(site: Site, server: PartnerServer) -> None:
    partner = await partner_with(site, server.url)
    ids = await add_events(site.admin, partner, 3)
    server.answers(500, 503, 429)
    assert await site.dispatcher.deliver_due() == 1
    assert await site.dispatcher.deliver_due() == 0, "not before its time"
    await site.until(START + timedelta(minutes=2), timedelta(seconds=5))
    assert [got.event_id for got in server.received] == [ids[0]] * 4 + ids[1:]
    assert [got.event_id for got in server.taken] == ids
    assert len({got.body for got in server.received}) == 3, "a duplicate is the same, byte by byte"
    assert (await site.webhook(partner))["failing_since"] is None


async def test_one_partner_holds_no_other_up(site: Site, server: PartnerServer) -> None:
    away = await partner_with(site, "http://127.0.0.1:9/")
    there = await partner_with(site, server.url)
    await add_events(site.admin, away, 2)
    ids = await add_events(site.admin, there, 2)
    await site.dispatcher.deliver_due()
    assert [got.event_id for got in server.taken] == ids
    assert await site.states(away) == ["pending"] * 2
    assert (await site.webhook(away))["last_error"] == "not_reached"


async def test_a_slow_partner_gets_it_twice_under_one_id(site: Site, server: PartnerServer) -> None:
    partner = await partner_with(site, server.url)
    (event,) = await add_events(site.admin, partner, 1)
    server.answers_after(PATIENCE)
    await site.another(site.impatient).deliver_due()
    assert (await site.webhook(partner))["last_error"] == "timed_out"

    async def is_received() -> bool:  # the server reads what the platform no longer waits for
        return len(server.received) == 1

    await until(is_received)
    server.answers()
    site.clock.turn(minutes=1)
    await site.dispatcher.deliver_due()
    assert {got.event_id for got in server.received} == {event}
    assert len(server.received) == 2
    assert await site.states(partner) == ["delivered"]


async def test_retry_after_is_honoured(site: Site, server: PartnerServer) -> None:
    partner = await partner_with(site, server.url)
    await add_events(site.admin, partner, 1)
    server.answer = lambda _: (503, {"Retry-After": "7200"})
    await site.dispatcher.deliver_due()
    assert (await site.webhook(partner))["next_attempt_at"] == START + timedelta(hours=2)
    site.clock.turn(hours=1, minutes=59)
    assert await site.dispatcher.deliver_due() == 0
    server.answers()
    site.clock.turn(minutes=1)
    assert await site.dispatcher.deliver_due() == 1


async def test_no_redirect_is_followed(site: Site, server: PartnerServer) -> None:
    partner = await partner_with(site, server.url)
    await add_events(site.admin, partner, 1)
    with partner_server() as elsewhere:
        server.answer = lambda _: (307, {"Location": elsewhere.url})
        await site.dispatcher.deliver_due()
        assert elsewhere.received == []
    assert (await site.webhook(partner))["last_error"] == "http_307"


async def test_no_address_inside_is_called(site: Site, server: PartnerServer) -> None:
    partner = await partner_with(site, server.url)
    await add_events(site.admin, partner, 1)
    sender = WebhookSender(SIGNER, Reach())
    try:
        await PartnerDispatcher(site.database, sender, clock=site.clock).deliver_due()
    finally:
        await sender.close()
    assert server.received == []
    assert (await site.webhook(partner))["last_error"] == "address_not_allowed"


async def test_gone_for_a_week_nothing_is_lost(site: Site, server: PartnerServer) -> None:
    partner = await partner_with(site, server.url)
    server.answer = lambda _: (503, {})
    ids = []
    for hours in range(11, 24 * LONGEST_AWAY.days, 11):
        ids += await add_events(site.admin, partner, 1)
        await site.until(START + hours * LATER)
    assert server.taken == []
    server.answers()
    site.clock.now = START + LONGEST_AWAY
    await site.dispatcher.deliver_due()
    assert [got.event_id for got in server.taken] == ids
    assert [got.sequence for got in server.taken] == list(range(1, len(ids) + 1))


async def test_gone_for_longer_a_person_starts_it_again(site: Site, server: PartnerServer) -> None:
    partner = await partner_with(site, server.url)
    ids = await add_events(site.admin, partner, 4)
    server.answer = lambda _: (500, {})
    await site.until(START + LONGEST_AWAY + LATER)
    assert (await site.webhook(partner))["stopped_at"] is not None
    asked = len(server.received)
    site.clock.turn(days=30)
    assert await site.dispatcher.deliver_due() == 0, "it isn't called any more"
    server.answers()
    async with site.database.write("athena_amo") as session:
        assert await repository.restart(session, PartnerId(partner))
    await site.dispatcher.deliver_due()
    assert [got.event_id for got in server.received[asked:]] == ids
    assert await site.states(partner) == ["delivered"] * 4


async def test_a_refused_event_becomes_a_dead_letter_that_can_be_replayed(
    site: Site, server: PartnerServer
) -> None:
    partner = await partner_with(site, server.url)
    ids = await add_events(site.admin, partner, 3)
    server.answer = lambda got: (422 if got.event_id == ids[1] else 204, {})
    await site.until(START + timedelta(days=1))
    assert [got.event_id for got in server.taken] == [ids[0], ids[2]]
    assert sum(got.event_id == ids[1] for got in server.received) == MOST_REFUSALS
    assert await site.states(partner) == ["delivered", "refused", "delivered"]
    async with site.database.read("athena_amo") as session:
        (dead,) = await repository.refused(session, PartnerId(partner), 10)
    assert (str(dead.event_id), dead.sequence, dead.last_error) == (ids[1], 2, "http_422")
    server.answers()
    async with site.database.write("athena_amo") as session:
        assert await repository.replay(session, PartnerId(partner), dead.event_id) == 1
        assert await repository.replay(session, PartnerId(partner), dead.event_id) == 0
    await site.dispatcher.deliver_due()
    assert server.taken[-1].event_id == ids[1]
    assert server.taken[-1].sequence == 2


async def test_two_dispatchers_never_serve_one_partner_at_once(
    site: Site, server: PartnerServer
) -> None:
    partner = await partner_with(site, server.url)
    ids = await add_events(site.admin, partner, 12)
    working = most = 0

    def answer(_: Received) -> tuple[int, dict[str, str]]:
        nonlocal working, most
        working += 1
        most = max(most, working)
        server.closing.wait(0.02)
        working -= 1
        return 204, {}

    server.answer = answer
    others = [site.another() for _ in range(3)]
    while "pending" in await site.states(partner):
        await asyncio.gather(*(each.deliver_due() for each in others))
    assert [got.event_id for got in server.received] == ids, "each once, in order"
    assert most == 1


async def test_a_suspended_partner_is_not_called(site: Site, server: PartnerServer) -> None:
    partner = await partner_with(site, server.url)
    await add_events(site.admin, partner, 1)
    change = "UPDATE tenants.tenant SET status = $2 WHERE tenant_id = $1"
    await site.admin.execute(change, partner, "suspended")
    assert await site.dispatcher.deliver_due() == 0
    await site.admin.execute(change, partner, "active")
    assert await site.dispatcher.deliver_due() == 1


async def test_numbers_come_when_events_are_seen_committed(
    site: Site, cluster: Cluster, server: PartnerServer
) -> None:
    """One that was written first and commits last comes after, and the feed misses none."""
    partner = await partner_with(site, None)
    slow = await cluster.admin(site.database.address.database)
    try:
        async with slow.transaction():
            (first,) = await add_events(slow, partner, 1)
            (second,) = await add_events(site.admin, partner, 1)
            await site.dispatcher.number_new()
            async with site.database.read("athena_amo") as session:
                before = await repository.feed(session, PartnerId(partner), 0, 10)
        await site.dispatcher.number_new()
        async with site.database.read("athena_amo") as session:
            after = await repository.feed(
                session, PartnerId(partner), before.events[-1].sequence, 10
            )
    finally:
        await slow.close()
    assert [str(event.event_id) for event in before.events] == [second]
    assert [(str(event.event_id), event.sequence) for event in after.events] == [(first, 2)]


async def test_killed_between_commit_and_delivery(
    site: Site, cluster: Cluster, server: PartnerServer, tmp_path: Path
) -> None:
    partner = await partner_with(site, server.url)
    ids = await add_events(site.admin, partner, 3)
    server.answers_after(PATIENCE)
    process = await a_dispatcher(cluster.store(site.database.address.database))
    try:
        while not server.received and process.returncode is None:
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), 0.05)
        assert process.returncode is None, (await process.communicate())[1].decode()
        server.answers()
        assert await site.dispatcher.deliver_due() == 0, "the other still holds this partner"
    finally:
        process.kill()
        await process.communicate()
    while "pending" in await site.states(partner):
        await site.dispatcher.deliver_due()  # as soon as the server notices that it is gone
    assert [got.event_id for got in server.received] == [ids[0], *ids]
    assert server.received[0].body == server.received[1].body


async def a_dispatcher(store: Store) -> asyncio.subprocess.Process:
    """Start a process that delivers, with ten minutes' patience."""
    told = {
        "host": store.address.host,
        "port": store.address.port,
        "database": store.address.database,
        "secret": store.master_secret.decode(),
    }
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "support.delivering_process",
        json.dumps(told),
        cwd=Path(__file__).parents[1],
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
