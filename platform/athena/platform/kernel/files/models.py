"""Files, their keys, and what can be wrong with sealed bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from athena.platform.kernel.errors import AthenaError
from athena.platform.kernel.identity import LabelId

MOST_BYTES = 50 * 1024 * 1024
"""The largest file that is taken."""

MOST_NAME_BYTES = 255


class FileDamagedError(AthenaError):
    """Sealed bytes aren't what was sealed, or not under this key; nothing of the file is shown."""

    slug = "file-damaged"
    title = "The file can't be opened"


class FileErasedError(AthenaError):
    """The key of a file has been erased, so that nobody can open it any more."""

    status = 410
    slug = "file-erased"
    title = "The file has been erased"


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A data key as the store keeps it: wrapped by a key that isn't in the store."""

    wrapping_key: str
    blob: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A version of a force's data key; ``wrapped`` is gone once it has been erased."""

    version: int
    wrapped: WrappedKey | None


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file as the store keeps it."""

    file_id: UUID
    label_id: LabelId
    record_class: str
    record_id: UUID
    sealed_name: bytes = field(repr=False)
    media_type: str
    size: int
    chunk_count: int
    sha256: bytes
    key_version: int
    stored_at: datetime
    stored_by: UUID


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file to be stored, and which record of the member's own force it belongs to."""

    record_class: str
    record_id: UUID
    label_id: LabelId
    name: str = field(repr=False)
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A file's name and content, opened and proved whole."""

    file_id: UUID
    name: str = field(repr=False)
    media_type: str
    content: bytes = field(repr=False)
    sha256: bytes
