"""Commands on change requests."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from athena.governance.apportionment.money import pounds
from athena.governance.changes import service, settling
from athena.governance.changes.desk import Desk
from athena.governance.changes.machine import Step
from athena.governance.changes.models import WholeChange
from athena.governance.changes.routes import PLAIN_STEPS
from athena.governance.changes.schemas import (
    ChangeOverview,
    ChangeView,
    Closing,
    Finish,
    NewAssessment,
    NewAttachment,
    NewChange,
    NewComment,
    NewPreview,
    NewQuote,
    NewVersion,
    Scheduling,
    Submission,
    change_view,
)
from athena.platform.cli.common import Json, out, print_json
from athena.platform.cli.governance_common import (
    AMO,
    Account,
    Acting,
    Why,
    as_account,
    check,
    read_json,
)
from athena.platform.kernel.clock import show_time
from athena.platform.kernel.errors import InvalidInputError
from athena.platform.kernel.identity import Subject

changes_app = typer.Typer(help="Change requests.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The change's reference, such as CR-0001.")]
File = Annotated[Path, typer.Argument(help="The document, as JSON.")]
Work = Callable[[Desk, Subject], Awaitable[WholeChange]]


def app() -> typer.Typer:
    """Return the commands."""
    for name, command in _COMMANDS.items():
        changes_app.command(name)(command)
    _add_steps()
    return changes_app


def list_changes(account: Account = AMO, as_json: Json = False) -> None:
    """List the changes that an account's tenant may see, the newest first."""

    async def work(desk: Desk, subject: Subject) -> list[ChangeOverview]:
        return [ChangeOverview.of(item) for item in await service.every(desk.office, subject)]

    found = as_account(account, work)
    if as_json:
        print_json([item.model_dump(mode="json") for item in found])
        return
    for item in found:
        out.print(
            f"{item.reference}  {item.state.value:11} {item.kind.value:10} "
            f"{item.raised_by:14} {item.title}",
            markup=False,
        )
    if not found:
        out.print("There are no change requests yet.")


def show(name: Name, account: Account = AMO, as_json: Json = False) -> None:
    """Show a change with its history, and what the account can do next."""

    async def work(desk: Desk, subject: Subject) -> ChangeView:
        whole = await desk.whole(subject, name)
        return change_view(whole, desk.can(subject, whole))

    view = as_account(account, work)
    if as_json:
        print_json(view.model_dump(mode="json"))
        return
    out.print(f"{view.reference} version {view.version}: {view.title}", markup=False)
    lines = {
        "state": view.state.value,
        "kind": view.kind.value,
        "raised by": view.raised_by,
        "affects": ", ".join(sorted(view.document.impacts)),
        "cost": f"{view.cost_pence / 100:,.2f} pounds",
        "assessed by": ", ".join(sorted(view.assessments)) or "nobody",
        "waiting for": ", ".join(view.waiting_for),
        "takes part": ", ".join(sorted(view.participants)),
    }
    for label, text in lines.items():
        if text:
            out.print(f"{label:12} {text}")
    for label, shares in _shares(view).items():
        for force, pence in sorted(shares.items()):
            out.print(f"{label:12} {force:20} {pounds(pence):>20}")
    for item in view.decisions:
        out.print(f"{'decision':12} {item.sentence}", markup=False)
        for charge in filter(None, (item.charge, item.annual_charge)):
            out.print(f"{'bound as':12} {charge}; `athena governance ledger charge` shows it")
    for entry in view.entries:
        told = entry.document.get("step", entry.kind.value).replace("_", " ")
        why = entry.document.get("reason") or entry.document.get("text") or ""
        out.print(
            f"{'history':12} {show_time(entry.at)}, {told} by {entry.username}"
            f"{': ' if why else ''}{why}",
            markup=False,
        )
    can = ", ".join(step.value.replace("_", " ") for step in view.can)
    out.print(f"{'you can':12} {can or 'do nothing now'}")


def _shares(view: ChangeView) -> dict[str, dict[str, int]]:
    """Return the previewed shares by what they are called."""
    if view.preview is None:
        return {}
    return {"share": view.preview.shares_pence, "each year": view.preview.annual_shares_pence or {}}


def raise_change(
    file: File,
    reason: Why,
    account: Acting,
    body: Annotated[str | None, typer.Option(help="The user group that raises it.")] = None,
) -> None:
    """Raise a request: a draft until it is submitted."""
    new = check(NewChange, {"document": read_json(file), "body": body, "reason": reason})
    _tell(account, lambda desk, who: service.raise_change(desk, who, new))


def amend(name: Name, file: File, reason: Why, account: Acting) -> None:
    """Store the next version of a new request."""
    new = check(NewVersion, {"document": read_json(file), "reason": reason})
    _tell(account, lambda desk, who: service.amend(desk, who, name, new))


def submit(
    name: Name,
    reason: Why,
    account: Acting,
    assess_by: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="When assessing ends, in UTC.")
    ] = None,
) -> None:
    """Hand a request in."""
    until = assess_by.replace(tzinfo=UTC) if assess_by else None
    new = check(Submission, {"assess_by": until, "reason": reason})
    _tell(account, lambda desk, who: service.submit(desk, who, name, new))


def assess(name: Name, file: File, reason: Why, account: Acting) -> None:
    """File one's own force's impact assessment."""
    new = check(NewAssessment, {"assessment": read_json(file), "reason": reason})
    _tell(account, lambda desk, who: service.assess(desk, who, name, new))


