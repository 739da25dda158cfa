"""Commands on the accounts: charges, invoices, receipts, statements, the forecast."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, TypeVar

import typer

from athena.governance.accounts import Accounts
from athena.governance.apportionment.money import FinancialYear, parse_pounds, pounds
from athena.governance.ledger.models import ChargeKind, Done
from athena.governance.ledger.rendering import statement_csv, statement_text
from athena.governance.ledger.schemas import NewCharge
from athena.platform.cli.common import acting, opened, out, run
from athena.platform.cli.governance import governance_app
from athena.platform.cli.governance_costs import FINANCE, Account, Why, Year
from athena.platform.kernel.identity import Subject

ledger_app = typer.Typer(help="The consortium's accounts.", no_args_is_help=True)

T = TypeVar("T")
Name = Annotated[str, typer.Argument(help="The charge's reference, such as ATH-C-1.")]
Force = Annotated[str, typer.Argument(help="A force's short name, such as kent.")]
Pounds = Annotated[str, typer.Argument(help="In pounds, such as 1234.56.")]
Document = Annotated[str, typer.Argument(help="Its number, as the document has it.")]
Day = Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"])]


def register() -> None:
    """Add the commands."""
    ledger_app.command("agree")(agree)
    ledger_app.command("commit")(commit)
    ledger_app.command("invoice")(invoice)
    ledger_app.command("join")(join)
    ledger_app.command("receive")(receive)
    ledger_app.command("statement")(statement)
    ledger_app.command("forecast")(forecast)
    ledger_app.command("foresee-withdrawal")(foresee)
    governance_app.add_typer(ledger_app, name="ledger")


def agree(
    reference: Name,
    kind: ChargeKind,
    amount: Pounds,
    formula: Annotated[str, typer.Argument(help="A formula's name, or name/2.")],
    year: Year,
    forces: Annotated[str, typer.Argument(help="Who takes part, with commas.")],
    title: Annotated[str, typer.Option(help="What it is for.")],
    reason: Why,
    last_year: Annotated[str | None, typer.Option(help="Of an annual charge.")] = None,
    account: Account = FINANCE,
) -> None:
    """Store a charge that forces agreed to share; an annual one's amount is for each year."""
    new = NewCharge(
        reference=reference,
        title=title,
        kind=kind,
        amount_pence=parse_pounds(amount),
        formula=formula,
        first_year=year,
        last_year=last_year,
        forces=forces.split(","),
        reason=reason,
    )
    stored = _as(account, lambda accounts, who: accounts.ledger.agree(who, new))
    out.print(f"Stored {stored.reference}; it isn't committed yet.")


def commit(reference: Name, year: Year, reason: Why, account: Account = FINANCE) -> None:
    """Commit the forces to their shares of a charge in a year."""
    of = FinancialYear.parse(year)
    _tell(account, lambda to, who: to.ledger.commit(who, reference, of, None, reason))


def invoice(
    reference: Name,
    year: Year,
    amount: Pounds,
    document: Document,
    reason: Why,
    account: Account = FINANCE,
) -> None:
    """Enter a supplier's invoice, and invoice the forces."""
    of, pence = FinancialYear.parse(year), parse_pounds(amount)
    _tell(
        account,
        lambda to, who: to.ledger.invoice(who, reference, of, pence, document, None, reason),
    )


def join(
    reference: Name, force: Force, joined_on: Day, reason: Why, account: Account = FINANCE
) -> None:
    """Let a force join a charge; it pays its share, and earlier ones are credited."""
    day = joined_on.date()
    _tell(account, lambda to, who: to.ledger.join(who, reference, force, day, None, reason))


def receive(
    force: Force, amount: Pounds, document: Document, reason: Why, account: Account = FINANCE
) -> None:
    """Enter what a force paid."""
    pence = parse_pounds(amount)
    _tell(account, lambda to, who: to.ledger.receive(who, force, pence, document, None, reason))


def statement(
    force: Force,
    year: Year,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV for a spreadsheet.")] = False,
    account: Account = FINANCE,
) -> None:
    """Print a force's statement for a year."""
    of = FinancialYear.parse(year)
    found = _as(account, lambda to, who: to.reader.statement(who, force, of))
    typer.echo(statement_csv(found) if as_csv else statement_text(found), nl=False)


def forecast(year: Year, account: Account = FINANCE) -> None:
    """Show what a year is to cost, against its budget."""
    of = FinancialYear.parse(year)
    found, _ = _as(account, lambda to, who: to.reader.forecast(who, of))
    for line in found.lines:
        out.print(f"{line.reference:14} {pounds(line.forecast):>20}  {line.title}")
    out.print(found.sentence())


def foresee(force: Force, account: Account = FINANCE) -> None:
    """Show what it would cost the others if a force gave notice today; nothing changes."""
    found, forces = _as(account, lambda to, who: to.withdrawals.foresee(who, force))
    out.print(found.sentence(forces[found.tenant_id].name))
    for tenant, each in sorted(forces.items()):
        if found.change(tenant):
            out.print(f"{each.name:20} {pounds(found.change(tenant)):>20}")


def _as(account: str, work: Callable[[Accounts, Subject], Awaitable[T]]) -> T:
    async def whole() -> T:
        async with opened() as runtime:
            return await work(runtime.accounts, await acting(runtime, account))

    return run(whole())


def _tell(account: str, work: Callable[[Accounts, Subject], Awaitable[Done]]) -> None:
    out.print(_as(account, work).sentence)
