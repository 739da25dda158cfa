"""A record that was just opened."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from athena.platform.kernel.identity import LabelId, TenantId


@dataclass(frozen=True, slots=True)
class Access:
    """An emergency access as the store opened it: the record's id is told once it is committed."""

    access_id: UUID
    owner_force: TenantId
    label_id: LabelId
