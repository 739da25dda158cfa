"""The SQL of files and of their wrapped keys; the store never sees an open byte."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from athena.platform.kernel.desk import OpenChange, OpenWork
from athena.platform.kernel.files.format import Header
from athena.platform.kernel.files.models import NewFile, StoredFile, StoredKey, WrappedKey
from athena.platform.kernel.identity import LabelId
from athena.platform.kernel.rows import Row

_COLUMNS = (
    "file_id, label_id, record_class, record_id, sealed_name, media_type, size, chunk_count, "
    "sha256, key_version, stored_at, stored_by"
)


async def keys(work: OpenWork) -> list[StoredKey]:
    """Return every version of the force's data key, the newest first."""
    rows = await work.session.rows(
        "SELECT key_version, wrapping_key, wrapped FROM work.data_key WHERE owner_force = :owner "
        "ORDER BY key_version DESC",
        {"owner": work.subject.tenant_id},
    )
    return [_key(row) for row in rows]


async def key(work: OpenWork, version: int) -> StoredKey | None:
    """Return one version of the force's data key, or None."""
    row = await work.session.one(
        "SELECT key_version, wrapping_key, wrapped FROM work.data_key "
        "WHERE owner_force = :owner AND key_version = :version",
        {"owner": work.subject.tenant_id, "version": version},
    )
    return _key(row) if row else None


async def add_key(work: OpenChange, version: int, wrapped: WrappedKey) -> None:
    """Store a new version of the force's data key, unless somebody was faster."""
    await work.session.execute(
        "INSERT INTO work.data_key (owner_force, key_version, wrapping_key, wrapped) "
        "VALUES (:owner, :version, :wrapping_key, :wrapped) ON CONFLICT DO NOTHING",
        {
            "owner": work.subject.tenant_id,
            "version": version,
            "wrapping_key": wrapped.wrapping_key,
            "wrapped": wrapped.blob,
        },
    )


async def rewrap_key(work: OpenChange, version: int, old: WrappedKey, new: WrappedKey) -> int:
    """Put a data key's new wrapping in the place of the old one and return whether it was there."""
    return await work.session.execute(
        "UPDATE work.data_key SET wrapping_key = :wrapping_key, wrapped = :wrapped "
        "WHERE owner_force = :owner AND key_version = :version AND wrapping_key = :old "
        "AND wrapped IS NOT NULL",
        {
            "owner": work.subject.tenant_id,
            "version": version,
            "wrapping_key": new.wrapping_key,
            "wrapped": new.blob,
            "old": old.wrapping_key,
        },
    )


async def erase_keys(work: OpenChange) -> int:
    """Erase every version of the force's data key and return how many there were."""
    return await work.session.execute(
        "UPDATE work.data_key SET wrapped = NULL, erased_at = now() "
        "WHERE owner_force = :owner AND wrapped IS NOT NULL",
        {"owner": work.subject.tenant_id},
    )


async def add_file(work: OpenChange, header: Header, new: NewFile, sealed_name: bytes) -> None:
    """Store what is known of a file."""
    await work.session.execute(
        "INSERT INTO work.file (owner_force, file_id, label_id, record_class, record_id, "
        "sealed_name, media_type, size, chunk_count, sha256, key_version) "
        "VALUES (:owner, :file, :label, :record_class, :record, :name, :media_type, :size, "
        ":chunks, :sha256, :key_version)",
        {
            "owner": work.subject.tenant_id,
            "file": header.file_id,
            "label": new.label_id,
            "record_class": new.record_class,
            "record": new.record_id,
            "name": sealed_name,
            "media_type": new.media_type,
            "size": header.size,
            "chunks": header.chunk_count,
            "sha256": header.sha256,
            "key_version": header.key_version,
        },
    )


async def add_chunks(work: OpenChange, file_id: UUID, chunks: Iterable[bytes]) -> None:
    """Store the sealed chunks of a file, one at a time."""
    for number, sealed in enumerate(chunks):
        await work.session.execute(
            "INSERT INTO work.file_chunk (owner_force, file_id, number, sealed) "
            "VALUES (:owner, :file, :number, :sealed)",
            {
                "owner": work.subject.tenant_id,
                "file": file_id,
                "number": number,
                "sealed": sealed,
            },
        )


async def find(work: OpenWork, file_id: UUID) -> StoredFile | None:
    """Return a file that the member may see, or None."""
    row = await work.session.one(
        f"SELECT {_COLUMNS} FROM work.file WHERE owner_force = :owner AND file_id = :file",
        {"owner": work.subject.tenant_id, "file": file_id},
    )
    return _file(row) if row else None


async def of_record(work: OpenWork, record_class: str, record_id: UUID) -> list[StoredFile]:
    """Return the files of a record that the member may see, the oldest first."""
    rows = await work.session.rows(
        f"SELECT {_COLUMNS} FROM work.file WHERE owner_force = :owner "
        "AND record_class = :record_class AND record_id = :record ORDER BY stored_at, file_id",
        {
            "owner": work.subject.tenant_id,
            "record_class": record_class,
            "record": record_id,
        },
    )
    return [_file(row) for row in rows]


async def chunks(work: OpenWork, file_id: UUID) -> list[bytes]:
    """Return the sealed chunks of a file in their order."""
    rows = await work.session.rows(
        "SELECT sealed FROM work.file_chunk WHERE owner_force = :owner AND file_id = :file "
        "ORDER BY number",
        {"owner": work.subject.tenant_id, "file": file_id},
    )
    return [row.sealed for row in rows]


async def relabel(work: OpenChange, record_class: str, record_id: UUID, label_id: LabelId) -> int:
    """Give every file of a record its record's new label and return how many there are."""
    return await work.session.execute(
        "UPDATE work.file SET label_id = :label WHERE owner_force = :owner "
        "AND record_class = :record_class AND record_id = :record",
        {
            "owner": work.subject.tenant_id,
            "record_class": record_class,
            "record": record_id,
            "label": label_id,
        },
    )


async def erase(work: OpenChange, file_id: UUID) -> int:
    """Delete a file with its chunks and return whether it was there."""
    return await work.session.execute(
        "DELETE FROM work.file WHERE owner_force = :owner AND file_id = :file",
        {"owner": work.subject.tenant_id, "file": file_id},
    )


def _key(row: Row) -> StoredKey:
    wrapped = WrappedKey(row.wrapping_key, row.wrapped) if row.wrapped is not None else None
    return StoredKey(row.key_version, wrapped)


def _file(row: Row) -> StoredFile:
    return StoredFile(
        file_id=row.file_id,
        label_id=LabelId(row.label_id),
        record_class=row.record_class,
        record_id=row.record_id,
        sealed_name=row.sealed_name,
        media_type=row.media_type,
        size=row.size,
        chunk_count=row.chunk_count,
        sha256=row.sha256,
        key_version=row.key_version,
        stored_at=row.stored_at,
        stored_by=row.stored_by,
    )
