"""Attachments in a real store: sealed there, opened whole, gone with their force's key."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest

from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.errors import InvalidInputError, NotFoundError
from athena.platform.kernel.files import service
from athena.platform.kernel.files.format import CHUNK_BYTES
from athena.platform.kernel.files.keys import FileKeyProvider
from athena.platform.kernel.files.models import (
    MOST_BYTES,
    FileDamagedError,
    FileErasedError,
    NewFile,
)
from athena.platform.kernel.files.service import FileStore
from athena.platform.kernel.identity import LabelId, Purpose
from athena.policies.roles.actions import Action
from athena.policies.visibility.models import Alteration
from athena.tenants.members.service import subject_by_username
from support.api import REASON, Platform
from support.cluster import Cluster

CONTENT = bytes(range(256)) * (CHUNK_BYTES // 256) + b"and some more"
"""Two chunks."""


@pytest.fixture
def files(tmp_path: Path) -> FileStore:
    return FileStore(FileKeyProvider.open(tmp_path / "keys.json"))


@pytest.fixture
async def admin(platform: Platform, cluster: Cluster) -> AsyncIterator[asyncpg.Connection]:
    """Yield a superuser's connection: whoever holds the disk."""
    connection = await cluster.admin(platform.runtime.store.address.database)
    yield connection
    await connection.close()


@asynccontextmanager
async def altering(
    platform: Platform, username: str, kind: EventKind = EventKind.ALTERATION
) -> AsyncIterator[Alteration]:
    """Open a logged change for a member."""
    subject = await subject_by_username(platform.runtime.database, username)
    entry = Entry(kind, "files.test", REASON)
    gate = platform.runtime.gate
    async with gate.alter(
        subject, Action.NOMINALS_AMEND, Purpose.INVESTIGATION, entry
    ) as alteration:
        yield alteration


async def label(platform: Platform, force: str, *, restricted: bool = False) -> LabelId:
    """Return a label of a force."""
    async with platform.runtime.database.write(f"athena_{force}") as session:
        return LabelId(
            await session.value(
                "SELECT ctx.intern_label('nominal', 'OFFICIAL', 'P', '{}', '{other}', false, "
                ":restricted)",
                {"restricted": restricted},
            )
        )


def attachment(label_id: LabelId, content: bytes = CONTENT) -> NewFile:
    return NewFile("nominal", uuid4(), label_id, "statement.pdf", "application/pdf", content)


async def stored(platform: Platform, files: FileStore, force: str, new: NewFile) -> UUID:
    async with altering(platform, f"officer.{force}") as work:
        return await files.store(work, new)


async def opened(platform: Platform, files: FileStore, username: str, file_id: UUID) -> bytes:
    subject = await subject_by_username(platform.runtime.database, username)
    entry = Entry(EventKind.CONSULTATION, "files.test", REASON)
    async with platform.runtime.gate.consult(
        subject, Action.NOMINALS_READ, Purpose.INVESTIGATION, entry
    ) as consultation:
        return (await files.open(consultation, file_id)).content


@pytest.mark.parametrize("content", [b"", b"short", CONTENT], ids=["empty", "short", "chunks"])
async def test_a_file_comes_back_as_it_was(
    platform: Platform, files: FileStore, content: bytes
) -> None:
    new = attachment(await label(platform, "bedfordshire"), content)
    async with altering(platform, "officer.bedfordshire") as work:
        # Keys of other tests are wrapped by other master keys.
        await files.renew_key(work)
        file_id = await files.store(work, new)
        ((listed, name),) = await files.names(work, "nominal", new.record_id)
        assert (listed.file_id, name, listed.size) == (file_id, "statement.pdf", len(content))
    assert await opened(platform, files, "officer.bedfordshire", file_id) == content


async def test_the_store_holds_neither_name_nor_content(
    platform: Platform, files: FileStore, admin: asyncpg.Connection
) -> None:
    new = replace(attachment(await label(platform, "norfolk")), content=b"the secret words" * 9)
    file_id = await stored(platform, files, "norfolk", new)
    rows = await admin.fetch(
        "SELECT f.*, c.sealed FROM work.file AS f JOIN work.file_chunk AS c USING (file_id) "
        "WHERE file_id = $1",
        file_id,
    )
    whole = b"".join(value for row in rows for value in row.values() if isinstance(value, bytes))
    assert b"secret" not in whole
    assert b"statement" not in whole


async def test_only_the_own_force_sees_it_and_only_under_its_label(
    platform: Platform, files: FileStore
) -> None:
    """A restricted record is a pointer to its own force's officers, and so are its files."""
    essex = await stored(platform, files, "essex", attachment(await label(platform, "essex")))
    with pytest.raises(NotFoundError):
        await opened(platform, files, "officer.kent", essex)
    restricted = attachment(await label(platform, "essex", restricted=True))
    async with altering(platform, "supervisor.essex") as work:
        hidden = await files.store(work, restricted)
    assert await opened(platform, files, "supervisor.essex", hidden) == CONTENT
    with pytest.raises(NotFoundError):
        await opened(platform, files, "officer.essex", hidden)


