"""Costs over HTTP: formulas, bases, and previews of what a cost comes to for each force."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from athena.governance.apportionment.models import formula_document
from athena.governance.apportionment.money import FinancialYear
from athena.governance.apportionment.schemas import (
    BasisView,
    CountUsage,
    FormulaView,
    Freeze,
    NewBases,
    NewFormula,
    PreviewView,
    Question,
)
from athena.governance.apportionment.service import Costs
from athena.platform.kernel.identity import Subject
from athena.platform.kernel.web import Caller, problems

Reference = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{1,60}$")]


def make_router(costs: Costs, caller: Caller) -> APIRouter:
    """Return the routes of formulas, bases and previews."""
    router = APIRouter(prefix="/api/v1/governance/costs", tags=["costs"])

    @router.get("/formulas", responses=problems())
    async def formulas(subject: Subject = Depends(caller)) -> list[FormulaView]:
        """Return every version of every formula."""
        return [FormulaView.of(each) for each in await costs.formulas(subject)]

    @router.get("/formulas/{reference}", responses=problems(404))
    async def versions(
        reference: Reference, subject: Subject = Depends(caller)
    ) -> list[FormulaView]:
        """Return every version of a formula, the first one first."""
        return [FormulaView.of(each) for each in await costs.formulas(subject, reference)]

    @router.post("/formulas/{reference}", status_code=201, responses=problems(409))
    async def store_formula(
        reference: Reference, new: NewFormula, subject: Subject = Depends(caller)
    ) -> FormulaView:
        """Store a formula, or its next version; charges stay bound by the version they name."""
        document = formula_document(new.formula)
        return FormulaView.of(
            await costs.store_formula(subject, reference, new.title, document, new.reason)
        )

    @router.get("/bases", responses=problems())
    async def bases(
        financial_year: Annotated[str | None, Query(max_length=10)] = None,
        subject: Subject = Depends(caller),
    ) -> list[BasisView]:
        """Return what forces are measured by, in a year or in all, with its sources."""
        year = None if financial_year is None else FinancialYear.parse(financial_year)
        sets, forces = await costs.bases(subject, year)
        return [BasisView.of(each, forces) for each in sets]

    @router.post("/bases", status_code=201, responses=problems(409))
    async def store_bases(new: NewBases, subject: Subject = Depends(caller)) -> BasisView:
        """Store a year's figures of a measure with their source; they aren't frozen yet."""
        year = FinancialYear.parse(new.financial_year)
        stored = await costs.store_bases(
            subject, year, new.measure, new.values, new.source, new.source_sha256, new.reason
        )
        _, forces = await costs.bases(subject, year)
        return BasisView.of(stored, forces)

    @router.post("/bases/usage", status_code=201, responses=problems(409))
    async def count_usage(body: CountUsage, subject: Subject = Depends(caller)) -> BasisView:
        """Count each force's consultations in a year so far, and store them as its usage."""
        year = FinancialYear.parse(body.financial_year)
        stored = await costs.measure_usage(subject, year, body.reason)
        _, forces = await costs.bases(subject, year)
        return BasisView.of(stored, forces)

    @router.post("/bases/freeze", responses=problems(404, 409))
    async def freeze(body: Freeze, subject: Subject = Depends(caller)) -> BasisView:
        """Freeze a version of a year's bases for good: what is binding is shared by it."""
        year = FinancialYear.parse(body.financial_year)
        stored = await costs.freeze(subject, year, body.measure, body.version, body.reason)
        _, forces = await costs.bases(subject, year)
        return BasisView.of(stored, forces)

    @router.post("/preview", responses=problems(404))
    async def preview(question: Question, subject: Subject = Depends(caller)) -> PreviewView:
        """Return what a cost would come to for each force and why; nothing is stored."""
        year = FinancialYear.parse(question.financial_year)
        return PreviewView.of(
            await costs.preview(
                subject, question.amount_pence, question.asked(), year, question.forces
            )
        )

    return router
