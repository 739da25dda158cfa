"""Signing a message as a partner does: for the command line and for whoever tests against it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from http_message_signatures import HTTPMessageSigner, HTTPSignatureKeyResolver
from http_message_signatures.algorithms import ED25519

from athena.policies.agreements.signing import key_id, raw_public_key
from athena.sharing.ppss.signatures.models import COVERED, TAG
from athena.sharing.ppss.signatures.verifying import content_digest

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Asker:
    """Who at a partner asks, in which role, under which agreement, with which key."""

    key: Ed25519PrivateKey
    user: str
    role: str
    agreement: str

    @property
    def key_id(self) -> str:
        """The id of the key: the SHA-256 of its public half, in hexadecimal digits."""
        return key_id(raw_public_key(self.key.public_key()))


@dataclass(slots=True)
class _Request:
    method: str
    url: str
    headers: dict[str, str]


class _OwnKey(HTTPSignatureKeyResolver):
    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    def resolve_private_key(self, key_id: str) -> Ed25519PrivateKey:
        assert key_id
        return self._key


def signed_headers(
    asker: Asker,
    method: str,
    url: str,
    body: bytes = b"",
    *,
    idempotency_key: str | None = None,
    now: datetime | None = None,
    nonce: str | None = None,
    more: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the fields that a request must carry, its signature among them."""
    moment = now or datetime.now(UTC)
    headers = {
        "Date": format_datetime(moment, usegmt=True),
        "Content-Digest": content_digest(body),
        "Athena-User": asker.user,
        "Athena-Role": asker.role,
        "Athena-Agreement": asker.agreement,
        **(more or {}),
    }
    covered = list(COVERED)
    if body:
        headers.setdefault("Content-Type", JSON)
        covered.append("content-type")
    if idempotency_key is not None:
        headers["Idempotency-Key"] = idempotency_key
        covered.append("idempotency-key")
    signer = HTTPMessageSigner(signature_algorithm=ED25519, key_resolver=_OwnKey(asker.key))
    signer.sign(
        _Request(method, url, headers),
        key_id=asker.key_id,
        created=moment,
        nonce=nonce or secrets.token_urlsafe(24),
        label="athena",
        tag=TAG,
        covered_component_ids=tuple(covered),
        use_existing_digest=True,
    )
    return headers
