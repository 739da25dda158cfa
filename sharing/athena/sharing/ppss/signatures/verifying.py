"""RFC 9421 signatures over a whole message, with the RFC 9530 digest of its body: pure functions.

The library verifies. What it leaves to its caller is done here: which components must be covered,
the tag, a short age, the digest against the body that came, one signature only. Each refusal has a
problem type of its own, told before anything of the store is asked.
"""

from __future__ import annotations

import base64
import hashlib
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import http_sf
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from http_message_signatures import (
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    InvalidSignature,
)
from http_message_signatures.algorithms import ED25519
from http_message_signatures.exceptions import HTTPMessageSignaturesException

from athena.sharing.ppss.problems import (
    AlgorithmError,
    CallerFieldError,
    ClockSkewedError,
    ComponentsError,
    DigestMismatchError,
    SignatureExpiredError,
    SignatureInvalidError,
    SignatureMalformedError,
    SignatureMissingError,
    SignatureParametersError,
    SignatureTagError,
)
from athena.sharing.ppss.signatures.models import (
    CLOCK_SKEW_SECONDS,
    COVERED,
    TAG,
    Claimed,
    Message,
    Signed,
)

SKEW = timedelta(seconds=CLOCK_SKEW_SECONDS)
KEY_ID = re.compile(r"[0-9a-f]{64}")
NONCE = re.compile(r"[A-Za-z0-9_-]{16,128}")
USER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,89}")
ROLE = re.compile(r"[a-z][a-z0-9_ -]{1,59}")
REFERENCE = re.compile(r"ATH-ISA-[0-9]{2,4}")
PARAMETERS = frozenset({"alg", "created", "expires", "keyid", "nonce", "tag"})


def content_digest(body: bytes) -> str:
    """Return the Content-Digest field of a body (RFC 9530, sha-256)."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def examine(message: Message, now: datetime) -> Claimed:
    """Return what a message says of its signature, or the problem that it has on its face."""
    claimed = examine_fields(message, now)
    digest = message.field("content-digest")
    if digest != content_digest(message.body):
        raise DigestMismatchError(
            "Send Content-Digest with the SHA-256 of the body as it is sent, and nothing else."
        )
    return claimed


def examine_fields(message: Message, now: datetime) -> Claimed:
    """Return what `examine` does, of a message whose body may still be to come."""
    signature_input, signature = message.field("signature-input"), message.field("signature")
    if signature_input is None and signature is None:
        raise SignatureMissingError(
            "Sign the message as RFC 9421 says; see the partner's page of the documentation."
        )
    components, parameters = _only_one(signature_input, signature)
    if parameters.get("tag") != TAG:
        raise SignatureTagError(f'Sign with the parameter tag="{TAG}".')
    if parameters.keys() - PARAMETERS:
        raise SignatureMalformedError("The signature has a parameter that isn't known here.")
    if parameters.get("alg", "ed25519") != "ed25519":
        raise AlgorithmError("Sign with Ed25519; the parameter alg may be left out.")
    claimed = _claimed(parameters)
    _check_covered(message, components)
    _check_time(message, claimed, parameters, now)
    return claimed


def verify(message: Message, claimed: Claimed, public_key: bytes) -> Signed:
    """Return what the signature covers once it has verified, or SignatureInvalidError."""
    verifier = HTTPMessageVerifier(
        signature_algorithm=ED25519,
        key_resolver=_OneKey(claimed.key_id, Ed25519PublicKey.from_public_bytes(public_key)),
    )
    verifier.max_clock_skew = SKEW
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            (result,) = verifier.verify(
                _View(message.method, message.url, _Fields(message.fields)),
                max_age=SKEW,
                expect_tag=TAG,
                require_components=required(message),
                body=message.body,
            )
    except (InvalidSignature, HTTPMessageSignaturesException, Warning, ValueError):
        raise SignatureInvalidError(
            "The signature doesn't verify over this message with the key it names: check the "
            "target, the fields and the key."
        ) from None
    covered = result.covered_components
    return Signed(
        claimed,
        _field(covered, "athena-user", USER),
        _field(covered, "athena-role", ROLE),
        _field(covered, "athena-agreement", REFERENCE),
    )


def required(message: Message) -> tuple[str, ...]:
    """Return what the signature of a message must cover."""
    more = [
        name
        for name, needed in {
            "content-type": bool(message.body),
            "idempotency-key": message.field("idempotency-key") is not None,
        }.items()
        if needed
    ]
    return (*COVERED, *more)


def _only_one(
    signature_input: str | None, signature: str | None
) -> tuple[list[str], Mapping[str, Any]]:
    """Return the components and parameters of the only signature that a message has."""
    inputs, signatures = _dictionary(signature_input), _dictionary(signature)
    if len(inputs) != 1 or inputs.keys() != signatures.keys():
        raise SignatureMalformedError(
            "Send Signature-Input and Signature once each, with one signature of one label."
        )
    ((items, parameters),) = inputs.values()
    if not isinstance(items, list | tuple):
        raise SignatureMalformedError("Signature-Input lists the components that are covered.")
    plain = [name for name, described in items if isinstance(name, str) and not described]
    return plain, parameters


def _dictionary(text: str | None) -> dict[str, Any]:
    """Return a dictionary of structured fields (RFC 9651), an empty one where it can't be read."""
    try:
        read: Any = http_sf.parse((text or "").encode("ascii"), tltype="dictionary")
    except (ValueError, TypeError):
        return {}
    return dict(read)


