"""What the API takes and answers about formulas, bases and previews."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictInt

from athena.governance.apportionment.explaining import percent
from athena.governance.apportionment.models import (
    Force,
    Formula,
    Measure,
    Shares,
    formula_document,
)
from athena.governance.apportionment.money import FinancialYear, check_pence
from athena.governance.apportionment.stored import BasisSet, Preview, StoredFormula
from athena.platform.kernel.identity import TenantId
from athena.platform.kernel.permits import Act, line_of_text
from athena.tenants.directory.models import Tenant

Year = Annotated[
    str,
    AfterValidator(lambda text: str(FinancialYear.parse(text))),
    Field(description="A financial year, such as 2026/27"),
]
Pence = Annotated[StrictInt, AfterValidator(check_pence)]
Title = Annotated[str, line_of_text(200)]


class NewFormula(Act):
    """A formula, or the next version of one."""

    title: Title
    formula: Formula


class NewBases(Act):
    """What forces, by their short names, are measured by: pence for expenditure, else counts."""

    financial_year: Year
    measure: Measure
    values: Annotated[dict[Force, Annotated[StrictInt, Field(ge=0)]], Field(max_length=100)]
    source: Annotated[str, Field(min_length=3), line_of_text(500)]
    source_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None


class CountUsage(Act):
    """The year whose consultations are to be counted."""

    financial_year: Year


class Freeze(Act):
    """Which version of a year's bases is to be frozen."""

    financial_year: Year
    measure: Measure
    version: Annotated[StrictInt, Field(ge=1, le=2_147_483_647)]


class Question(BaseModel):
    """A cost to be shared: by a stored formula (reference, or reference/2) or one given whole."""

    model_config = ConfigDict(extra="forbid")

    amount_pence: Pence
    formula: Annotated[str, Field(max_length=80)] | Formula
    financial_year: Year
    forces: Annotated[list[Force], Field(min_length=1, max_length=100)] | None = None

    def asked(self) -> str | Mapping[str, Any]:
        """Return the formula as the service takes it."""
        return self.formula if isinstance(self.formula, str) else formula_document(self.formula)


class FormulaView(BaseModel):
    """A stored version of a formula; the digest is the SHA-256 of its canonical form."""

    reference: str
    version: int
    title: str
    formula: Formula
    digest: str
    stored_at: datetime
    stored_by: str
    reason: str

    @classmethod
    def of(cls, stored: StoredFormula) -> FormulaView:
        """Return it as the API answers."""
        return cls(
            reference=stored.reference,
            version=stored.version,
            title=stored.title,
            formula=stored.formula,
            digest=stored.digest.hex(),
            stored_at=stored.stored_at,
            stored_by=stored.username,
            reason=stored.reason,
        )


class BasisView(BaseModel):
    """A set of bases with its source and what it can be held against."""

    financial_year: str
    measure: Measure
    version: int
    source: str
    source_sha256: str | None
    digest: str
    frozen_at: datetime | None
    frozen_by: str | None
    stored_at: datetime
    stored_by: str
    reason: str
    values: dict[str, int]

    @classmethod
    def of(cls, stored: BasisSet, forces: Mapping[TenantId, Tenant]) -> BasisView:
        """Return it as the API answers."""
        return cls(
            financial_year=str(stored.year),
            measure=stored.measure,
            version=stored.version,
            source=stored.source,
            source_sha256=stored.source_checksum,
            digest=stored.digest.hex(),
            frozen_at=stored.frozen_at,
            frozen_by=stored.frozen_by,
            stored_at=stored.stored_at,
            stored_by=stored.username,
            reason=stored.reason,
            values={forces[tenant].slug: value for tenant, value in sorted(stored.values.items())},
        )


class ShareView(BaseModel):
    """What a force bears, and why."""

    force: str
    name: str
    pence: int
    percent: str
    why: str


def share_views(shares: Shares) -> list[ShareView]:
    """Return shares as the API answers."""
    return [
        ShareView(
            force=each.force,
            name=each.name,
            pence=each.pence,
            percent=percent(each.proportion),
            why=each.sentence,
        )
        for each in shares.shares
    ]


class PreviewView(BaseModel):
    """What a cost would come to; provisional where bases aren't frozen yet."""

    amount_pence: int
    financial_year: str
    formula: Formula
    formula_reference: str
    provisional: bool
    sources: list[str]
    shares: list[ShareView]

    @classmethod
    def of(cls, found: Preview) -> PreviewView:
        """Return it as the API answers."""
        return cls(
            amount_pence=found.shares.amount_pence,
            financial_year=str(found.year),
            formula=found.formula,
            formula_reference=found.formula_name,
            provisional=found.is_provisional,
            sources=[
                f"{each.measure.words} {each.year}, version {each.version}, "
                f"{'frozen' if each.frozen_at else 'not frozen'}: {each.source}"
                for each in found.sets
            ],
            shares=share_views(found.shares),
        )
