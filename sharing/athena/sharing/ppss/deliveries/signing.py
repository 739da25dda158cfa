"""How the platform signs what it sends: RFC 9421 message signatures over an RFC 9530 digest."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from athena.platform.kernel.credentials import derive_key

TAG = "athena-event"
"""What the signature is for, so that no other signature of the platform passes for one."""

EVENT_ID, SEQUENCE = "athena-event-id", "athena-sequence"
COVERED = (
    "@method",
    "@target-uri",
    "content-digest",
    "content-type",
    EVENT_ID,
    SEQUENCE,
)
"""What is signed; whoever receives must ask for all of it."""


def content_digest(body: bytes) -> str:
    """Return the Content-Digest of a body (RFC 9530)."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


class EventSigner:
    """Signs events with a key that derives from the master secret."""

    def __init__(self, master_secret: bytes, version: int) -> None:
        seed = derive_key(master_secret, "ppss/events/ed25519", version)
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.key_id = f"athena-events-{version}"

    @property
    def public_key(self) -> str:
        """The key that checks the signatures, raw and in base64, to be published."""
        return base64.b64encode(self._key.public_key().public_bytes_raw()).decode()

    def sign(
        self, url: str, body: bytes, headers: Mapping[str, str], at: datetime
    ) -> dict[str, str]:
        """Return the headers of a signed POST, those given included.

        ``headers`` must hold the content type, the event's id and its sequence, in small letters.
        """
        signed = {**headers, "content-digest": content_digest(body)}
        values = {"@method": "POST", "@target-uri": url, **signed}
        components = " ".join(f'"{name}"' for name in COVERED)
        parameters = (
            f"({components});created={int(at.timestamp())};"
            f'keyid="{self.key_id}";alg="ed25519";nonce="{secrets.token_urlsafe(16)}";tag="{TAG}"'
        )
        lines = [f'"{name}": {values[name]}' for name in COVERED]
        base = "\n".join([*lines, f'"@signature-params": {parameters}'])
        signature = base64.b64encode(self._key.sign(base.encode("ascii"))).decode()
        return {
            **signed,
            "signature-input": f"athena={parameters}",
            "signature": f"athena=:{signature}:",
        }
