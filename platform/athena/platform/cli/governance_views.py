"""Commands that show what goes on in governance, and what waits for an account."""

from __future__ import annotations

import typer

from athena.governance.acting import Office
from athena.governance.apportionment.money import pounds
from athena.governance.changes.desk import Desk
from athena.governance.duties.models import SENTENCES
from athena.governance.duties.schemas import DutyView
from athena.governance.duties.service import duties
from athena.governance.oversight.schemas import OverviewView
from athena.governance.oversight.service import overview
from athena.platform.cli.common import Json, acting, opened, out, print_json, run
from athena.platform.cli.governance_common import Account, Acting, as_account
from athena.platform.kernel.clock import show_time
from athena.platform.kernel.identity import Subject

AUDITOR = "auditor"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("oversight")(show_overview)
    app.command("duties")(show_duties)


def show_overview(account: Account = AUDITOR, as_json: Json = False) -> None:
    """Show everything that goes on: changes by state, open votes, costs against budget."""

    async def work() -> OverviewView:
        async with opened() as runtime:
            office = Office(runtime.database, runtime.gate.authorise)
            subject = await acting(runtime, account)
            return OverviewView.of(await overview(office, runtime.accounts.reader, subject))

    view = run(work())
    if as_json:
        print_json(view.model_dump(mode="json"))
        return
    states = [f"{count} {state.value}" for state, count in view.by_state.items() if count]
    out.print(f"Changes: {', '.join(states) or 'none'}.")
    for item in view.changes:
        out.print(f"  {item.reference}  {item.state.value:11} {item.title}", markup=False)
    out.print(f"Open votes: {len(view.open_votes) or 'none'}.")
    for vote in view.open_votes:
        out.print(
            f"  {vote.body}: {vote.reference}, closes {show_time(vote.closes_at)}", markup=False
        )
    for vote in view.closed_votes:
        out.print(f"  {vote.body}: {vote.reference}: {vote.sentence}", markup=False)
    for year in view.years:
        out.print(year.sentence)
        out.print(
            f"  Not yet invoiced {pounds(year.committed_pence)}, "
            f"invoiced {pounds(year.invoiced_pence)}."
        )


def show_duties(account: Acting, as_json: Json = False) -> None:
    """Show what an account has to do in governance, the most urgent first."""

    async def work(desk: Desk, subject: Subject) -> list[DutyView]:
        return [DutyView.of(duty) for duty in await duties(desk, subject)]

    found = as_account(account, work)
    if as_json:
        print_json([item.model_dump(mode="json") for item in found])
        return
    for item in found:
        due = f"by {show_time(item.due_at)}" if item.due_at else "no deadline"
        out.print(f"{item.reference}: {SENTENCES[item.kind]} ({due})\n      {item.title}")
    if not found:
        out.print("Nothing to do.")
