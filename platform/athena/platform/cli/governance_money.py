"""Commands on what happens to charges and money: quotes, credits, payments, leaving, withdrawal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, TypeVar

import typer

from athena.governance.accounts import Accounts
from athena.governance.apportionment.money import FinancialYear, parse_pounds, pounds, show_day
from athena.governance.ledger.models import Done
from athena.governance.ledger.rendering import journals_csv
from athena.governance.ledger.views import EntryView, JournalView, WithdrawalView
from athena.platform.cli.common import Json, acting, opened, out, print_json, run
from athena.platform.cli.governance_costs import FINANCE, Account, Why, Year
from athena.platform.kernel.identity import Subject

T = TypeVar("T")
Name = Annotated[str, typer.Argument(help="The charge's reference, such as ATH-C-1.")]
Force = Annotated[str, typer.Argument(help="A force's short name, such as kent.")]
Pounds = Annotated[str, typer.Argument(help="In pounds, such as 1234.56.")]
Document = Annotated[str, typer.Argument(help="Its number, as the document has it.")]
Day = Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"])]


def register(app: typer.Typer) -> None:
    """Add the commands to those on the accounts."""
    app.command("requote")(requote)
    app.command("credit")(credit)
    app.command("pay")(pay)
    app.command("refund")(refund)
    app.command("budget")(budget)
    app.command("leave")(leave)
    app.command("withdraw")(withdraw)
    app.command("withdrawals")(withdrawals)
    app.command("journal")(journal)
    app.command("balances")(balances)


def requote(
    reference: Name, from_year: Year, amount: Pounds, reason: Why, account: Account = FINANCE
) -> None:
    """Enter what a charge costs from a year on; committed years are adjusted."""
    of, pence = FinancialYear.parse(from_year), parse_pounds(amount)
    tell(account, lambda to, who: to.ledger.requote(who, reference, of, pence, None, reason))


def credit(
    reference: Name,
    year: Year,
    amount: Pounds,
    document: Document,
    reason: Why,
    account: Account = FINANCE,
) -> None:
    """Enter a supplier's credit note, and credit the forces."""
    of, pence = FinancialYear.parse(year), parse_pounds(amount)
    tell(
        account,
        lambda to, who: to.ledger.credit(who, reference, of, pence, document, None, reason),
    )


def pay(amount: Pounds, document: Document, reason: Why, account: Account = FINANCE) -> None:
    """Enter what was paid to the supplier; never more than is owed to it."""
    pence = parse_pounds(amount)
    tell(account, lambda to, who: to.ledger.pay(who, pence, document, None, reason))


def refund(
    force: Force, amount: Pounds, document: Document, reason: Why, account: Account = FINANCE
) -> None:
    """Enter what was paid back to a force, of what stands to its credit."""
    pence = parse_pounds(amount)
    tell(account, lambda to, who: to.ledger.refund(who, force, pence, document, None, reason))


def budget(year: Year, amount: Pounds, reason: Why, account: Account = FINANCE) -> None:
    """Set what the board means to spend in a year; `forecast` compares with it."""
    of, pence = FinancialYear.parse(year), parse_pounds(amount)
    as_finance(account, lambda to, who: to.ledger.set_budget(who, of, pence, reason))
    out.print(f"The budget of {of} is {pounds(pence)}.")


def leave(
    reference: Name, force: Force, last_day: Day, reason: Why, account: Account = FINANCE
) -> None:
    """Let a force leave an annual charge after a day; the others bear it from then on."""
    day = last_day.date()
    tell(account, lambda to, who: to.ledger.leave(who, reference, force, day, None, reason))


def withdraw(force: Force, notice_on: Day, reason: Why, account: Account = FINANCE) -> None:
    """Take a force's notice of withdrawal, given on a day, and show what it costs the others."""
    day = notice_on.date()

    async def work(to: Accounts, who: Subject) -> Done:
        foreseen, forces = await to.withdrawals.foresee(who, force, day)
        done = await to.withdrawals.give(who, force, day, None, reason)
        changes = [
            f"{each.name:20} {pounds(foreseen.change(tenant)):>20}"
            for tenant, each in sorted(forces.items())
            if foreseen.change(tenant)
        ]
        name = forces[foreseen.tenant_id].name
        return Done("\n".join([done.sentence, foreseen.sentence(name), *changes]), done.journals)

    tell(account, work)


def withdrawals(account: Account = FINANCE, as_json: Json = False) -> None:
    """List the notices of withdrawal that were given."""
    found, forces = as_finance(account, lambda to, who: to.withdrawals.every(who))
    if as_json:
        print_json([WithdrawalView.of(each, forces).model_dump(mode="json") for each in found])
        return
    for each in found:
        name = forces[each.tenant_id].name
        out.print(
            f"{name}: notice on {show_day(each.notice_on)}, takes part until "
            f"{show_day(each.last_day)}."
        )
    if not found:
        out.print("No force has given notice.")


def journal(
    year: Year,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV for a spreadsheet.")] = False,
    account: Account = FINANCE,
    as_json: Json = False,
) -> None:
    """List what was posted in a year, with the entries that the account may see."""
    of = FinancialYear.parse(year)
    found, forces = as_finance(account, lambda to, who: to.reader.journal(who, of))
    if as_json:
        print_json([JournalView.of(each, forces).model_dump(mode="json") for each in found])
        return
    if as_csv:
        names = {tenant: each.slug for tenant, each in forces.items()}
        typer.echo(journals_csv(found, names), nl=False)
        return
    for each in found:
        out.print(f"{each.number:>5}  {each.day.isoformat()}  {each.narrative}", markup=False)
        for entry in each.entries:
            force = "" if entry.tenant_id is None else forces[entry.tenant_id].slug
            out.print(f"       {entry.account.value:14} {force:16} {pounds(entry.pence):>20}")
    if not found:
        out.print(f"Nothing was posted in {of}.")


def balances(account: Account = FINANCE, as_json: Json = False) -> None:
    """Show the balance of every account that one may see: the trial balance."""
    found, forces = as_finance(account, lambda to, who: to.reader.balances(who))
    if as_json:
        print_json([EntryView.of(each, forces).model_dump(mode="json") for each in found])
        return
    for each in found:
        force = "" if each.tenant_id is None else forces[each.tenant_id].slug
        out.print(f"{each.account.value:14} {force:16} {pounds(each.pence):>20}")
    out.print(f"Together {pounds(sum(each.pence for each in found))}.")


def as_finance(account: str, work: Callable[[Accounts, Subject], Awaitable[T]]) -> T:
    """Do something with the accounts as an account over the store of the settings."""

    async def whole() -> T:
        async with opened() as runtime:
            return await work(runtime.accounts, await acting(runtime, account))

    return run(whole())


def tell(account: str, work: Callable[[Accounts, Subject], Awaitable[Done]]) -> None:
    """Do something with the accounts, and print what it came to."""
    out.print(as_finance(account, work).sentence)
