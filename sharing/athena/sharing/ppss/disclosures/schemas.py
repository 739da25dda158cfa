"""The ledger as it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from athena.sharing.ppss.disclosures.models import Entered

MOST_LINES = 100


class LedgerLine(BaseModel):
    """What went to whom: which fields, under which agreement and decision, who asked, when."""

    disclosure_id: UUID
    at: datetime
    partner: str
    source_force: str
    agreement_id: UUID
    agreement: str | None
    decision_id: UUID
    purpose: str
    asked_by: str
    asked_role: str
    level: str
    fields: list[str]
    digest: str = Field(description="SHA-256 of the canonical form of the record as it was sent")
    payload_kept: bool | None = Field(
        description="Whether the words are still kept; null where that isn't told"
    )

    @classmethod
    def of(cls, line: Entered, titles: Mapping[UUID, str]) -> LedgerLine:
        """Return the view of a line."""
        return cls(
            disclosure_id=line.disclosure_id,
            at=line.at,
            partner=line.partner,
            source_force=line.source_force,
            agreement_id=line.agreement_id,
            agreement=titles.get(line.agreement_id),
            decision_id=line.decision_id,
            purpose=line.purpose,
            asked_by=line.asked_by,
            asked_role=line.asked_role,
            level=line.level,
            fields=list(line.fields),
            digest=line.digest.hex(),
            payload_kept=line.payload_kept,
        )


class Ledger(BaseModel):
    """A page of the ledger, the newest line first; ask again with ``next`` as ``before``."""

    lines: list[LedgerLine]
    next: datetime | None

    @classmethod
    def of(cls, lines: Sequence[Entered], most: int, titles: Mapping[UUID, str]) -> Ledger:
        """Return the page of some lines, of which there were asked for ``most``."""
        views = [LedgerLine.of(line, titles) for line in lines]
        return cls(lines=views, next=views[-1].at if len(views) == most else None)
