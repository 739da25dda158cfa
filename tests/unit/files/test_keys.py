"""The demo's master keys: a file that only its owner reads, rotated without losing anything."""

from __future__ import annotations

import stat
from dataclasses import replace
from pathlib import Path

import pytest

from athena.platform.kernel.errors import ConfigurationError
from athena.platform.kernel.files.keys import FileKeyProvider, open_key_provider
from athena.platform.kernel.settings import Environment, Settings

DATA_KEY = bytes(range(32))
CONTEXT = b"athena/data-key/1/1"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "file-master-keys.json"


async def test_a_wrapped_key_comes_back(path: Path) -> None:
    provider = FileKeyProvider.open(path)
    wrapped = await provider.wrap(DATA_KEY, CONTEXT)
    assert DATA_KEY not in wrapped.blob
    assert await FileKeyProvider.open(path).unwrap(wrapped, CONTEXT) == DATA_KEY


async def test_another_context_unwraps_nothing(path: Path) -> None:
    provider = FileKeyProvider.open(path)
    wrapped = await provider.wrap(DATA_KEY, CONTEXT)
    with pytest.raises(ConfigurationError):
        await provider.unwrap(wrapped, b"athena/data-key/2/1")


async def test_another_installations_file_unwraps_nothing(path: Path, tmp_path: Path) -> None:
    wrapped = await FileKeyProvider.open(path).wrap(DATA_KEY, CONTEXT)
    with pytest.raises(ConfigurationError, match="isn't here"):
        await FileKeyProvider.open(tmp_path / "other.json").unwrap(wrapped, CONTEXT)


async def test_after_rotation_old_wrappings_still_open_and_new_ones_need_no_old_key(
    path: Path,
) -> None:
    provider = FileKeyProvider.open(path)
    old = await provider.wrap(DATA_KEY, CONTEXT)
    rotated = provider.rotate()
    assert rotated.current != provider.current
    assert await rotated.unwrap(old, CONTEXT) == DATA_KEY
    new = await rotated.wrap(DATA_KEY, CONTEXT)
    alone = replace(rotated, keys={rotated.current: rotated.keys[rotated.current]})
    assert await alone.unwrap(new, CONTEXT) == DATA_KEY
    with pytest.raises(ConfigurationError):
        await alone.unwrap(old, CONTEXT)


def test_only_its_owner_reads_the_file_and_rotation_leaves_no_other(path: Path) -> None:
    provider = FileKeyProvider.open(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    provider.rotate()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_no_key_is_in_a_representation(path: Path) -> None:
    provider = FileKeyProvider.open(path)
    assert str(provider.keys[provider.current]) not in repr(provider)


def test_a_file_that_others_can_read_is_refused(path: Path) -> None:
    FileKeyProvider.open(path)
    path.chmod(0o640)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        FileKeyProvider.open(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"current": "a"}',
        '{"current": "a", "keys": {}}',
        '{"current": "a", "keys": {"a": "AAAA"}}',
        '{"current": "a", "keys": {"a": 1}}',
        '{"current": "a", "keys": []}',
    ],
)
def test_a_file_that_isnt_one_is_refused(path: Path, text: str) -> None:
    FileKeyProvider.open(path)
    path.write_text(text)
    with pytest.raises(ConfigurationError, match="backup"):
        FileKeyProvider.open(path)


def test_production_needs_a_key_management_service(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="key management service"):
        open_key_provider(Settings(env=Environment.PRODUCTION, data_dir=tmp_path))
    assert list(tmp_path.iterdir()) == []
