"""Database passwords: derived from one secret, stored by the server as SCRAM verifiers.

Deriving means that every process can log in as a force the moment it exists, and that no list of
passwords is kept anywhere.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SCRAM_ITERATIONS = 4096
"""PostgreSQL's default; the derived password has 256 random bits, so more would add nothing."""


def derive_key(master_secret: bytes, use: str, version: int, length: int = 32) -> bytes:
    """Derive ``length`` bytes for one use by HKDF-SHA-256 (RFC 5869)."""
    info = f"athena/{use}/v{version}".encode()
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=None, info=info).derive(
        master_secret
    )


def login_password(master_secret: bytes, login: str, version: int) -> str:
    """Return the password of a database login: 256 bits, URL-safe."""
    key = derive_key(master_secret, f"login/{login}", version)
    return base64.urlsafe_b64encode(key).decode().rstrip("=")


def scram_verifier(password: str, salt: bytes) -> str:
    """Return PostgreSQL's SCRAM-SHA-256 verifier of a password (RFC 5803, RFC 7677).

    The password must be printable ASCII, as derived ones are, so SASLprep changes nothing.
    """
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, SCRAM_ITERATIONS)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    stored_key = hashlib.sha256(client_key).digest()

    def text(value: bytes) -> str:
        return base64.b64encode(value).decode()

    return f"SCRAM-SHA-256${SCRAM_ITERATIONS}:{text(salt)}${text(stored_key)}:{text(server_key)}"
