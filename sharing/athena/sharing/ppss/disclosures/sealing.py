"""Sealing what was disclosed: each payload under a key of its own, which is wrapped beside it.

AES-256-GCM; the wrapping key derives from the master secret. The context binds a payload to its
place, so that one can't be put in another's.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from athena.platform.kernel.credentials import derive_key
from athena.platform.kernel.errors import ConfigurationError

_NONCE_BYTES = 12
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Sealed:
    """A payload as the store keeps it, with the key that opens it, wrapped."""

    payload: bytes
    wrapped_key: bytes


@dataclass(frozen=True, slots=True)
class Sealer:
    """Seals and opens payloads by a store's master secret."""

    _wrapping: bytes = field(repr=False)
    person_key: bytes = field(repr=False)
    """The key of the hashes by which one sees that the same person is asked about again."""

    @classmethod
    def of(cls, master_secret: bytes, version: int) -> Sealer:
        """Return the sealer of a store."""
        return cls(
            derive_key(master_secret, "ppss/disclosures", version),
            derive_key(master_secret, "ppss/persons", version),
        )

    def seal(self, payload: bytes, context: str) -> Sealed:
        """Seal a payload under a new key."""
        key = secrets.token_bytes(_KEY_BYTES)
        return Sealed(_lock(key, payload, context), _lock(self._wrapping, key, context))

    def open(self, sealed: Sealed, context: str) -> bytes:
        """Return a payload; ConfigurationError where the master secret is another."""
        try:
            key = _unlock(self._wrapping, sealed.wrapped_key, context)
            return _unlock(key, sealed.payload, context)
        except (InvalidTag, ValueError):
            raise ConfigurationError(
                "What was disclosed can't be opened: the master secret isn't the one it was "
                "sealed with."
            ) from None


def _lock(key: bytes, clear: bytes, context: str) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, clear, context.encode())


def _unlock(key: bytes, locked: bytes, context: str) -> bytes:
    return AESGCM(key).decrypt(locked[:_NONCE_BYTES], locked[_NONCE_BYTES:], context.encode())
