"""Partners in a test's store: registered raw, disclosed to, and a server that they are told by."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from athena.sharing.ppss.signatures.signing import Asker, signed_headers
from support.api import Platform

Answer = Callable[["Received"], "tuple[int, dict[str, str]]"]


@dataclass(frozen=True)
class Received:
    """A request as a partner's server got it."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event_id(self) -> str:
        """The event's id, as the header has it."""
        return self.headers["athena-event-id"]

    @property
    def sequence(self) -> int:
        """The event's number, as the header has it."""
        return int(self.headers["athena-sequence"])


@dataclass
class PartnerServer:
    """A real HTTP server that remembers what it got and answers as it is told."""

    url: str
    received: list[Received] = field(default_factory=list)
    taken: list[Received] = field(default_factory=list)
    """What it answered with a status of the 200s."""
    answer: Answer = lambda _: (204, {})
    closing: threading.Event = field(default_factory=threading.Event)

    def answers_after(self, seconds: float) -> None:
        """Take everything, each after so many seconds, or when the test is over."""

        def answer(_: Received) -> tuple[int, dict[str, str]]:
            self.closing.wait(seconds)
            return 204, {}

        self.answer = answer

    def answers(self, *statuses: int) -> None:
        """Answer with these statuses in turn, and then take everything."""
        left = list(statuses)
        self.answer = lambda _: (left.pop(0) if left else 204, {})


@contextmanager
def partner_server() -> Iterator[PartnerServer]:
    """Run a partner's server on a free port of this machine until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers["content-length"])
            headers = {name.lower(): value for name, value in self.headers.items()}
            received = Received(self.path, headers, self.rfile.read(length))
            told.received.append(received)
            status, more = told.answer(received)
            if 200 <= status < 300:
                told.taken.append(received)
            self.send_response(status)
            for name, value in more.items():
                self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign] # a caller that hangs up
    told = PartnerServer(f"http://127.0.0.1:{server.server_address[1]}/events")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        told.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


class TurnedClock:
    """A clock that a test turns."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def turn(self, **by: float) -> None:
        """Turn the clock on."""
        self.now += timedelta(**by)


async def register_partner(admin: asyncpg.Connection, slug: str, url: str | None = None) -> int:
    """Register a partner, and its webhook where it has one; return its number."""
    number: int = await admin.fetchval(
        "INSERT INTO tenants.tenant (tenant_id, slug, kind, name, login, contact_unit, "
        "contact_email, contact_telephone) SELECT max(tenant_id) + 1, $1, 'partner', $1, "
        "'athena_ppss', 'Desk', 'desk@partner.example', '01632 960999' FROM tenants.tenant "
        "RETURNING tenant_id",
        slug,
    )
    await admin.execute(
        "INSERT INTO sharing.partner (partner_id, clearance, sandbox, opens, closes, username, "
        "reason) VALUES ($1, 'OFFICIAL', false, '08:00', '18:00', 'x', 'Prepared')",
        number,
    )
    if url is not None:
        await admin.execute(
            "INSERT INTO sharing.partner_webhook (partner_id, url, username, reason) "
            "VALUES ($1, $2, 'x', 'Prepared')",
            number,
            url,
        )
    return number


async def add_events(admin: asyncpg.Connection, partner: int, count: int) -> list[str]:
    """Put events into the log, each in a transaction of its own; return their ids in order."""
    force = await admin.fetchval("SELECT tenant_id FROM tenants.tenant WHERE slug = 'kent'")
    return [
        str(
            await admin.fetchval(
                "INSERT INTO sharing.partner_event (owner_force, partner_id, kind, body) "
                "VALUES ($1, $2, 'test', '{\"n\": 1}') RETURNING event_id",
                force,
                partner,
            )
        )
        for _ in range(count)
    ]