async def test_files_follow_their_records_label(platform: Platform, files: FileStore) -> None:
    new = attachment(await label(platform, "suffolk"))
    file_id = await stored(platform, files, "suffolk", new)
    restricted = await label(platform, "suffolk", restricted=True)
    async with altering(platform, "supervisor.suffolk") as work:
        assert await service.relabel(work, "nominal", new.record_id, restricted) == 1
    with pytest.raises(NotFoundError):
        await opened(platform, files, "officer.suffolk", file_id)
    assert await opened(platform, files, "supervisor.suffolk", file_id) == CONTENT


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE work.file_chunk SET sealed = overlay(sealed PLACING '\\x00' FROM 40) "
        "WHERE file_id = $1 AND number = 1",
        "DELETE FROM work.file_chunk WHERE file_id = $1 AND number = 1",
        "UPDATE work.file_chunk SET number = 2 WHERE file_id = $1 AND number = 0",
        "UPDATE work.file SET size = size - 1 WHERE file_id = $1",
        "UPDATE work.file SET chunk_count = 1 WHERE file_id = $1",
        "UPDATE work.file SET sha256 = sha256('x') WHERE file_id = $1",
        "UPDATE work.file SET sealed_name = sha256('x') WHERE file_id = $1",
    ],
)
async def test_altered_in_the_store_it_is_refused_whole(
    platform: Platform, files: FileStore, admin: asyncpg.Connection, damage: str
) -> None:
    new = attachment(await label(platform, "kent"))
    async with altering(platform, "officer.kent") as work:
        await files.renew_key(work)
        file_id = await files.store(work, new)
    await admin.execute(damage, file_id)
    with pytest.raises(FileDamagedError):
        await opened(platform, files, "officer.kent", file_id)


async def test_a_chunk_of_another_file_is_refused(
    platform: Platform, files: FileStore, admin: asyncpg.Connection
) -> None:
    new = attachment(await label(platform, "kent"))
    async with altering(platform, "officer.kent") as work:
        await files.renew_key(work)
        one, other = await files.store(work, new), await files.store(work, new)
    await admin.execute(
        "UPDATE work.file_chunk SET sealed = (SELECT sealed FROM work.file_chunk "
        "WHERE file_id = $2 AND number = 1) WHERE file_id = $1 AND number = 1",
        one,
        other,
    )
    with pytest.raises(FileDamagedError):
        await opened(platform, files, "officer.kent", one)


class TestKeys:
    async def test_rewrapped_keys_open_without_the_old_master_key(
        self, platform: Platform, files: FileStore
    ) -> None:
        new = attachment(await label(platform, "warwickshire"))
        file_id = await stored(platform, files, "warwickshire", new)
        assert isinstance(files.provider, FileKeyProvider)
        provider = files.provider.rotate()
        rotated = FileStore(provider)
        async with altering(platform, "records.warwickshire") as work:
            assert await rotated.rewrap(work) == 1
            assert await rotated.rewrap(work) == 0
        newest = {provider.current: provider.keys[provider.current]}
        alone = FileStore(replace(provider, keys=newest))
        assert await opened(platform, alone, "officer.warwickshire", file_id) == CONTENT

    async def test_a_renewed_key_seals_what_comes_and_the_old_opens_what_was(
        self, platform: Platform, files: FileStore
    ) -> None:
        new = attachment(await label(platform, "west-mercia".replace("-", "_")))
        before = await stored(platform, files, "west-mercia", new)
        async with altering(platform, "records.west-mercia") as work:
            assert await files.renew_key(work) == 2
        after = await stored(platform, files, "west-mercia", new)
        for file_id in (before, after):
            assert await opened(platform, files, "officer.west-mercia", file_id) == CONTENT

    async def test_erasing_the_forces_keys_makes_its_files_unreadable(
        self, platform: Platform, files: FileStore, admin: asyncpg.Connection
    ) -> None:
        new = attachment(await label(platform, "hertfordshire"))
        file_id = await stored(platform, files, "hertfordshire", new)
        async with altering(platform, "records.hertfordshire", EventKind.ERASURE) as work:
            assert await service.erase_keys(work) == 1
        with pytest.raises(FileErasedError):
            await opened(platform, files, "officer.hertfordshire", file_id)
        left = await admin.fetchval(
            "SELECT count(*) FROM work.data_key AS k JOIN tenants.tenant AS t "
            "ON t.tenant_id = k.owner_force WHERE t.slug = 'hertfordshire' AND wrapped IS NOT NULL"
        )
        assert left == 0
        after = await stored(platform, files, "hertfordshire", new)
        assert await opened(platform, files, "officer.hertfordshire", after) == CONTENT


async def test_erased_is_erased_with_its_chunks(
    platform: Platform, files: FileStore, admin: asyncpg.Connection
) -> None:
    new = attachment(await label(platform, "cambridgeshire"))
    async with altering(platform, "officer.cambridgeshire") as work:
        file_id = await files.store(work, new)
        await service.erase(work, file_id)
    left = await admin.fetchval("SELECT count(*) FROM work.file_chunk WHERE file_id = $1", file_id)
    assert left == 0
    with pytest.raises(NotFoundError):
        async with altering(platform, "officer.cambridgeshire") as work:
            await service.erase(work, file_id)


@pytest.mark.parametrize(
    "change",
    [
        lambda new: replace(new, content=bytes(MOST_BYTES + 1)),
        lambda new: replace(new, name=""),
        lambda new: replace(new, name="a\nb"),
        lambda new: replace(new, name="../x"),
        lambda new: replace(new, name="x" * 256),
        lambda new: replace(new, media_type="pdf"),
    ],
    ids=["large", "nameless", "two lines", "folder", "long", "no type"],
)
async def test_what_breaks_a_rule_is_refused(
    platform: Platform, files: FileStore, change: Callable[[NewFile], NewFile]
) -> None:
    new = change(attachment(await label(platform, "kent"), b"x"))
    with pytest.raises(InvalidInputError):
        await stored(platform, files, "kent", new)
