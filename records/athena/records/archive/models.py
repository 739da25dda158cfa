"""An archive: the lines of every table, counted and hashed, and who made it when.

docs/archive-format.md tells the format.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from athena.platform.kernel.errors import InvalidInputError


class TableDigest(BaseModel):
    """How many lines a table has in an archive, and the SHA-256 of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")

    @classmethod
    def of(cls, lines: Sequence[str]) -> TableDigest:
        """Return the digest of lines."""
        return cls(rows=len(lines), sha256=hashlib.sha256(file_of(lines)).hexdigest())


class Manifest(BaseModel):
    """What an archive says of itself; only the first five fields differ between two exports."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["athena-archive"] = "athena-archive"
    version: Literal[1] = 1
    force: str = Field(max_length=41)
    exported_at: datetime = Field(default_factory=lambda: datetime.now(UTC))
    exported_by: str = Field(max_length=100)
    tables: dict[str, TableDigest]
    checksum: str = Field(pattern=r"^[0-9a-f]{64}$")

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.checksum != checksum_of(self.tables):
            raise InvalidInputError("The archive's checksum isn't that of its tables.")
        return self


class Archive(BaseModel):
    """A manifest and the lines of its tables."""

    model_config = ConfigDict(frozen=True)

    manifest: Manifest
    lines: Mapping[str, Sequence[str]]

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        found = {table: TableDigest.of(lines) for table, lines in self.lines.items()}
        if found != self.manifest.tables:
            raise InvalidInputError("The archive's files aren't those that its manifest lists.")
        return self


def file_of(lines: Sequence[str]) -> bytes:
    """Return lines as an archive's file."""
    return "".join(f"{line}\n" for line in lines).encode()


def checksum_of(tables: Mapping[str, TableDigest]) -> str:
    """Return the SHA-256 of everything in an archive but who made it when."""
    listed = "".join(
        f"{table} {tables[table].rows} {tables[table].sha256}\n" for table in sorted(tables)
    )
    return hashlib.sha256(listed.encode()).hexdigest()
