"""Formulas and bases as they are stored, with who stored them and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from athena.governance.apportionment.models import Formula, Measure, Shares
from athena.governance.apportionment.money import FinancialYear
from athena.platform.kernel.identity import TenantId


@dataclass(frozen=True, slots=True)
class StoredFormula:
    """A version of a formula; it never changes, so a charge that names it is bound by it."""

    reference: str
    version: int
    title: str
    formula: Formula
    digest: bytes
    stored_at: datetime
    username: str
    reason: str


@dataclass(frozen=True, slots=True)
class BasisSet:
    """What forces are measured by in a financial year: entered whole, frozen once."""

    basis_set_id: UUID
    year: FinancialYear
    measure: Measure
    version: int
    source: str
    source_checksum: str | None
    digest: bytes
    frozen_at: datetime | None
    frozen_by: str | None
    stored_at: datetime
    username: str
    reason: str
    values: Mapping[TenantId, int]


def standing(sets: list[BasisSet]) -> dict[tuple[FinancialYear, Measure], BasisSet]:
    """Return the set that speaks for each year and measure: the frozen one, else the newest."""
    found: dict[tuple[FinancialYear, Measure], BasisSet] = {}
    for each in sorted(sets, key=lambda each: (each.frozen_at is not None, each.version)):
        found[each.year, each.measure] = each
    return found


@dataclass(frozen=True, slots=True)
class Preview:
    """What a cost would come to for each force, by which formula and which bases."""

    shares: Shares
    formula: Formula
    formula_name: str
    year: FinancialYear
    sets: tuple[BasisSet, ...]

    @property
    def is_provisional(self) -> bool:
        """Whether it stands on bases that aren't frozen, so that they may still change."""
        return any(each.frozen_at is None for each in self.sets)
