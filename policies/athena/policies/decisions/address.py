"""Where an OPA server is, and how its answers are kept from being forged on the way."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from athena.platform.kernel.errors import ConfigurationError
from athena.platform.kernel.settings import Settings


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """An OPA server's address; ``tls`` is None on a loopback address or in a demonstration."""

    host: str
    port: int
    tls: ssl.SSLContext | None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the address of the settings, or say in one sentence which is wrong."""
        try:
            parts = urlsplit(settings.opa_url or "")
            host, port = parts.hostname or "", parts.port
        except ValueError:
            parts, host, port = urlsplit(""), "", None
        plain = parts.scheme == "http"
        beyond = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
        if not host or beyond or parts.scheme not in ("http", "https"):
            raise ConfigurationError(
                "ATHENA_OPA_URL isn't an OPA server's address; write https://opa.example:8181, "
                "without a path or a password."
            )
        if plain and settings.is_production and not _is_loopback(host):
            raise ConfigurationError(
                "ATHENA_OPA_URL must be https in production unless OPA runs on this machine: "
                "anyone on the way could change a decision."
            )
        bracketed = f"[{host}]" if ":" in host else host
        return cls(bracketed, port or (80 if plain else 443), None if plain else _tls(settings))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _tls(settings: Settings) -> ssl.SSLContext:
    """Return what believes the authority of the settings alone, or else those of the system."""
    try:
        return ssl.create_default_context(cafile=settings.opa_ca_file)
    except OSError:  # ssl.SSLError is one
        raise ConfigurationError(
            "ATHENA_OPA_CA_FILE can't be read; name a file of certificates in PEM."
        ) from None
