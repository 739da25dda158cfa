"""A disclosure: one record, or a pointer to one, that went to a partner."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from athena.platform.kernel.identity import Level, NominalId, TenantId


@dataclass(frozen=True, slots=True)
class Disclosure:
    """What is entered in the ledger of one record that a call discloses."""

    disclosure_id: UUID
    owner_force: TenantId
    nominal_id: NominalId | None
    """None for a pointer, which names a force and no record."""
    level: Level
    fields: tuple[str, ...]
    payload: bytes
    """The record as it was sent, in its canonical form (RFC 8785)."""

    @property
    def context(self) -> str:
        """What the sealed payload is bound to."""
        return f"disclosure/{self.disclosure_id}"


@dataclass(frozen=True, slots=True)
class Entered:
    """A line of the ledger."""

    disclosure_id: UUID
    at: datetime
    partner: str
    source_force: str
    agreement_id: UUID
    decision_id: UUID
    purpose: str
    asked_by: str
    asked_role: str
    level: str
    fields: tuple[str, ...]
    digest: bytes
    payload_kept: bool | None
    """Whether the words themselves are still there; None for who may not know."""
