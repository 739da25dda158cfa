"""Webhooks reach the internet by https, and nothing inside."""

from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest

from athena.platform.kernel.errors import ConfigurationError, InvalidInputError
from athena.sharing.ppss.deliveries.reach import Reach, UnreachableError

LOOPBACK = Reach.parse("127.0.0.0/8, ::1/128")

INSIDE = (
    "127.0.0.1",
    "10.0.0.7",
    "172.16.3.4",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "[::1]",
    "[::]",
    "[fe80::1]",
    "[fd00::1]",
    "[ff02::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:10.0.0.1]",
    "[2002:7f00:1::]",
    "[64:ff9b::7f00:1]",
)


@pytest.mark.parametrize("host", INSIDE)
async def test_nothing_inside_is_reached(host: str) -> None:
    url = f"https://{host}/events"
    with pytest.raises(InvalidInputError):
        Reach().check(url)
    with pytest.raises(UnreachableError, match="address_not_allowed"):
        await Reach().resolve(url)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://partner.example/",
        "https://user:secret@partner.example/",
        "https://user@partner.example/",
        "https://partner.example/#part",
        "https://",
        "https:///events",
        "https://partner.example:99999/",
        "https://partner.example\\@10.0.0.1/",
        "https://partner.example/a b",
        "https://partner.example/\x7f",
        "https://pärtner.example/",
        "https://[::1/",
        "partner.example",
        "file:///etc/passwd",
        "https://partner.example/" + "a" * 500,
    ],
)
async def test_what_is_no_plain_https_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidInputError):
        Reach().check(url)
    with pytest.raises(UnreachableError, match="bad_address"):
        await Reach().resolve(url)


async def test_plain_http_stays_on_the_machine() -> None:
    with pytest.raises(InvalidInputError):
        LOOPBACK.check("http://partner.example/")
    with pytest.raises(InvalidInputError):
        Reach.parse("10.0.0.0/8").check("http://10.0.0.1/")
    with pytest.raises(UnreachableError, match="https_needed"):
        await LOOPBACK.resolve("http://93.184.216.34/")
    LOOPBACK.check("http://127.0.0.1:8000/events")
    found = await LOOPBACK.resolve("http://127.0.0.1:8000/events?a=b")
    assert found.connect_url == found.url == "http://127.0.0.1:8000/events?a=b"


async def test_a_name_is_looked_at_by_what_it_means(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {"inside.example": ["93.184.216.34", "10.0.0.1"], "out.example": ["93.184.216.34"]}

    async def getaddrinfo(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        if host not in answers:
            raise socket.gaierror
        return [(0, 0, 0, "", (address, port)) for address in answers[host]]

    loop = __import__("asyncio").get_running_loop()
    monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
    with pytest.raises(UnreachableError, match="address_not_allowed"):
        await Reach().resolve("https://inside.example/")
    with pytest.raises(UnreachableError, match="name_unknown"):
        await Reach().resolve("https://nowhere.example/")
    found = await Reach().resolve("https://out.example/events")
    assert found.address == ip_address("93.184.216.34")
    assert (found.url, found.authority) == ("https://out.example/events", "out.example")
    assert found.connect_url == "https://93.184.216.34:443/events"


def test_networks_are_read_or_refused() -> None:
    assert Reach.parse("10.1.0.0/16").allows(ip_address("10.1.2.3"))
    assert not Reach.parse("10.1.0.0/16").allows(ip_address("10.2.0.1"))
    with pytest.raises(ConfigurationError):
        Reach.parse("10.1.0.0/16, everywhere")
