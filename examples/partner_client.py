"""A partner's client of the Police and Partner Sharing Service, to read and to start from.

It needs Python 3.11 and three packages, and nothing of Athena itself:

    pip install cryptography httpx "http-message-signatures>=3,<4"

    export PPSS_URL=https://athena.example PPSS_KEY=my-key.pem PPSS_AGREEMENT=ATH-ISA-00
    export PPSS_USER=j.smith PPSS_ROLE="social worker"
    python partner_client.py keygen my-key
    python partner_client.py check --family-name Morgan --given-names Alex --born 1990-04-12 \
        --purpose safeguarding --reason "A referral from a school" --case CASE-1
    python partner_client.py corrections

Every message is signed (RFC 9421) over its method, target, body, date, and over who asks under
which agreement; the server takes each message once, for two minutes.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import secrets
import sys
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from http_message_signatures import HTTPMessageSigner, HTTPSignatureKeyResolver
from http_message_signatures.algorithms import ED25519

COVERED = (
    "@method",
    "@target-uri",
    "content-digest",
    "date",
    "athena-user",
    "athena-role",
    "athena-agreement",
)


class RefusedError(Exception):
    """The service answered with a problem (RFC 9457): ``type`` says which."""

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(f"{problem.get('title')}: {problem.get('detail')}")
        self.type = str(problem.get("type", "")).rpartition(":")[2]
        self.problem = problem


class _OwnKey(HTTPSignatureKeyResolver):
    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    def resolve_private_key(self, key_id: str) -> Ed25519PrivateKey:
        assert key_id
        return self._key


@dataclass
class PartnerClient:
    """Asks for one user of a partner, under one agreement."""

    url: str
    key: Ed25519PrivateKey
    user: str
    role: str
    agreement: str
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=30))

    @property
    def key_id(self) -> str:
        """The id that the key has when it is registered: the SHA-256 of its public half."""
        public = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return hashlib.sha256(public).hexdigest()

    def check(self, question: dict[str, Any], idempotency_key: str | None = None) -> dict[str, Any]:
        """Ask about a person. Sent again under the same key, it has the same answer."""
        body = json.dumps(question).encode()
        key = idempotency_key or uuid.uuid4().hex
        return self._call("POST", "/ppss/v1/person-checks", body, key)

    def disclosures(self) -> dict[str, Any]:
        """Return what was disclosed to the partner, the newest first."""
        return self._call("GET", "/ppss/v1/disclosures", b"", None)

    def events(self, after: int) -> dict[str, Any]:
        """Return what the partner is told, after an event's number."""
        return self._call("GET", f"/ppss/v1/events?after={after}", b"", None)

    def read_up_to(self, sequence: int) -> dict[str, Any]:
        """Say up to which event the partner has read."""
        body = json.dumps({"sequence": sequence}).encode()
        return self._call("POST", "/ppss/v1/events/acknowledgement", body, None)

    def corrections(self) -> list[dict[str, Any]]:
        """Return the corrections that the partner hasn't acknowledged, the oldest first."""
        found: list[dict[str, Any]] = self._call("GET", "/ppss/v1/corrections", b"", None)
        return found

    def acknowledge(self, correction: str, done: str) -> dict[str, Any]:
        """Say what was done about a correction: corrected, erased or not_held."""
        path = f"/ppss/v1/corrections/{correction}/acknowledgement"
        return self._call("POST", path, json.dumps({"done": done}).encode(), None)

    def referrals(self) -> list[dict[str, Any]]:
        """Return what was referred to the partner and waits for its answer."""
        found: list[dict[str, Any]] = self._call("GET", "/ppss/v1/referrals", b"", None)
        return found

    def referral(self, referral: str) -> dict[str, Any]:
        """Return a referral with what was sent of the person."""
        found: dict[str, Any] = self._call("GET", f"/ppss/v1/referrals/{referral}", b"", None)
        return found

    def answer_referral(self, referral: str, answer: dict[str, Any]) -> dict[str, Any]:
        """Say what becomes of a referral: a status, with ``because`` or ``ask_for``."""
        path = f"/ppss/v1/referrals/{referral}/acknowledgement"
        said: dict[str, Any] = self._call("POST", path, json.dumps(answer).encode(), None)
        return said

    def _call(self, method: str, path: str, body: bytes, idempotency_key: str | None) -> Any:
        url = self.url.rstrip("/") + path
        request = self.http.build_request(
            method, url, content=body, headers=self._fields(body, idempotency_key)
        )
        covered = list(COVERED)
        if body:
            covered.append("content-type")
        if idempotency_key:
            covered.append("idempotency-key")
        signer = HTTPMessageSigner(signature_algorithm=ED25519, key_resolver=_OwnKey(self.key))
        signer.sign(
            _View(method, url, request.headers),
            key_id=self.key_id,
            nonce=secrets.token_urlsafe(24),
            tag="athena-ppss",
            covered_component_ids=tuple(covered),
            use_existing_digest=True,
        )
        answer = self.http.send(request)
        document = answer.json()
        if answer.is_error:
            raise RefusedError(document)
        return document

    def _fields(self, body: bytes, idempotency_key: str | None) -> dict[str, str]:
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        fields = {
            "Date": format_datetime(datetime.now(UTC), usegmt=True),
            "Content-Digest": f"sha-256=:{digest}:",
            "Athena-User": self.user,
            "Athena-Role": self.role,
            "Athena-Agreement": self.agreement,
        }
        if body:
            fields["Content-Type"] = "application/json"
        if idempotency_key:
            fields["Idempotency-Key"] = idempotency_key
        return fields


