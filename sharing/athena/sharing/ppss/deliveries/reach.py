"""Where a webhook may lead: to the internet by https, and nowhere inside unless it is allowed.

A partner's address is text from outside. Were any address called, a partner could have the platform
call what only the platform reaches (its store, the machine's metadata). So the name is resolved
once, every address is looked at, and the connection goes to the one that was looked at: a second
answer of the name service can't lead elsewhere.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from athena.platform.kernel.errors import ConfigurationError, InvalidInputError

LONGEST_URL = 500
_PORTS = {"https": 443, "http": 80}
_NOT_ALLOWED = "The address lies in a network that webhooks may not reach."

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


class UnreachableError(Exception):
    """A webhook can't be called; ``code`` says why in a word and names nobody."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Destination:
    """A webhook that may be called: the address to connect to, and the name it goes by."""

    scheme: str
    host: str
    port: int
    address: Address
    target: str
    """The path with its query, as it is requested."""

    @property
    def authority(self) -> str:
        """The host as the request names it; the port where it isn't the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL by its name, as it is signed."""
        return f"{self.scheme}://{self.authority}{self.target}"

    @property
    def connect_url(self) -> str:
        """The URL by its address, as it is connected to."""
        address = f"[{self.address}]" if self.address.version == 6 else str(self.address)
        return f"{self.scheme}://{address}:{self.port}{self.target}"


@dataclass(frozen=True, slots=True)
class Reach:
    """What webhooks may reach beside the internet; plain http never leaves the machine."""

    allowed: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Reach:
        """Return the reach of networks with commas between, such as 10.1.0.0/16."""
        try:
            return cls(tuple(ip_network(part.strip()) for part in text.split(",") if part.strip()))
        except ValueError:
            raise ConfigurationError(
                "ATHENA_PPSS_WEBHOOK_NETWORKS must be networks with commas between, "
                "such as 10.1.0.0/16."
            ) from None

    def allows(self, address: Address) -> bool:
        """Whether an address may be called."""
        mapped = getattr(address, "ipv4_mapped", None)
        if mapped is not None:
            return self.allows(mapped)
        if any(address.version == net.version and address in net for net in self.allowed):
            return True
        return address.is_global and not address.is_multicast and not _hides_another(address)

    def check(self, url: str) -> None:
        """Refuse an address that can never be called; InvalidInputError says why.

        What a name resolves to is looked at when it is called, each time.
        """
        try:
            parts, _ = _taken_apart(url)
        except UnreachableError:
            raise InvalidInputError(
                "Give an https address without a user, a password or a fragment.", field="/url"
            ) from None
        literal = _literal(parts.hostname or "")
        if literal is not None and not self.allows(literal):
            raise InvalidInputError(_NOT_ALLOWED, field="/url")
        if parts.scheme == "http" and not (literal is not None and literal.is_loopback):
            raise InvalidInputError("Give an https address.", field="/url")

    async def resolve(self, url: str) -> Destination:
        """Return where to connect to, or UnreachableError."""
        parts, port = _taken_apart(url)
        host = parts.hostname or ""
        literal = _literal(host)
        found = [literal] if literal is not None else await _resolved(host, port)
        if not found or not all(self.allows(address) for address in found):
            raise UnreachableError("address_not_allowed")
        address = found[0]
        if parts.scheme == "http" and not address.is_loopback:
            raise UnreachableError("https_needed")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return Destination(parts.scheme, host, port, address, target)


def _taken_apart(url: str) -> tuple[SplitResult, int]:
    if len(url) > LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise UnreachableError("bad_address")
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        raise UnreachableError("bad_address") from None
    if (
        parts.scheme not in _PORTS
        or not parts.hostname
        or "@" in parts.netloc
        or "\\" in url
        or parts.fragment
    ):
        raise UnreachableError("bad_address")
    return parts, port


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _hides_another(address: Address) -> bool:
    """Whether an address stands for an IPv4 address inside it: 6to4, Teredo or NAT64."""
    if address.version == 4:
        return False
    v6 = IPv6Address(int(address))
    return v6.sixtofour is not None or v6.teredo is not None or v6 in _NAT64


_NAT64 = IPv6Network("64:ff9b::/96")


async def _resolved(host: str, port: int) -> list[Address]:
    loop = asyncio.get_running_loop()
    try:
        answers = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise UnreachableError("name_unknown") from None
    return list(_addresses(str(answer[4][0]) for answer in answers))


def _addresses(texts: Iterable[str]) -> Iterable[Address]:
    for text in texts:
        address = _literal(text.partition("%")[0])
        if address is None:
            raise UnreachableError("name_unknown")
        yield address
