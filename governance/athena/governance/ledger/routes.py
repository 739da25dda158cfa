"""The accounts over HTTP: charges, invoices, payments, statements, notices of withdrawal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from athena.governance.apportionment.money import FinancialYear
from athena.governance.ledger.models import Done
from athena.governance.ledger.reading import Reader
from athena.governance.ledger.schemas import (
    Budget,
    ChargeView,
    Commit,
    DoneView,
    Invoice,
    Join,
    Leave,
    Money,
    NewCharge,
    Notice,
    Requote,
    SupplierPayment,
    WholeCharge,
    YearView,
)
from athena.governance.ledger.service import Ledger
from athena.governance.ledger.views import ForeseenView, WithdrawalView
from athena.governance.ledger.withdrawals import Withdrawals
from athena.platform.kernel.identity import Subject
from athena.platform.kernel.web import Caller, problems

Name = Annotated[str, Path(pattern=r"^[A-Z][A-Z0-9-]{1,39}$", description="The charge's reference")]
Year = FinancialYear.parse


def make_router(
    ledger: Ledger, reader: Reader, withdrawals: Withdrawals, caller: Caller
) -> APIRouter:
    """Return the routes by which the accounts are kept."""
    router = APIRouter(prefix="/api/v1/governance/ledger", tags=["ledger"])

    @router.get("/charges", responses=problems())
    async def charges(subject: Subject = Depends(caller)) -> list[ChargeView]:
        """Return every charge: what it costs, by which formula, and who takes part."""
        found, forces = await reader.charges(subject)
        return [ChargeView.of(each, forces) for each in found]

    @router.post("/charges", status_code=201, responses=problems(404, 409))
    async def agree(new: NewCharge, subject: Subject = Depends(caller)) -> ChargeView:
        """Store a charge that forces agreed to share; it isn't committed yet."""
        stored = await ledger.agree(subject, new)
        _, forces = await reader.charges(subject)
        return ChargeView.of(stored, forces)

    @router.get("/charges/{name}", responses=problems(404))
    async def charge(name: Name, subject: Subject = Depends(caller)) -> WholeCharge:
        """Return a charge, and who bears what and why in each committed year."""
        found, years, forces = await reader.charge(subject, name)
        return WholeCharge(
            charge=ChargeView.of(found, forces),
            years=[YearView.of(year, forces) for year in years],
        )

    @router.post("/charges/{name}/commit", responses=problems(404, 409))
    async def commit(name: Name, body: Commit, subject: Subject = Depends(caller)) -> DoneView:
        """Commit the forces to their shares in a year; its bases must be frozen."""
        year = Year(body.financial_year)
        return DoneView.of(await ledger.commit(subject, name, year, body.day, body.reason))

    @router.post("/charges/{name}/quotes", responses=problems(404, 409))
    async def requote(name: Name, body: Requote, subject: Subject = Depends(caller)) -> DoneView:
        """Take a new quote from a year on; committed years are adjusted."""
        return DoneView.of(
            await ledger.requote(
                subject, name, Year(body.from_year), body.amount_pence, body.day, body.reason
            )
        )

    @router.post("/charges/{name}/members", responses=problems(404, 409))
    async def join(name: Name, body: Join, subject: Subject = Depends(caller)) -> DoneView:
        """Let a force join; it pays its share, and those who came before are credited."""
        return DoneView.of(
            await ledger.join(subject, name, body.force, body.joined_on, body.day, body.reason)
        )

    @router.post("/charges/{name}/leavers", responses=problems(404, 409))
    async def leave(name: Name, body: Leave, subject: Subject = Depends(caller)) -> DoneView:
        """Let a force leave an annual charge after a day."""
        return DoneView.of(
            await ledger.leave(subject, name, body.force, body.last_day, body.day, body.reason)
        )

    _add_documents(router, ledger, caller)
    _add_money(router, ledger, caller)
    _add_withdrawals(router, withdrawals, caller)
    return router


def _add_documents(router: APIRouter, ledger: Ledger, caller: Caller) -> None:
    acts: dict[str, Callable[..., Awaitable[Done]]] = {
        "invoices": ledger.invoice,
        "credits": ledger.credit,
    }

    def add(path: str, act: Callable[..., Awaitable[Done]]) -> None:
        @router.post(
            f"/charges/{{name}}/{path}",
            responses=problems(404, 409),
            name=path,
            description=act.__doc__,
        )
        async def take(name: Name, body: Invoice, subject: Subject = Depends(caller)) -> DoneView:
            year = Year(body.financial_year)
            return DoneView.of(
                await act(
                    subject, name, year, body.amount_pence, body.document, body.day, body.reason
                )
            )

    for path, act in acts.items():
        add(path, act)


def _add_money(router: APIRouter, ledger: Ledger, caller: Caller) -> None:
    @router.post("/receipts", responses=problems(409))
    async def receive(body: Money, subject: Subject = Depends(caller)) -> DoneView:
        """Enter what a force paid."""
        return DoneView.of(
            await ledger.receive(
                subject, body.force, body.amount_pence, body.document, body.day, body.reason
            )
        )

    @router.post("/refunds", responses=problems(409))
    async def refund(body: Money, subject: Subject = Depends(caller)) -> DoneView:
        """Pay a force back what stands to its credit."""
        return DoneView.of(
            await ledger.refund(
                subject, body.force, body.amount_pence, body.document, body.day, body.reason
            )
        )

    @router.post("/payments", responses=problems(409))
    async def pay(body: SupplierPayment, subject: Subject = Depends(caller)) -> DoneView:
        """Enter what was paid to the supplier."""
        return DoneView.of(
            await ledger.pay(subject, body.amount_pence, body.document, body.day, body.reason)
        )

    @router.post("/budgets", status_code=204, responses=problems())
    async def set_budget(body: Budget, subject: Subject = Depends(caller)) -> None:
        """Set what the board means to spend in a year."""
        year = Year(body.financial_year)
        await ledger.set_budget(subject, year, body.amount_pence, body.reason)


def _add_withdrawals(router: APIRouter, withdrawals: Withdrawals, caller: Caller) -> None:
    @router.get("/withdrawals", responses=problems())
    async def every(subject: Subject = Depends(caller)) -> list[WithdrawalView]:
        """Return every notice of withdrawal that was given."""
        found, forces = await withdrawals.every(subject)
        return [WithdrawalView.of(each, forces) for each in found]

    @router.get("/withdrawals/foreseen", responses=problems())
    async def foresee(
        force: Annotated[str, Query(max_length=41)],
        notice_on: date | None = None,
        subject: Subject = Depends(caller),
    ) -> ForeseenView:
        """Return what it would cost the others if a force gave notice; nothing changes."""
        return ForeseenView.of(*await withdrawals.foresee(subject, force, notice_on))

    @router.post("/withdrawals", responses=problems(409))
    async def give(body: Notice, subject: Subject = Depends(caller)) -> DoneView:
        """Take a force's notice: it leaves every annual charge after twelve months."""
        return DoneView.of(
            await withdrawals.give(subject, body.force, body.notice_on, body.day, body.reason)
        )
