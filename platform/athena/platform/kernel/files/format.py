"""How a file is sealed: AES-256-GCM in chunks, each bound to its place in its file.

Each file has a key of its own, derived from its force's data key and its id (HKDF-SHA-256). A
sealed piece is nonce (12 random bytes), ciphertext, tag (16 bytes). The header is authenticated
with every piece and stored nowhere: whoever opens a file writes it anew from what the store says,
so that a piece only opens as that piece of that file, of that force, of that length and digest.
"""

from __future__ import annotations

import hashlib
import secrets
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from athena.platform.kernel.credentials import derive_key
from athena.platform.kernel.files.models import FileDamagedError

CHUNK_BYTES = 1024 * 1024
NONCE_BYTES = 12
KEY_BYTES = 32

_HEADER = struct.Struct(">4sBH16sIIIQ32s")
_MAGIC = b"ATHF"
_FORMAT = 1
_NAME = 0xFFFF_FFFF
"""The number of the piece that holds the file's name."""

_DAMAGED = (
    "The file's stored bytes have been altered or belong elsewhere, so nothing of it is shown; "
    "restore it from a backup."
)


@dataclass(frozen=True, slots=True)
class Header:
    """What every piece of a file is bound to."""

    force: int
    file_id: UUID
    key_version: int
    chunk_count: int
    size: int
    sha256: bytes

    def of_piece(self, number: int) -> bytes:
        """Return the bytes that are authenticated with a piece."""
        return _HEADER.pack(
            _MAGIC,
            _FORMAT,
            self.force,
            self.file_id.bytes,
            self.key_version,
            number,
            self.chunk_count,
            self.size,
            self.sha256,
        )


def header_of(force: int, file_id: UUID, key_version: int, content: bytes) -> Header:
    """Return the header of a content that is to be sealed."""
    return Header(
        force=force,
        file_id=file_id,
        key_version=key_version,
        chunk_count=max(1, -(-len(content) // CHUNK_BYTES)),
        size=len(content),
        sha256=hashlib.sha256(content).digest(),
    )


def seal_chunks(data_key: bytes, header: Header, content: bytes) -> Iterator[bytes]:
    """Yield the sealed chunks of a content, in their order; an empty one has an empty chunk."""
    for number in range(header.chunk_count):
        start = number * CHUNK_BYTES
        yield _seal(data_key, header, number, content[start : start + CHUNK_BYTES])


def open_chunks(data_key: bytes, header: Header, sealed: Sequence[bytes]) -> bytes:
    """Return the whole content, or FileDamagedError: never a part of it."""
    if len(sealed) != header.chunk_count:
        raise FileDamagedError(_DAMAGED)
    content = b"".join(
        _open(data_key, header, number, piece) for number, piece in enumerate(sealed)
    )
    if len(content) != header.size or hashlib.sha256(content).digest() != header.sha256:
        raise FileDamagedError(_DAMAGED)
    return content


def seal_name(data_key: bytes, header: Header, name: str) -> bytes:
    """Return a file's name sealed: names of files name people."""
    return _seal(data_key, header, _NAME, name.encode())


def open_name(data_key: bytes, header: Header, sealed: bytes) -> str:
    """Return a file's name, or FileDamagedError."""
    return _open(data_key, header, _NAME, sealed).decode()


def _seal(data_key: bytes, header: Header, number: int, piece: bytes) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + _cipher(data_key, header).encrypt(nonce, piece, header.of_piece(number))


def _open(data_key: bytes, header: Header, number: int, sealed: bytes) -> bytes:
    nonce, ciphertext = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    try:
        return _cipher(data_key, header).decrypt(nonce, ciphertext, header.of_piece(number))
    except (InvalidTag, ValueError):  # ValueError: too short to hold a nonce and a tag
        raise FileDamagedError(_DAMAGED) from None


def _cipher(data_key: bytes, header: Header) -> AESGCM:
    return AESGCM(derive_key(data_key, f"file/{header.file_id}", header.key_version))
