"""Partners in every state that a call can meet, and calls that are changed to be refused."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from athena.policies.agreements.signing import key_id, raw_public_key
from athena.sharing.ppss.signatures.signing import Asker, signed_headers
from support.api import Platform
from support.partners import BASE, CHECKS, Partners, agreement, person, question

GOOD = "ATH-ISA-7101"
KNOWN = {"family_name": "Okonkwo", "given_names": "Adaeze", "date_of_birth": "1984-03-12"}
LEDGER = "/ppss/v1/disclosures"
SUBMISSIONS = "/ppss/v1/submissions"
PAST = {"valid_from": "2024-04-01", "valid_to": "2025-03-31"}
AGREEMENTS: dict[str, dict[str, Any]] = {
    "ATH-ISA-7102": {**PAST},
    "ATH-ISA-7103": {"status": "suspended", "suspended_reason": "A breach"},
    "ATH-ISA-7104": {"review_due": "2026-05-01"},
    "ATH-ISA-7105": {"dpia_expires": "2026-05-01"},
    "ATH-ISA-7106": {"valid_from": "2030-04-01", "review_due": "2030-05-01"},
    "ATH-ISA-7107": {"status": "out_for_signature"},
    "ATH-ISA-7108": {},
    "ATH-ISA-7109": {},
    "ATH-ISA-7110": {},
    "ATH-ISA-7111": {},
    "ATH-ISA-7112": {
        "parties": [
            {"tenant": "essex", "role": "owner"},
            {"tenant": "essex", "role": "recipient"},
            {"tenant": "a-shelter", "role": "owner"},
            {"tenant": "a-shelter", "role": "partner"},
        ],
        "signatories": [
            {"tenant": tenant, "office": "Chief officer", "signed_on": "2026-03-16"}
            for tenant in ("essex", "a-shelter")
        ],
    },
}
SHARES = "ATH-ISA-7112"
"""The agreement under which the partner tells Essex something too."""
ASKED, TOLD = "asked-before-by-this-partner", "told-before-by-this-partner"
"""The idempotency keys, and the nonces, of a check and a submission that were answered."""


@dataclass
class Call:
    """A call that would be answered, to be changed before or after it is signed."""

    asker: Asker
    method: str = "POST"
    path: str = CHECKS
    signed_path: str | None = None
    body: bytes = field(default_factory=lambda: question(**KNOWN))
    sent_body: bytes | None = None
    key: str | None = field(default_factory=lambda: uuid4().hex)
    now: datetime | None = None
    nonce: str | None = None
    more: dict[str, str] = field(default_factory=dict)
    after: dict[str, str | None] = field(default_factory=dict)
    """Fields changed, or taken out, once the message was signed."""
    edit: Callable[[dict[str, str]], None] | None = None

    async def send(self, platform: Platform) -> httpx.Response:
        """Sign and send it."""
        headers = signed_headers(
            self.asker,
            self.method,
            BASE + (self.signed_path or self.path),
            self.body,
            idempotency_key=self.key,
            now=self.now,
            nonce=self.nonce,
            more=self.more,
        )
        for name, value in self.after.items():
            headers.pop(name, None)
            if value is not None:
                headers[name] = value
        if self.edit:
            self.edit(headers)
        body = self.body if self.sent_body is None else self.sent_body
        request = platform.client.build_request(
            self.method, BASE + self.path, content=body, headers=headers
        )
        return await platform.client.send(request)


@dataclass
class World:
    """The platform with partners in every state that a call can meet."""

    platform: Platform
    partners: Partners
    askers: dict[str, Asker]

    def call(self, asker: str = "good", **changes: Any) -> Call:
        """Return a call of an asker, with changes."""
        return Call(self.askers[asker], **changes)


async def prepared_world(platform: Platform) -> World:
    """Register the partners, their agreements and keys, and ask and tell something once."""
    partners = Partners(platform)
    for slug in ("a-shelter", "b-clinic", "c-closed"):
        await partners.onboard(slug)
    made = [agreement(GOOD, "a-shelter")]
    made += [agreement(name, "a-shelter", **more) for name, more in AGREEMENTS.items()]
    await partners.agree("a-shelter", *made)
    await partners.agree("b-clinic", agreement("ATH-ISA-7120", "b-clinic"))
    await partners.agree("c-closed", agreement("ATH-ISA-7121", "c-closed"))
    await partners.act("partners/a-shelter/agreements/ATH-ISA-7108/end", {})
    await partners.act("partners/a-shelter/agreements/ATH-ISA-7109/stop", {})
    for reference, caps in (("7110", {"hourly_cap": 1}), ("7111", {"daily_cap": 1})):
        body = {"agreement": f"ATH-ISA-{reference}", **caps}
        await partners.act("partners/a-shelter/agreements", body)
    await partners.act("tenants/c-closed/suspend", {})
    created = await platform.create("officer.essex", person("Okonkwo", "Adaeze", "1984-03-12"))
    assert created.status_code == 201, created.text
    await platform.runtime.searcher.names.refresh()

    def asker(reference: str = GOOD, **changes: Any) -> Asker:
        return partners.asker("a-shelter", reference, **changes)

    revoked, rotated = [await partners.add_key("a-shelter") for _ in range(2)]
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    early = await partners.add_key("a-shelter", valid_from=later)
    await partners.act(f"partners/a-shelter/keys/{identify(revoked)}/revoke", {})
    async with platform.runtime.database.write("athena_amo") as session:
        await session.execute(
            "UPDATE sharing.partner_key SET valid_to = valid_from + interval '1 microsecond' "
            "WHERE key_id = :key",
            {"key": identify(rotated)},
        )
    askers = {
        "good": asker(),
        "unknown key": asker(key=Ed25519PrivateKey.generate()),
        "revoked": asker(key=revoked),
        "rotated": asker(key=rotated),
        "early": asker(key=early),
        "suspended partner": partners.asker("c-closed", "ATH-ISA-7121"),
        "other's agreement": asker("ATH-ISA-7120"),
        "no agreement": asker("ATH-ISA-7999"),
        "forces' agreement": asker("ATH-ISA-01"),
        **{name: asker(name) for name in AGREEMENTS},
    }
    made_world = World(platform, partners, askers)
    for before in (
        made_world.call(key=ASKED, nonce=ASKED, body=asked(given_names="Ngozi")),
        made_world.call(**told(asker=SHARES, key=TOLD, nonce=TOLD)),
    ):
        answer = await before.send(platform)
        assert answer.status_code == 200, answer.text
    return made_world


def identify(key: Ed25519PrivateKey) -> str:
    """Return the id of a key, as a signature names it."""
    return key_id(raw_public_key(key.public_key()))


def replaced(old: str, new: str, name: str = "Signature-Input") -> Callable[[dict[str, str]], None]:
    """Return an edit of a field that was signed."""

    def edit(headers: dict[str, str]) -> None:
        assert old in headers[name], headers[name]
        headers[name] = headers[name].replace(old, new)

    return edit


def broken_signature(headers: dict[str, str]) -> None:
    """Change one bit of the signature."""
    label, _, value = headers["Signature"].partition("=:")
    raw = bytearray(base64.b64decode(value.rstrip(":")))
    raw[0] ^= 1
    headers["Signature"] = f"{label}=:{base64.b64encode(raw).decode()}:"


def doubled(headers: dict[str, str]) -> None:
    """Add a second signature."""
    for name in ("Signature-Input", "Signature"):
        again = headers[name].replace("athena=", "other=", 1)
        headers[name] = f"{headers[name]}, {again}"


def asked(**changes: Any) -> bytes:
    """Return the body of a check with fields set or, where None, taken out."""
    body = json.loads(question(**KNOWN))
    for name, value in changes.items():
        where = body["person"] if name in ("date_of_birth", "given_names", "sex") else body
        where.pop(name, None)
        if value is not None:
            where[name] = value
    return json.dumps(body).encode()


def ago(seconds: int) -> datetime:
    """Return the moment so many seconds ago."""
    return datetime.now(UTC) - timedelta(seconds=seconds)


def told(**changes: Any) -> dict[str, Any]:
    """Return the changes of a call that make it a submission, with fields of its body set."""
    names = ("asker", "key", "nonce", "more")
    call: dict[str, Any] = {name: changes.pop(name) for name in names if name in changes}
    body = {
        "force": "essex",
        "kind": "safeguarding_concern",
        "purpose": "safeguarding",
        "person": KNOWN,
        "case_reference": "CASE-7",
        "concern": "A bruise.",
        **changes,
    }
    return {"path": SUBMISSIONS, "body": json.dumps(body).encode(), **call}