async def disclose(
    admin: asyncpg.Connection, partner: int, force: str, nominal: UUID, fields: Sequence[str]
) -> UUID:
    """Put a disclosure into the ledger as if it had been made."""
    disclosure = uuid4()
    async with admin.transaction():
        # Without triggers: the event of a disclosure that a test makes up is nowhere.
        await admin.execute("SET LOCAL session_replication_role = replica")
        await admin.execute(
            "INSERT INTO sharing.disclosure (owner_force, disclosure_id, partner_id, nominal_id, "
            "agreement_id, decision_id, event_id, purpose, asked_by, asked_role, level, fields, "
            "digest) SELECT t.tenant_id, $1, $2, $3, $1, $1, $1, 'safeguarding', 'worker', "
            "'social worker', 'full', $4, sha256('') FROM tenants.tenant AS t WHERE t.slug = $5",
            disclosure,
            partner,
            nominal,
            list(fields),
            force,
        )
    return disclosure


async def disclose_and_correct(admin: asyncpg.Connection, partner: int, force: str) -> None:
    """Leave a row of a force in each table of disclosures and of what partners are told."""
    nominal = uuid4()
    disclosure = await disclose(admin, partner, force, nominal, ["names"])
    await admin.execute(
        "INSERT INTO sharing.disclosure_payload SELECT d.owner_force, d.disclosure_id, "
        "d.partner_id, 'x', 'x' FROM sharing.disclosure AS d WHERE d.disclosure_id = $1",
        disclosure,
    )
    event = await admin.fetchval(
        "INSERT INTO sharing.partner_event (owner_force, partner_id, kind, body) "
        "SELECT t.tenant_id, $1, 'correction', '{}' FROM tenants.tenant AS t WHERE t.slug = $2 "
        "RETURNING event_id",
        partner,
        force,
    )
    await _submit(admin, partner, force)
    await admin.execute(
        "INSERT INTO sharing.correction (owner_force, disclosure_id, partner_id, nominal_id, "
        "event_id, change, fields) SELECT d.owner_force, d.disclosure_id, d.partner_id, "
        "d.nominal_id, $2, 'erased', d.fields FROM sharing.disclosure AS d "
        "WHERE d.disclosure_id = $1",
        disclosure,
        event,
    )


async def _submit(admin: asyncpg.Connection, partner: int, force: str) -> None:
    """Leave a submission to a force, with its words, under no agreement and in no queue."""
    submission = uuid4()
    async with admin.transaction():
        await admin.execute("SET LOCAL session_replication_role = replica")
        await admin.execute(
            "INSERT INTO sharing.submission (owner_force, submission_id, partner_id, "
            "agreement_id, kind, purpose, idempotency_key, request_digest, submitted_by, "
            "submitted_role, clock, due_at) SELECT t.tenant_id, $1, $2, $1, 'address_change', "
            "'safeguarding', $3, sha256(''), 'worker', 'social worker', 'hours:24', now() "
            "FROM tenants.tenant AS t WHERE t.slug = $4",
            submission,
            partner,
            str(submission),
            force,
        )
        await admin.execute(
            "INSERT INTO sharing.submission_content SELECT s.owner_force, s.submission_id, "
            "s.partner_id, 'x', 'x' FROM sharing.submission AS s WHERE s.submission_id = $1",
            submission,
        )


async def give_key(admin: asyncpg.Connection, partner: int) -> Asker:
    """Register a key of a partner's and return who signs with it."""
    asker = Asker(Ed25519PrivateKey.generate(), "j.smith", "social worker", "ATH-ISA-20")
    await admin.execute(
        "INSERT INTO sharing.partner_key (key_id, partner_id, public_key, username, reason) "
        "VALUES ($1, $2, $3, 'x', 'Prepared')",
        asker.key_id,
        partner,
        asker.key.public_key().public_bytes_raw(),
    )
    return asker


async def call(
    platform: Platform, asker: Asker, method: str, path: str, body: Any = None
) -> httpx.Response:
    """Call the partner interface as a partner, signed."""
    content = b"" if body is None else json.dumps(body).encode()
    headers = signed_headers(asker, method, f"http://athena.test/ppss/v1{path}", content)
    return await platform.client.request(
        method, f"/ppss/v1{path}", content=content, headers=headers
    )
