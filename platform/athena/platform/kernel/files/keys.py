"""Who wraps data keys: a key management service, or in a demo a file in the data directory.

A provider never sees a file, only data keys of 32 bytes, and the store never sees what wraps them.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from athena.platform.kernel.errors import ConfigurationError
from athena.platform.kernel.files.format import KEY_BYTES, NONCE_BYTES
from athena.platform.kernel.files.models import WrappedKey
from athena.platform.kernel.settings import Settings
from athena.platform.kernel.store import data_dir

FILE_NAME = "file-master-keys.json"


class KeyProvider(Protocol):
    """Wraps and unwraps data keys under master keys that never leave it.

    For a key management service: ``current`` is the key's full name with its version, ``wrap`` and
    ``unwrap`` are its calls Encrypt and Decrypt, and ``context`` is what most services call the
    encryption context or additional authenticated data. It names the force and the version of the
    data key, and unwrapping under another context must fail. A call may take a second; a service
    that is away raises an AthenaError of status 503.
    """

    @property
    def current(self) -> str:
        """The name of the master key that wraps from now on."""

    async def wrap(self, data_key: bytes, context: bytes) -> WrappedKey:
        """Wrap a data key under the current master key."""

    async def unwrap(self, wrapped: WrappedKey, context: bytes) -> bytes:
        """Return a data key, or ConfigurationError when its master key isn't here or is another."""


@dataclass(frozen=True, slots=True)
class FileKeyProvider:
    """Master keys in a file that only its owner reads: for a demo, and for tests."""

    path: Path
    current: str
    keys: dict[str, bytes] = field(repr=False)

    @classmethod
    def open(cls, path: Path) -> FileKeyProvider:
        """Read the file, making it with one key at first use."""
        path.parent.mkdir(parents=True, exist_ok=True)
        first = _new_name()
        document = _document(first, {first: secrets.token_bytes(KEY_BYTES)})
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return cls._read(path)
        with os.fdopen(descriptor, "w") as file:
            file.write(document)
        return cls._read(path)

    @classmethod
    def _read(cls, path: Path) -> FileKeyProvider:
        if path.stat().st_mode & 0o077:
            raise ConfigurationError(
                f"{path.name} can be read by others; run chmod 600 on it in the data directory."
            )
        try:
            document = json.loads(path.read_text())
            current = str(document["current"])
            keys = {str(name): base64.b64decode(key) for name, key in document["keys"].items()}
            whole = current in keys and all(len(key) == KEY_BYTES for key in keys.values())
        except (ValueError, KeyError, TypeError, AttributeError):
            whole = False
        if not whole:
            raise ConfigurationError(
                f"{path.name} isn't a file of master keys; restore it from its own backup."
            )
        return cls(path, current, keys)

    def rotate(self) -> FileKeyProvider:
        """Add a new master key, which wraps from now on; the older ones still unwrap."""
        name = _new_name()
        keys = {**self.keys, name: secrets.token_bytes(KEY_BYTES)}
        beside = self.path.with_suffix(f".{secrets.token_hex(4)}")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(_document(name, keys))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self.path)
        return self._read(self.path)

    async def wrap(self, data_key: bytes, context: bytes) -> WrappedKey:
        """Wrap a data key under the current master key."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = AESGCM(self.keys[self.current]).encrypt(nonce, data_key, context)
        return WrappedKey(self.current, nonce + sealed)

    async def unwrap(self, wrapped: WrappedKey, context: bytes) -> bytes:
        """Return a data key, or ConfigurationError when its master key isn't here or is another."""
        key = self.keys.get(wrapped.wrapping_key)
        if key is None:
            raise ConfigurationError(
                "The master key of these files isn't here; restore the file of master keys."
            )
        nonce, sealed = wrapped.blob[:NONCE_BYTES], wrapped.blob[NONCE_BYTES:]
        try:
            return AESGCM(key).decrypt(nonce, sealed, context)
        except (InvalidTag, ValueError):
            raise ConfigurationError(
                "The master key isn't the one that wrapped these files' key; restore the right one."
            ) from None


def open_key_provider(settings: Settings) -> KeyProvider:
    """Return the provider of an installation; a production has none of its own yet."""
    if settings.is_production:
        raise ConfigurationError(
            "Files need a key management service in production, and none is connected yet; "
            "see docs/operators.md."
        )
    return FileKeyProvider.open(data_dir(settings) / FILE_NAME)


def _new_name() -> str:
    return f"file:{secrets.token_hex(8)}"


def _document(current: str, keys: dict[str, bytes]) -> str:
    encoded = {name: base64.b64encode(key).decode() for name, key in keys.items()}
    return json.dumps({"current": current, "keys": encoded}, indent=2)
