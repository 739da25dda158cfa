"""Links as a member may see them: never a cluster, only pairs whose two sides are visible."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from athena.platform.kernel.identity import NominalId, TenantId

Key = tuple[TenantId, NominalId]

TOTAL = "total"
"""The step of a waterfall that is the sum of the others."""


class Verdict(enum.StrEnum):
    """What a person decides of two nominals."""

    SAME = "same"
    NOT_SAME = "not_same"


@dataclass(frozen=True, slots=True)
class Seen:
    """A pair from one side: what its score came to, and what a person decided."""

    key: Key
    other: Key
    outcome: str | None
    weights: str | None
    made_at: datetime | None
    verdict: Verdict | None

    @property
    def joined(self) -> bool:
        """Whether both stand for one person: decided so, or linked and not decided otherwise."""
        if self.verdict is not None:
            return self.verdict is Verdict.SAME
        return self.outcome == "linked"


@dataclass(frozen=True, slots=True)
class SeenStep:
    """A step of the waterfall whose groups are shown of both nominals."""

    field: str
    level: str
    bits: float
