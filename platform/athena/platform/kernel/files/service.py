"""Storing and opening attachments, and the life of the keys that seal them.

Every function takes a transaction that is open and logged: a file is stored or read with its event
or not at all. Storing, relabelling and everything about keys need a logged change (`Gate.alter`).
"""

from __future__ import annotations

import asyncio
import re
import secrets
from dataclasses import dataclass
from uuid import UUID, uuid4

from athena.platform.kernel.desk import OpenChange, OpenWork
from athena.platform.kernel.errors import ConflictError, InvalidInputError, NotFoundError
from athena.platform.kernel.files import format as sealing
from athena.platform.kernel.files import repository
from athena.platform.kernel.files.keys import KeyProvider
from athena.platform.kernel.files.models import (
    MOST_BYTES,
    MOST_NAME_BYTES,
    FileErasedError,
    NewFile,
    OpenedFile,
    StoredFile,
)
from athena.platform.kernel.identity import LabelId

_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]{1,100}")
_NOT_THERE = "There is no such file that you can see."


@dataclass(frozen=True, slots=True)
class FileStore:
    """Seals and opens the files of forces with keys that a provider wraps."""

    provider: KeyProvider

    async def store(self, work: OpenChange, new: NewFile) -> UUID:
        """Seal a file and store it under its record's label; return its id."""
        _check(new)
        version, data_key = await self._newest_key(work)
        file_id = uuid4()
        header = await asyncio.to_thread(
            sealing.header_of, work.subject.tenant_id, file_id, version, new.content
        )
        await repository.add_file(work, header, new, sealing.seal_name(data_key, header, new.name))
        await repository.add_chunks(
            work, file_id, sealing.seal_chunks(data_key, header, new.content)
        )
        return file_id

    async def open(self, work: OpenWork, file_id: UUID) -> OpenedFile:
        """Return a file whole: NotFoundError, FileErasedError or FileDamagedError otherwise."""
        stored = await repository.find(work, file_id)
        if stored is None:
            raise NotFoundError(_NOT_THERE)
        data_key = await self._data_key(work, stored.key_version)
        header = _header(work, stored)
        chunks = await repository.chunks(work, file_id)
        return OpenedFile(
            file_id=file_id,
            name=sealing.open_name(data_key, header, stored.sealed_name),
            media_type=stored.media_type,
            content=await asyncio.to_thread(sealing.open_chunks, data_key, header, chunks),
            sha256=stored.sha256,
        )

    async def names(
        self, work: OpenWork, record_class: str, record_id: UUID
    ) -> list[tuple[StoredFile, str]]:
        """Return the files of a record with their names, the oldest first."""
        found = []
        for stored in await repository.of_record(work, record_class, record_id):
            data_key = await self._data_key(work, stored.key_version)
            header = _header(work, stored)
            found.append((stored, sealing.open_name(data_key, header, stored.sealed_name)))
        return found

    async def renew_key(self, work: OpenChange) -> int:
        """Start a new version of the force's data key and return its number."""
        versions = await repository.keys(work)
        version = versions[0].version + 1 if versions else 1
        data_key = secrets.token_bytes(sealing.KEY_BYTES)
        wrapped = await self.provider.wrap(data_key, _context(work, version))
        await repository.add_key(work, version, wrapped)
        return version

    async def rewrap(self, work: OpenChange) -> int:
        """Wrap the force's data keys by the current master key; return how many were by another."""
        count = 0
        for stored in await repository.keys(work):
            old = stored.wrapped
            if old is None or old.wrapping_key == self.provider.current:
                continue
            context = _context(work, stored.version)
            data_key = await self.provider.unwrap(old, context)
            new = await self.provider.wrap(data_key, context)
            if not await repository.rewrap_key(work, stored.version, old, new):
                raise ConflictError("The key was changed by somebody else; run this again.")
            count += 1
        return count

    async def _newest_key(self, work: OpenChange) -> tuple[int, bytes]:
        """Return the newest version of the data key, making one where there is none to use."""
        versions = await repository.keys(work)
        if not versions or versions[0].wrapped is None:
            await self.renew_key(work)
            versions = await repository.keys(work)
        version = versions[0].version
        return version, await self._data_key(work, version)

    async def _data_key(self, work: OpenWork, version: int) -> bytes:
        stored = await repository.key(work, version)
        if stored is None or stored.wrapped is None:
            raise FileErasedError("The key of this file was erased, so nobody can open it again.")
        return await self.provider.unwrap(stored.wrapped, _context(work, version))


async def relabel(work: OpenChange, record_class: str, record_id: UUID, label_id: LabelId) -> int:
    """Let a record's files follow its label; whoever changes a record's label calls this."""
    return await repository.relabel(work, record_class, record_id, label_id)


async def erase(work: OpenChange, file_id: UUID) -> None:
    """Delete a file, or NotFoundError."""
    if not await repository.erase(work, file_id):
        raise NotFoundError(_NOT_THERE)


async def erase_keys(work: OpenChange) -> int:
    """Erase every data key of the member's force: none of its files can be opened again."""
    return await repository.erase_keys(work)


def _check(new: NewFile) -> None:
    if len(new.content) > MOST_BYTES:
        raise InvalidInputError(
            f"The file is too large; at most {MOST_BYTES // 1024 // 1024} MB are taken.",
            field="/content",
        )
    name = new.name
    if not name.strip() or len(name.encode()) > MOST_NAME_BYTES or not name.isprintable():
        raise InvalidInputError(
            f"Name the file in 1 to {MOST_NAME_BYTES} printable characters.", field="/name"
        )
    if "/" in name or "\\" in name:
        raise InvalidInputError("A file's name has no folders in it.", field="/name")
    if not _MEDIA_TYPE.fullmatch(new.media_type):
        raise InvalidInputError(
            "Give the file's media type, for example application/pdf.", field="/media_type"
        )


def _context(work: OpenWork, version: int) -> bytes:
    return f"athena/data-key/{work.subject.tenant_id}/{version}".encode()


def _header(work: OpenWork, stored: StoredFile) -> sealing.Header:
    return sealing.Header(
        force=work.subject.tenant_id,
        file_id=stored.file_id,
        key_version=stored.key_version,
        chunk_count=stored.chunk_count,
        size=stored.size,
        sha256=stored.sha256,
    )
