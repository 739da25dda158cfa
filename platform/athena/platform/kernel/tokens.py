"""Demo sign-in: short-lived ES256 bearer tokens for the accounts of a demo (RFC 7519, RFC 7518).

This door stands in until sign-in by OpenID Connect is built, and can't be opened when
``ATHENA_ENV=production``.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from uuid import UUID, uuid4

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from athena.platform.kernel.errors import ConfigurationError, NotSignedInError
from athena.platform.kernel.settings import Settings

ISSUER = "urn:athena:demo"
AUDIENCE = "urn:athena:platform"
TOKEN_SECONDS = 3600
_ALGORITHM = "ES256"


class TokenIssuer:
    """Signs and checks the demo's tokens with a key that stays in the data directory."""

    def __init__(self, key: ECKey) -> None:
        self._key = key
        self._claims = jwt.JWTClaimsRegistry(
            iss={"essential": True, "value": ISSUER},
            aud={"essential": True, "value": AUDIENCE},
            sub={"essential": True},
            exp={"essential": True},
        )

    @classmethod
    def open(cls, settings: Settings, directory: Path) -> TokenIssuer:
        """Load the signing key, making it at first use; refused in production."""
        if settings.is_production:
            raise ConfigurationError(
                "Demo sign-in is shut because ATHENA_ENV is production; "
                "there is no other way to sign in yet."
            )
        path = directory / "demo-signing-key.pem"
        directory.mkdir(parents=True, exist_ok=True)
        pem = ECKey.generate_key("P-256").as_pem(private=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            pem = path.read_bytes()
        else:
            with os.fdopen(descriptor, "wb") as file:
                file.write(pem)
        return cls(ECKey.import_key(pem))

    def issue(self, member_id: UUID, seconds: int = TOKEN_SECONDS) -> str:
        """Return a token for a member that holds for ``seconds``."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(member_id),
            "iat": now,
            "exp": now + seconds,
            "jti": str(uuid4()),
        }
        return jwt.encode({"alg": _ALGORITHM}, claims, self._key)

    def verify(self, token: str) -> UUID:
        """Return the member whom a valid token names, or NotSignedInError."""
        try:
            decoded = jwt.decode(token, self._key, algorithms=[_ALGORITHM])
            self._claims.validate(decoded.claims)
            return UUID(str(decoded.claims["sub"]))
        except (JoseError, ValueError):
            raise NotSignedInError(
                "The token isn't valid, or no longer; get a new one with `athena token`."
            ) from None
