"""Corrections, and who still holds what of a record."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from athena.platform.kernel.clocks.models import Due
from athena.platform.kernel.clocks.service import working_days_later
from athena.platform.kernel.identity import TenantId

WORKING_DAYS = 2
"""How long a recipient may take to acknowledge, from the day after: the consortium's own choice.

The law asks that recipients are told, and that they do the same (Data Protection Act 2018, s.48).
"""


class Change(enum.StrEnum):
    """What became of a disclosed fact."""

    RECTIFIED = "rectified"
    ERASED = "erased"


class Done(enum.StrEnum):
    """What a recipient did about a correction."""

    CORRECTED = "corrected"
    ERASED = "erased"
    NOT_HELD = "not_held"


def due(changed_at: datetime) -> Due:
    """Return by when a correction of a moment must be acknowledged."""
    return working_days_later(changed_at, WORKING_DAYS)


@dataclass(frozen=True, slots=True)
class Correction:
    """That a recipient was told of a disclosed fact that is wrong or gone, and what it did."""

    correction_id: UUID
    disclosure_id: UUID
    partner: str
    source_force: str
    change: Change
    fields: tuple[str, ...]
    changed_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    done: Done | None

    @property
    def due_at(self) -> datetime:
        """By when it must be acknowledged."""
        return due(self.changed_at).at


@dataclass(frozen=True, slots=True)
class Holding:
    """What a recipient was given of a record in one disclosure, and what it still holds of it."""

    disclosure_id: UUID
    partner: str
    given_at: datetime
    agreement_id: UUID
    given: tuple[str, ...]
    wrong: tuple[str, ...]
    """The fields that it was told are wrong or gone, and hasn't acknowledged."""
    gone: bool
    """Whether it says that it holds nothing of it any more."""

    @property
    def held(self) -> tuple[str, ...]:
        """The fields that it still holds, as far as is known here."""
        return () if self.gone else self.given


@dataclass(frozen=True, slots=True)
class Unacknowledged:
    """A correction that nobody acknowledged yet, and that is on no worklist."""

    owner: TenantId
    correction_id: UUID
    changed_at: datetime
