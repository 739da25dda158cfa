"""Where an OPA server may be, and what an operator is told who names it wrongly."""

from __future__ import annotations

from pathlib import Path

import pytest

from athena.platform.kernel.errors import ConfigurationError
from athena.platform.kernel.settings import Environment, Settings
from athena.policies.decisions.address import ServerAddress


@pytest.mark.parametrize(
    ("url", "host", "port", "tls"),
    [
        ("http://127.0.0.1:8181", "127.0.0.1", 8181, False),
        ("http://localhost:8181/", "localhost", 8181, False),
        ("http://opa.example", "opa.example", 80, False),
        ("https://opa.example", "opa.example", 443, True),
        ("https://opa.example:8181", "opa.example", 8181, True),
        ("http://[::1]:8181", "[::1]", 8181, False),
    ],
)
def test_address(url: str, host: str, port: int, tls: bool) -> None:
    address = ServerAddress.of(Settings(opa_url=url))
    assert (address.host, address.port, address.tls is not None) == (host, port, tls)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "opa.example:8181",
        "opa",
        "ftp://opa.example",
        "unix:///run/opa.sock",
        "http://",
        "http://opa.example:port",
        "http://opa.example:99999",
        "http://opa.example/policies",
        "http://opa.example?a=b",
        "http://name:password@opa.example",
        "http://[::1",
    ],
)
def test_what_is_no_servers_address_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="ATHENA_OPA_URL"):
        ServerAddress.of(Settings(opa_url=url))


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
def test_production_may_ask_its_own_machine_in_the_clear(host: str) -> None:
    settings = Settings(env=Environment.PRODUCTION, opa_url=f"http://{host}:8181")
    assert ServerAddress.of(settings).tls is None


@pytest.mark.parametrize("host", ["opa.example", "10.0.0.7", "localhost.example"])
def test_production_asks_other_machines_by_tls_alone(host: str) -> None:
    settings = Settings(env=Environment.PRODUCTION, opa_url=f"http://{host}:8181")
    with pytest.raises(ConfigurationError, match="https"):
        ServerAddress.of(settings)


@pytest.mark.parametrize("content", [None, "", "not a certificate"])
def test_an_authority_that_cant_be_read_is_told(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "authority.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ConfigurationError, match="ATHENA_OPA_CA_FILE"):
        ServerAddress.of(Settings(opa_url="https://opa.example", opa_ca_file=path))