def _claimed(parameters: Mapping[str, Any]) -> Claimed:
    key_id, nonce, created = (parameters.get(name) for name in ("keyid", "nonce", "created"))
    if (
        not isinstance(key_id, str)
        or not KEY_ID.fullmatch(key_id)
        or not isinstance(nonce, str)
        or not NONCE.fullmatch(nonce)
        or type(created) is not int
        or not 0 < created < 2**33
    ):
        raise SignatureParametersError(
            "Sign with created, keyid (64 hexadecimal digits) and nonce (16 to 128 letters, "
            "digits, - or _)."
        )
    return Claimed(key_id, nonce, datetime.fromtimestamp(created, UTC))


def _check_covered(message: Message, components: list[str]) -> None:
    missing = [name for name in required(message) if name not in components]
    if missing:
        raise ComponentsError(f"The signature must also cover: {', '.join(missing)}.")


def _check_time(
    message: Message, claimed: Claimed, parameters: Mapping[str, Any], now: datetime
) -> None:
    try:
        dated = parsedate_to_datetime(message.field("date") or "")
    except ValueError:
        dated = datetime.min.replace(tzinfo=UTC)
    if dated.tzinfo is None:
        dated = dated.replace(tzinfo=UTC)
    if abs(now - claimed.created) > SKEW or not abs(now - dated) <= SKEW:
        raise ClockSkewedError(
            "Date and created must be within two minutes of the time here; set the clock."
        )
    expires = parameters.get("expires")
    if expires is not None and (type(expires) is not int or expires <= now.timestamp()):
        raise SignatureExpiredError("The signature has expired; sign the message anew.")


def _field(covered: Mapping[str, str], name: str, shape: re.Pattern[str]) -> str:
    value = covered[f'"{name}"']
    if not shape.fullmatch(value):
        raise CallerFieldError(f"The field {name} isn't written as the documentation says.")
    return value


@dataclass(frozen=True, slots=True)
class _View:
    """A message as the library reads one."""

    method: str
    url: str
    headers: _Fields


@dataclass(frozen=True, slots=True)
class _Fields:
    """The fields of a message, each line by itself."""

    lines: Any

    def items(self) -> list[tuple[str, str]]:
        return list(self.lines)


class _OneKey(HTTPSignatureKeyResolver):
    """Resolves the key that was looked up for the message, and no other."""

    def __init__(self, key_id: str, key: Ed25519PublicKey) -> None:
        self._key_id, self._key = key_id, key

    def resolve_public_key(self, key_id: str) -> Ed25519PublicKey | None:
        return self._key if key_id == self._key_id else None
