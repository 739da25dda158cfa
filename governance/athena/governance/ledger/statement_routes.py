"""What the accounts say, over HTTP: statements, the journal, balances, the forecast, as CSV too."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Response

from athena.governance.apportionment.money import FinancialYear
from athena.governance.ledger.reading import Reader
from athena.governance.ledger.rendering import journals_csv, statement_csv, statement_text
from athena.governance.ledger.views import (
    EntryView,
    ForecastView,
    JournalView,
    StatementView,
)
from athena.platform.kernel.identity import Subject
from athena.platform.kernel.web import Caller, problems

Force = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{1,40}$")]
InYear = Annotated[str, Path(max_length=10, description="A financial year, such as 2026-27")]


def _as(media_type: str) -> dict[int | str, dict[str, Any]]:
    """Return OpenAPI's description of an answer that isn't JSON."""
    return {200: {"content": {media_type: {"schema": {"type": "string"}}}}}


_CSV, _TEXT = _as("text/csv"), _as("text/plain")


def make_router(reader: Reader, caller: Caller) -> APIRouter:
    """Return the routes by which the accounts are read."""
    router = APIRouter(prefix="/api/v1/governance/ledger", tags=["ledger"])

    @router.get("/statements/{force}/{year}", responses=problems(404))
    async def statement(
        force: Force, year: InYear, subject: Subject = Depends(caller)
    ) -> StatementView:
        """Return a force's statement for a year; a force sees its own."""
        return StatementView.of(await reader.statement(subject, force, FinancialYear.parse(year)))

    @router.get(
        "/statements/{force}/{year}/csv",
        response_class=Response,
        responses={**problems(404), **_CSV},
    )
    async def statement_as_csv(
        force: Force, year: InYear, subject: Subject = Depends(caller)
    ) -> Response:
        """Return a force's statement as CSV (RFC 4180), in pounds."""
        found = await reader.statement(subject, force, FinancialYear.parse(year))
        return _csv(statement_csv(found), f"statement-{force}-{found.year.begins}.csv")

    @router.get(
        "/statements/{force}/{year}/text",
        response_class=Response,
        responses={**problems(404), **_TEXT},
    )
    async def statement_as_text(
        force: Force, year: InYear, subject: Subject = Depends(caller)
    ) -> Response:
        """Return a force's statement to be read."""
        found = await reader.statement(subject, force, FinancialYear.parse(year))
        return Response(statement_text(found), media_type="text/plain; charset=utf-8")

    @router.get("/journals/{year}", responses=problems())
    async def journal(year: InYear, subject: Subject = Depends(caller)) -> list[JournalView]:
        """Return a year's journals, with the entries that one may see."""
        found, forces = await reader.journal(subject, FinancialYear.parse(year))
        return [JournalView.of(each, forces) for each in found]

    @router.get("/journals/{year}/csv", response_class=Response, responses={**problems(), **_CSV})
    async def journal_as_csv(year: InYear, subject: Subject = Depends(caller)) -> Response:
        """Return a year's journals as CSV (RFC 4180), one line an entry, in pounds."""
        of = FinancialYear.parse(year)
        found, forces = await reader.journal(subject, of)
        names = {tenant: each.slug for tenant, each in forces.items()}
        return _csv(journals_csv(found, names), f"journals-{of.begins}.csv")

    @router.get("/balances", responses=problems())
    async def balances(subject: Subject = Depends(caller)) -> list[EntryView]:
        """Return the balance of every account that one may see: the trial balance."""
        found, forces = await reader.balances(subject)
        return [EntryView.of(entry, forces) for entry in found]

    @router.get("/forecasts/{year}", responses=problems())
    async def forecast(year: InYear, subject: Subject = Depends(caller)) -> ForecastView:
        """Return what a year is to cost by everything agreed, against its budget."""
        return ForecastView.of(*await reader.forecast(subject, FinancialYear.parse(year)))

    return router


def _csv(text: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)