@dataclass
class _View:
    method: str
    url: str
    headers: httpx.Headers


def make_keys(name: str) -> str:
    """Make a key pair, NAME.pem and NAME.pub.pem; the private half stays with you."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with os.fdopen(os.open(f"{name}.pem", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as f:
        f.write(private)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    Path(f"{name}.pub.pem").write_bytes(public)
    return f"Have {name}.pub.pem registered, and keep {name}.pem to yourself."


def sign_agreement(document: Path, key: Ed25519PrivateKey) -> dict[str, Any]:
    """Return your detached signature of an agreement, as it was handed to you: RFC 8785 bytes."""
    signed = document.read_bytes().removesuffix(b"\n")
    agreement = json.loads(signed)
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {
        "agreement": agreement["id"],
        "version": agreement["version"],
        "digest": hashlib.sha256(signed).hexdigest(),
        "key": hashlib.sha256(public).hexdigest(),
        "signature": key.sign(signed).hex(),
    }


def load_key(path: str) -> Ed25519PrivateKey:
    """Return the private key of a file."""
    key = load_pem_private_key(Path(path).read_bytes(), None)
    assert isinstance(key, Ed25519PrivateKey)
    return key


def parse() -> argparse.Namespace:
    """Return what the command line asks for; PPSS_URL and its like stand for options."""
    options = argparse.ArgumentParser(description="Play a partner organisation.")
    for name in ("url", "key", "agreement", "user", "role"):
        options.add_argument(f"--{name}", default=os.environ.get(f"PPSS_{name.upper()}", ""))
    commands = options.add_subparsers(dest="command", required=True)
    commands.add_parser("keygen", help="make a key pair").add_argument("name")
    sign = commands.add_parser("sign", help="sign an agreement")
    sign.add_argument("document", type=Path)
    sign.add_argument("signing_key")
    check = commands.add_parser("check", help="ask about a person")
    for name in ("family-name", "given-names", "purpose", "reason", "case"):
        check.add_argument(f"--{name}", required=True)
    check.add_argument("--born")
    commands.add_parser("disclosures", help="list what you were told")
    events = commands.add_parser("events", help="read what happened")
    events.add_argument("--after", type=int, default=0)
    commands.add_parser("read", help="say what you read").add_argument("sequence", type=int)
    commands.add_parser("corrections", help="list what is wrong by now")
    done = commands.add_parser("acknowledge", help="say what you did about a correction")
    done.add_argument("correction")
    done.add_argument("done", choices=("corrected", "erased", "not_held"))
    waiting = commands.add_parser("referrals", help="list what waits for your answer, or open one")
    waiting.add_argument("referral", nargs="?")
    answer = commands.add_parser("answer-referral", help="say what becomes of a referral")
    answer.add_argument("referral")
    answer.add_argument("status", choices=("acknowledged", "declined", "more_asked"))
    answer.add_argument("--because", help="why you decline it")
    answer.add_argument("--ask-for", nargs="+", metavar="FIELD", help="what else you need")
    return options.parse_args()


def ask(given: argparse.Namespace) -> Any:
    """Return the service's answer to a command."""
    client = PartnerClient(given.url, load_key(given.key), given.user, given.role, given.agreement)
    if given.command == "check":
        person = {"family_name": given.family_name, "given_names": given.given_names}
        if given.born:
            person["date_of_birth"] = given.born
        question = {"person": person, "purpose": given.purpose, "reason": given.reason}
        return client.check({**question, "case_reference": given.case})
    if given.command == "events":
        return client.events(given.after)
    if given.command == "read":
        return client.read_up_to(given.sequence)
    if given.command == "acknowledge":
        return client.acknowledge(given.correction, given.done)
    if given.command == "referrals":
        return client.referral(given.referral) if given.referral else client.referrals()
    if given.command == "answer-referral":
        more = {"because": given.because, "ask_for": given.ask_for}
        said = {name: value for name, value in more.items() if value}
        return client.answer_referral(given.referral, {"status": given.status, **said})
    return client.corrections() if given.command == "corrections" else client.disclosures()


def main() -> None:
    """Do what the command line asks for, and print what comes of it."""
    given = parse()
    try:
        if given.command == "keygen":
            answer: Any = make_keys(given.name)
        elif given.command == "sign":
            answer = sign_agreement(given.document, load_key(given.signing_key))
        else:
            answer = ask(given)
    except RefusedError as refused:
        sys.exit(f"{refused} ({refused.type})")
    sys.stdout.write(json.dumps(answer, indent=2) + "\n")


if __name__ == "__main__":
    main()