def end_assessing(name: Name, reason: Why, account: Acting = AMO) -> None:
    """End assessing at its deadline; who stayed silent is recorded."""
    _tell(account, lambda desk, who: service.end_assessing(desk, who, name, reason))


def quote(
    name: Name,
    supplier_reference: Annotated[str, typer.Argument(help="The supplier's own reference.")],
    reason: Why,
    one_off_pence: Annotated[int, typer.Option(help="The one-off cost, in pence.")],
    annual_pence: Annotated[int, typer.Option(help="The cost of each year, in pence.")] = 0,
    account: Acting = "amo.finance",
) -> None:
    """File the supplier's next quote; beyond the tolerance of a vote it reopens that."""
    asked = {
        "supplier_reference": supplier_reference,
        "one_off_pence": one_off_pence,
        "annual_pence": annual_pence,
    }
    new = check(NewQuote, {"quote": asked, "reason": reason})
    _tell(account, lambda desk, who: service.quote(desk, who, name, new))


def preview(name: Name, file: File, reason: Why, account: Acting = "amo.finance") -> None:
    """Store what each force would pay: worked out by a formula and a year's bases, or stated."""
    new = check(NewPreview, {"preview": read_json(file), "reason": reason})
    _tell(account, lambda desk, who: service.preview(desk, who, name, new))


def settle(name: Name, reason: Why, account: Acting = "amo.finance") -> None:
    """Bring the accounts to who takes part now, or release a withdrawn change's cost."""
    done = as_account(account, lambda desk, who: settling.settle(desk, who, name, reason))
    out.print(done.sentence)


def comment(
    name: Name,
    text: Annotated[str, typer.Argument(help="What you have to say.")],
    account: Acting,
    reason: Why = "Takes part in the discussion",
) -> None:
    """Contribute to the discussion."""
    new = check(NewComment, {"comment": {"text": text}, "reason": reason})
    _tell(account, lambda desk, who: service.comment(desk, who, name, new))


def attach(
    name: Name,
    file: Annotated[Path, typer.Argument(help="The file; it stays on this machine.")],
    reason: Why,
    account: Acting,
) -> None:
    """Name a file that belongs to the request, by its checksum."""
    digest = hashlib.sha256()
    try:
        with file.open("rb") as opened:
            size = 0
            while piece := opened.read(1 << 20):
                digest.update(piece)
                size += len(piece)
    except OSError as error:
        raise InvalidInputError(f"{file} can't be read: {error.strerror}.") from None
    named = {"name": file.name, "sha256": digest.hexdigest(), "size": size}
    new = check(NewAttachment, {"attachment": named, "reason": reason})
    _tell(account, lambda desk, who: service.attach(desk, who, name, new))


def opt_in(name: Name, reason: Why, account: Acting) -> None:
    """Let one's own force take part in an optional enhancement."""
    _tell(account, lambda desk, who: service.opt(desk, who, name, Step.OPT_IN, reason))


def opt_out(name: Name, reason: Why, account: Acting) -> None:
    """Take one's own force out of an optional enhancement, before it is authorised."""
    _tell(account, lambda desk, who: service.opt(desk, who, name, Step.OPT_OUT, reason))


def schedule(
    name: Name,
    begins: Annotated[datetime, typer.Argument(help="The first moment, in UTC.")],
    ends: Annotated[datetime, typer.Argument(help="The last moment, in UTC.")],
    reason: Why,
    account: Acting = AMO,
) -> None:
    """Give an authorised change its date."""
    window = {"begins": begins.replace(tzinfo=UTC), "ends": ends.replace(tzinfo=UTC)}
    new = check(Scheduling, {"window": window, "reason": reason})
    _tell(account, lambda desk, who: service.schedule(desk, who, name, new))


def finish(
    name: Name,
    result: Annotated[str, typer.Argument(help="implemented or backed_out.")],
    reason: Why,
    account: Acting = AMO,
) -> None:
    """End the work; it is reviewed either way."""
    new = check(Finish, {"result": result, "reason": reason})
    _tell(account, lambda desk, who: service.finish(desk, who, name, new))


def close(
    name: Name,
    review: Annotated[str, typer.Argument(help="What the review found.")],
    reason: Why,
    account: Acting = AMO,
) -> None:
    """Close a reviewed change."""
    new = check(Closing, {"review": review, "reason": reason})
    _tell(account, lambda desk, who: service.close(desk, who, name, new))


def _add_steps() -> None:
    """Add the steps that ask nothing but a reason, all of one shape."""

    def add(command: str, step: Step) -> None:
        @changes_app.command(command, help=f"Take the step '{step.value.replace('_', ' ')}'.")
        def take(name: Name, reason: Why, account: Acting = AMO) -> None:
            _tell(account, lambda desk, who: service.step(desk, who, name, step, reason))

    for command, step in PLAIN_STEPS.items():
        add(command, step)


def _tell(account: str, work: Work) -> None:
    change = as_account(account, work).change
    out.print(f"{change.reference} is at '{change.state.value}', version {change.version}.")


_COMMANDS: dict[str, Callable[..., Any]] = {
    "list": list_changes,
    "show": show,
    "raise": raise_change,
    "amend": amend,
    "submit": submit,
    "assess": assess,
    "end-assessing": end_assessing,
    "quote": quote,
    "preview": preview,
    "settle": settle,
    "comment": comment,
    "attach": attach,
    "opt-in": opt_in,
    "opt-out": opt_out,
    "schedule": schedule,
    "finish": finish,
    "close": close,
}
