"""Certificates of erasure: what was there, what is there now, signed by the platform."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import BaseModel, ConfigDict, ValidationError

from athena.platform.kernel.credentials import derive_key
from athena.platform.kernel.errors import InvalidInputError


class Erased(BaseModel):
    """The rows of a table before an erasure and after it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    before: int
    after: int


class Statement(BaseModel):
    """What a certificate states."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["athena-erasure-certificate"] = "athena-erasure-certificate"
    version: Literal[1] = 1
    tenant: str
    name: str
    archive_checksum: str | None
    tables: Mapping[str, Erased]
    erased_at: datetime
    erased_by: str
    reason: str

    def signed_bytes(self) -> bytes:
        """Return what the signature is of: the fields in the alphabet's order, without blanks."""
        document = self.model_dump(mode="json")
        return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


class Certificate(BaseModel):
    """A statement with its Ed25519 signature and the key that checks it, both in base64."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    statement: Statement
    public_key: str
    signature: str


class Signer:
    """Signs certificates with a key that derives from the master secret."""

    def __init__(self, master_secret: bytes, version: int) -> None:
        seed = derive_key(master_secret, "certificates/ed25519", version)
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    @property
    def public_key(self) -> str:
        """The key that checks the signatures, to be published."""
        return base64.b64encode(self._key.public_key().public_bytes_raw()).decode()

    def sign(self, statement: Statement) -> Certificate:
        """Return the certificate of a statement."""
        signature = base64.b64encode(self._key.sign(statement.signed_bytes())).decode()
        return Certificate(statement=statement, public_key=self.public_key, signature=signature)


def check_certificate(text: str, public_key: str) -> Statement:
    """Return what a certificate states, or InvalidInputError when the key didn't sign it."""
    try:
        certificate = Certificate.model_validate_json(text)
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
        key.verify(
            base64.b64decode(certificate.signature, validate=True),
            certificate.statement.signed_bytes(),
        )
    except ValidationError:
        raise InvalidInputError("This isn't a certificate of erasure.") from None
    except (InvalidSignature, binascii.Error, ValueError):
        raise InvalidInputError(
            "The certificate isn't signed by this key: it was changed, or another platform's."
        ) from None
    return certificate.statement
