"""Imports as the API tells them: files, checksums and counts, nothing of a person."""

from __future__ import annotations

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, Field

from athena.records.imports.models import Report, Run, RunState


class ShownRun(BaseModel):
    """An import of the own force."""

    id: UUID
    state: RunState
    source: str
    file: str
    checksum: str = Field(description="SHA-256 of the file")
    rows_read: int = Field(description="Where it goes on if it was interrupted")
    started_at: datetime
    changed_at: datetime

    @classmethod
    def of(cls, run: Run) -> Self:
        """Return a run as the API tells it."""
        return cls(
            id=run.run_id,
            state=run.state,
            source=run.source,
            file=run.file_name,
            checksum=run.file_sha256,
            rows_read=run.rows_read,
            started_at=run.started_at,
            changed_at=run.changed_at,
        )


class ShownReport(BaseModel):
    """What became of every row, counted now: read = loaded + known + rejected + held."""

    id: UUID
    state: RunState
    source: str
    file: str
    checksum: str
    read: int
    loaded: int
    known: int = Field(description="Loaded by an earlier import")
    rejected: int
    held: int
    waiting: int = Field(description="Of those held, how many wait for a decision")
    same: int
    dropped: int
    gone: int = Field(description="Loaded, and no longer there or not shown")
    reconciles: bool
    reasons: dict[str, int]

    @classmethod
    def of(cls, report: Report) -> Self:
        """Return a report as the API tells it."""
        return cls(
            id=report.run,
            state=report.state,
            source=report.source,
            file=report.file,
            checksum=report.checksum,
            read=report.read,
            loaded=report.loaded,
            known=report.known,
            rejected=report.rejected,
            held=report.held,
            waiting=report.waiting,
            same=report.same,
            dropped=report.dropped,
            gone=report.gone,
            reconciles=report.reconciles,
            reasons=report.reasons,
        )
