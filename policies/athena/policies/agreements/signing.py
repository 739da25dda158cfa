"""Signing an agreement: the canonical form, its digest, Ed25519 keys and detached signatures.

Nothing here needs the store or a network: a signatory signs on a machine of their own, and the
platform only ever holds public keys. docs/adr/0009-signed-agreements.md says why it is so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Self
from uuid import UUID

import rfc8785
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError

from athena.platform.kernel.errors import InvalidInputError
from athena.policies.agreements.document import LIFE_FIELDS, AgreementDocument

Hex = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class DetachedSignature(BaseModel):
    """What a signatory hands in: which version, by its digest, and the signature over it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    agreement: UUID
    version: StrictInt = Field(ge=1)
    digest: Hex
    key: Hex
    signature: Annotated[str, Field(pattern=r"^[0-9a-f]{128}$")]

    @classmethod
    def parse(cls, text: str | bytes) -> Self:
        """Read what `athena agreements sign` printed; InvalidInputError for anything else."""
        try:
            return cls.model_validate_json(text)
        except ValidationError:
            raise InvalidInputError(
                "This isn't a detached signature; give what `athena agreements sign` printed.",
                field="/signature",
            ) from None


def canonical(document: Mapping[str, Any]) -> bytes:
    """Return a document in the JSON Canonicalization Scheme (RFC 8785), without its life.

    InvalidInputError for what that form can't hold, such as a number beyond 2^53.
    """
    signed = {name: value for name, value in document.items() if name not in LIFE_FIELDS}
    try:
        return rfc8785.dumps(signed)
    except rfc8785.CanonicalizationError:
        raise InvalidInputError("The document has no canonical form (RFC 8785).") from None


def digest_of(document: Mapping[str, Any]) -> bytes:
    """Return the SHA-256 of a document's canonical form: what a version is known by."""
    return hashlib.sha256(canonical(document)).digest()


def parse_document(text: str | bytes) -> dict[str, Any]:
    """Return the document of a JSON text as it stands there, or InvalidInputError.

    A name that stands twice in an object is refused: readers differ in which of the two counts.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("a name stands twice")
        return found

    try:
        document = json.loads(text, object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise InvalidInputError(
            "The document isn't JSON in UTF-8 in which each name stands once."
        ) from None
    if not isinstance(document, dict):
        raise InvalidInputError("The document isn't a JSON object.")
    return document


def check_document(document: Mapping[str, Any]) -> AgreementDocument:
    """Return the agreement that a document is, or InvalidInputError with every field at fault."""
    try:
        return AgreementDocument.model_validate(
            {name: value for name, value in document.items() if name not in LIFE_FIELDS}
        )
    except ValidationError as error:
        errors = [
            {
                "field": "/" + "/".join(("document", *(str(part) for part in detail["loc"]))),
                "detail": detail["msg"].removeprefix("Value error, "),
            }
            for detail in error.errors()[:20]
        ]
        told = "; ".join(f"{entry['field']}: {entry['detail']}" for entry in errors[:3])
        raise InvalidInputError(
            f"The agreement can't be accepted as it stands: {told}.", errors=errors
        ) from None


def sign(document: Mapping[str, Any], key: Ed25519PrivateKey) -> DetachedSignature:
    """Sign a whole agreement; InvalidInputError when the document isn't one."""
    agreement = check_document(document)
    return DetachedSignature(
        agreement=agreement.id,
        version=agreement.version,
        digest=digest_of(document).hex(),
        key=key_id(raw_public_key(key.public_key())),
        signature=key.sign(canonical(document)).hex(),
    )


@lru_cache(maxsize=1024)
def verifies(signed: bytes, public_key: bytes, signature: bytes) -> bool:
    """Whether a signature over canonical bytes is by the key; remembered, as it can't change."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, signed)
    except (InvalidSignature, ValueError):
        return False
    return True


def key_id(public_key: bytes) -> str:
    """Return what a public key is known by: its SHA-256."""
    return hashlib.sha256(public_key).hexdigest()


def raw_public_key(key: Ed25519PublicKey) -> bytes:
    """Return the 32 bytes of a public key (RFC 8032)."""
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def new_key() -> tuple[bytes, bytes]:
    """Return a new private and public key as PEM (RFC 8410), the private one not encrypted."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return private, public_pem(key)


def public_pem(key: Ed25519PrivateKey) -> bytes:
    """Return the public half of a key as PEM."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def load_private_key(pem: bytes, password: bytes | None = None) -> Ed25519PrivateKey:
    """Return the private key of a PEM text, or InvalidInputError."""
    try:
        key = load_pem_private_key(pem, password)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise InvalidInputError(
            "The key isn't a readable private key in PEM; `athena agreements keys make` makes one."
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise InvalidInputError("The key isn't an Ed25519 key; agreements are signed with those.")
    return key


def load_public_key(pem: bytes) -> bytes:
    """Return the 32 bytes of a public key's PEM text, or InvalidInputError."""
    try:
        key = load_pem_public_key(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise InvalidInputError(
            "The key isn't a readable public key in PEM (BEGIN PUBLIC KEY).", field="/public_key"
        ) from None
    if not isinstance(key, Ed25519PublicKey):
        raise InvalidInputError("The key isn't an Ed25519 public key.", field="/public_key")
    return raw_public_key(key)
