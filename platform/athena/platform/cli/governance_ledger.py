"""Commands on the accounts: charges, invoices, receipts, statements, the forecast."""

from __future__ import annotations

from typing import Annotated

import typer

from athena.governance.apportionment.money import FinancialYear, parse_pounds, pounds
from athena.governance.ledger.models import ChargeKind
from athena.governance.ledger.rendering import statement_csv, statement_text
from athena.governance.ledger.schemas import ChargeView, NewCharge, WholeCharge, YearView
from athena.platform.cli import governance_money
from athena.platform.cli.common import Json, out, print_json
from athena.platform.cli.governance import governance_app
from athena.platform.cli.governance_costs import FINANCE, Account, Why, Year
from athena.platform.cli.governance_money import (
    Day,
    Document,
    Force,
    Name,
    Pounds,
    as_finance,
    tell,
)

ledger_app = typer.Typer(help="The consortium's accounts.", no_args_is_help=True)


def register() -> None:
    """Add the commands."""
    ledger_app.command("charges")(charges)
    ledger_app.command("charge")(charge)
    ledger_app.command("agree")(agree)
    ledger_app.command("commit")(commit)
    ledger_app.command("invoice")(invoice)
    ledger_app.command("join")(join)
    ledger_app.command("receive")(receive)
    governance_money.register(ledger_app)
    ledger_app.command("statement")(statement)
    ledger_app.command("forecast")(forecast)
    ledger_app.command("foresee-withdrawal")(foresee)
    governance_app.add_typer(ledger_app, name="ledger")


def charges(account: Account = FINANCE, as_json: Json = False) -> None:
    """List every charge."""
    found, forces = as_finance(account, lambda to, who: to.reader.charges(who))
    if as_json:
        print_json([ChargeView.of(each, forces).model_dump(mode="json") for each in found])
        return
    for each in found:
        years = f"{each.first_year} to {each.last_year}"
        out.print(f"{each.reference:14} {years:18} {each.title}", markup=False)
    if not found:
        out.print("There are no charges yet.")


def charge(reference: Name, account: Account = FINANCE, as_json: Json = False) -> None:
    """Show a charge: what each force bears in each committed year, and how it stands."""
    found, years, forces = as_finance(account, lambda to, who: to.reader.charge(who, reference))
    views = [YearView.of(year, forces) for year in years]
    if as_json:
        whole = WholeCharge(charge=ChargeView.of(found, forces), years=views)
        print_json(whole.model_dump(mode="json"))
        return
    formula = f"{found.formula_reference}/{found.formula_version}"
    out.print(f"{found.reference}: {found.title}; by {formula}", markup=False)
    for view in views:
        out.print(f"{view.financial_year}, {pounds(view.amount_pence)}:")
        for force, pence in view.by_force.items():
            committed = pounds(view.committed.get(force, 0))
            invoiced = pounds(view.invoiced.get(force, 0))
            out.print(
                f"  {force:20} {pounds(pence):>18}, not yet invoiced {committed}, "
                f"invoiced {invoiced}"
            )
    if not views:
        out.print("It isn't committed yet.")


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
    stored = as_finance(account, lambda accounts, who: accounts.ledger.agree(who, new))
    out.print(f"Stored {stored.reference}; it isn't committed yet.")


def commit(reference: Name, year: Year, reason: Why, account: Account = FINANCE) -> None:
    """Commit the forces to their shares of a charge in a year."""
    of = FinancialYear.parse(year)
    tell(account, lambda to, who: to.ledger.commit(who, reference, of, None, reason))


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
    tell(
        account,
        lambda to, who: to.ledger.invoice(who, reference, of, pence, document, None, reason),
    )


def join(
    reference: Name, force: Force, joined_on: Day, reason: Why, account: Account = FINANCE
) -> None:
    """Let a force join a charge; it pays its share, and earlier ones are credited."""
    day = joined_on.date()
    tell(account, lambda to, who: to.ledger.join(who, reference, force, day, None, reason))


def receive(
    force: Force, amount: Pounds, document: Document, reason: Why, account: Account = FINANCE
) -> None:
    """Enter what a force paid."""
    pence = parse_pounds(amount)
    tell(account, lambda to, who: to.ledger.receive(who, force, pence, document, None, reason))


def statement(
    force: Force,
    year: Year,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV for a spreadsheet.")] = False,
    account: Account = FINANCE,
) -> None:
    """Print a force's statement for a year."""
    of = FinancialYear.parse(year)
    found = as_finance(account, lambda to, who: to.reader.statement(who, force, of))
    typer.echo(statement_csv(found) if as_csv else statement_text(found), nl=False)


def forecast(year: Year, account: Account = FINANCE) -> None:
    """Show what a year is to cost, against its budget."""
    of = FinancialYear.parse(year)
    found, _ = as_finance(account, lambda to, who: to.reader.forecast(who, of))
    for line in found.lines:
        out.print(
            f"{line.reference:14} {pounds(line.forecast):>18}  {line.title}: "
            f"not yet invoiced {pounds(line.committed)}, invoiced {pounds(line.invoiced)}",
            markup=False,
        )
    out.print(found.sentence())


def foresee(force: Force, account: Account = FINANCE) -> None:
    """Show what it would cost the others if a force gave notice today; nothing changes."""
    found, forces = as_finance(account, lambda to, who: to.withdrawals.foresee(who, force))
    out.print(found.sentence(forces[found.tenant_id].name))
    for tenant, each in sorted(forces.items()):
        if found.change(tenant):
            out.print(f"{each.name:20} {pounds(found.change(tenant)):>20}")
