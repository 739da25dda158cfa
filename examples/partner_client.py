"""A partner's client of the Police and Partner Sharing Service, to read and to start from.

It needs Python 3.11 and three packages, and nothing of Athena itself:

    pip install cryptography httpx "http-message-signatures>=3,<4"

    python partner_client.py --url https://athena.example --key my-key.pem \
        --agreement ATH-ISA-00 --user j.smith --role "social worker" \
        --family-name Morgan --given-names Alex --born 1990-04-12 \
        --purpose safeguarding --reason "A referral from a school" --case CASE-1

Every message is signed (RFC 9421) over its method, target, body, date, and over who asks under
which agreement; the server takes each message once, for two minutes.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
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

    def _call(
        self, method: str, path: str, body: bytes, idempotency_key: str | None
    ) -> dict[str, Any]:
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
        document: dict[str, Any] = answer.json()
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


def main() -> None:
    """Ask one question and print the answer."""
    options = argparse.ArgumentParser(description="Ask about a person.")
    for name in ("url", "key", "agreement", "user", "role", "family-name", "given-names",
                 "purpose", "reason", "case"):  # fmt: skip
        options.add_argument(f"--{name}", required=True)
    options.add_argument("--born")
    given = options.parse_args()
    key = load_pem_private_key(Path(given.key).read_bytes(), None)
    assert isinstance(key, Ed25519PrivateKey)
    client = PartnerClient(given.url, key, given.user, given.role, given.agreement)
    person = {"family_name": given.family_name, "given_names": given.given_names}
    if given.born:
        person["date_of_birth"] = given.born
    try:
        answer = client.check(
            {
                "person": person,
                "purpose": given.purpose,
                "reason": given.reason,
                "case_reference": given.case,
            }
        )
    except RefusedError as refused:
        sys.exit(f"{refused} ({refused.type})")
    sys.stdout.write(json.dumps(answer, indent=2) + "\n")


if __name__ == "__main__":
    main()
