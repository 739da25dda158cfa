"""A disclosure: one record, or a pointer to one, that went to a partner."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from athena.platform.kernel.identity import FieldGroup, Level, NominalId, TenantId


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
        return context_of(self.disclosure_id)

    @property
    def groups(self) -> list[FieldGroup]:
        """The groups among its fields."""
        return groups_of(self.fields)


def context_of(disclosure_id: UUID) -> str:
    """Return what the sealed payload of a disclosure is bound to."""
    return f"disclosure/{disclosure_id}"


def groups_of(fields: Collection[str]) -> list[FieldGroup]:
    """Return the groups among fields that were told, in the groups' own order."""
    return [group for group in FieldGroup if group.value in fields]


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
