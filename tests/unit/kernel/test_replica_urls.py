"""Where standbys are, as an operator sets it."""

from __future__ import annotations

import pytest

from athena.platform.kernel.database import StoreAddress
from athena.platform.kernel.errors import ConfigurationError
from athena.platform.kernel.settings import Settings, load_settings
from athena.platform.kernel.store import Store, open_store

PRIMARY = "postgresql://admin:secret@db/athena"


def opened(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Store:
    """Open a normal store by its settings, which connects nowhere."""
    monkeypatch.setenv("ATHENA_DATABASE_URL", PRIMARY)
    monkeypatch.setenv("ATHENA_MASTER_SECRET", "0123456789" * 4)
    for name, value in variables.items():
        monkeypatch.setenv(f"ATHENA_{name}", value)
    return open_store(load_settings())


def test_without_the_setting_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert opened(monkeypatch).standbys() == {}


def test_each_has_its_place_for_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    urls = "postgresql://one/athena, postgresql://me:hidden@two:5433/athena,"
    store = opened(monkeypatch, REPLICA_URLS=urls)
    assert store.replicas == (
        StoreAddress("one", 5432, "athena"),
        StoreAddress("two", 5433, "athena"),
    )
    assert list(store.standbys()) == ["one:5432", "two:5433"]
    assert "hidden" not in repr(Settings()) + repr(store)


@pytest.mark.parametrize("urls", ["standby1", "mysql://standby1/athena"])
def test_what_is_no_address_is_refused(monkeypatch: pytest.MonkeyPatch, urls: str) -> None:
    with pytest.raises(ConfigurationError, match="ATHENA_REPLICA_URLS"):
        opened(monkeypatch, REPLICA_URLS=urls)
