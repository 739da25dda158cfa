"""Commands on releases: planned, rolled out ring by ring, and backed out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from athena.governance.changes.desk import Desk as ChangeDesk
from athena.governance.releases import rolling, service
from athena.governance.releases.desk import Desk
from athena.governance.releases.machine import RingStep, words
from athena.governance.releases.models import WholeRelease
from athena.governance.releases.routes import view_of
from athena.governance.releases.schemas import (
    Confirmation,
    Judgement,
    NewRelease,
    ReleaseOverview,
    ReleaseView,
    Rescheduling,
    Review,
    RingCheck,
    RingView,
)
from athena.governance.releases.times import span
from athena.platform.cli.common import Json, out, print_json
from athena.platform.cli.governance_common import (
    AMO,
    Account,
    Acting,
    Managing,
    Why,
    as_account,
    check,
    read_json,
)
from athena.platform.kernel.clock import show_time
from athena.platform.kernel.identity import Subject

T = TypeVar("T")

releases_app = typer.Typer(help="Releases and their rings.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The release's reference, such as REL-0001.")]
Number = Annotated[int, typer.Argument(help="The ring, counted from 1.")]
OneRing = Annotated[int | None, typer.Option("--ring", help="One ring alone.")]
File = Annotated[Path, typer.Argument(help="The plan, as JSON.")]
Work = Callable[[Desk, Subject], Awaitable[WholeRelease]]
Step = Callable[[Desk, Subject, str, str], Awaitable[WholeRelease]]

PLAIN: dict[str, tuple[Step, str]] = {
    "plan": (service.plan, "End drafting: the plan is whole and meets no black-out."),
    "revise": (service.revise, "Take a release back to be amended."),
    "ask": (service.ask, "Open a vote in each body that must decide on the release."),
    "approve": (service.approve, "Approve a planned release; its changes get their date."),
    "begin": (rolling.begin, "Begin to roll out: from now on the rings govern the features."),
    "cancel": (service.cancel, "End a release that hasn't begun."),
    "close": (service.close, "Close a reviewed release."),
}


def app() -> typer.Typer:
    """Return the commands."""
    for name, command in _COMMANDS.items():
        releases_app.command(name)(command)
    _add_plain_steps()
    return releases_app


def list_releases(account: Account = AMO, as_json: Json = False) -> None:
    """List every release, the newest first."""

    async def work(desk: Desk, subject: Subject) -> list[ReleaseOverview]:
        return [ReleaseOverview.of(item) for item in await service.every(desk, subject)]

    found = _do(account, work)
    if as_json:
        print_json([item.model_dump(mode="json") for item in found])
        return
    for item in found:
        out.print(f"{item.reference}  {words(item.state):10} {item.title}", markup=False)
    if not found:
        out.print("There are no releases yet.")


def show(name: Name, account: Account = AMO, as_json: Json = False) -> None:
    """Show a release with its rings and history, and what the account can do next."""
    view = _view(account, name)
    if as_json:
        print_json(view.model_dump(mode="json"))
        return
    out.print(f"{view.reference} version {view.version}: {view.title}", markup=False)
    lines = {
        "state": words(view.state),
        "changes": ", ".join(view.document.changes),
        "features": ", ".join(view.document.features) or "none that is switched",
        "objects": ", ".join(sorted(view.objections)),
    }
    for label, text in lines.items():
        if text:
            out.print(f"{label:10} {text}", markup=False)
    for ring in view.rings:
        _print_ring(ring)
    for entry in view.entries:
        told = words(entry.document.get("step", entry.kind.value))
        place = f" of ring {entry.document['ring']}" if "ring" in entry.document else ""
        why = entry.document.get("reason") or entry.document.get("sentence") or ""
        out.print(
            f"{'history':10} {show_time(entry.at)}, {told}{place} by {entry.username}"
            f"{': ' if why else ''}{why}",
            markup=False,
        )
    out.print(f"{'you can':10} {', '.join(words(step) for step in view.can) or 'do nothing now'}")


def ring(name: Name, number: Number, account: Account = AMO, as_json: Json = False) -> None:
    """Show a ring, and what keeps it from going live now."""

    async def work(desk: Desk, subject: Subject) -> tuple[ReleaseView, list[str]]:
        missing = await rolling.look(desk, subject, name, number)
        return view_of(desk, subject, await desk.whole(subject, name)), missing

    view, missing = _do(account, work)
    if as_json:
        print_json(RingCheck(ring=number, hindrances=missing).model_dump())
        return
    _print_ring(view.rings[number - 1])
    for sentence in missing or ["Nothing stands in its way."]:
        out.print(f"{'':10} {sentence}", markup=False)


def draft(file: File, reason: Why, account: Managing = AMO) -> None:
    """Store a new release as a draft."""
    new = check(NewRelease, {"document": read_json(file), "reason": reason})
    _tell(account, lambda desk, who: service.draft(desk, who, new))


def amend(name: Name, file: File, reason: Why, account: Managing = AMO) -> None:
    """Store the next version of a draft's plan."""
    new = check(NewRelease, {"document": read_json(file), "reason": reason})
    _tell(account, lambda desk, who: service.amend(desk, who, name, new))


def confirm(
    name: Name,
    item: Annotated[str, typer.Argument(help="The checklist's item.")],
    reason: Why,
    link: Annotated[str | None, typer.Option(help="Where the evidence is, https://…")] = None,
    sha256: Annotated[
        str | None, typer.Option(help="The checksum of a file that shows it.")
    ] = None,
    no_go: Annotated[bool, typer.Option("--no-go", help="It isn't fulfilled.")] = False,
    account: Managing = AMO,
) -> None:
    """Say go or no-go of an item of the checklist, with evidence for a go."""
    given = {"item": item, "answer": "no_go" if no_go else "go", "link": link, "sha256": sha256}
    new = check(Confirmation, given | {"reason": reason})
    _do(account, lambda desk, who: service.confirm(desk, who, name, new))
    out.print(f"'{item}' is confirmed as a {'no-go' if no_go else 'go'}.", markup=False)


def object_to(
    name: Name,
    reason: Why,
    account: Acting,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take the no-go back.")] = False,
) -> None:
    """File one's own force's no-go, or withdraw it."""
    step = service.withdraw_objection if withdraw else service.object_to
    _do(account, lambda desk, who: step(desk, who, name, reason))
    out.print("Your force objects no more." if withdraw else "Your force's no-go is filed.")


def reschedule(
    name: Name,
    number: Number,
    begins: Annotated[str, typer.Argument(help="In London's time, such as 2027-01-10T20:00; now.")],
    ends: Annotated[str | None, typer.Argument(help="In London's time.")] = None,
    hours: Annotated[int, typer.Option(min=1, max=744, help="How long, without an end.")] = 6,
    *,
    reason: Why,
    account: Managing = AMO,
) -> None:
    """Give a ring another window; its forces must be told again."""
    first = datetime.now(UTC) if begins == "now" else span(begins, begins)[0]
    last = first + timedelta(hours=hours) if ends is None else span(ends, ends)[1]
    window = {"begins": first, "ends": last}
    new = check(Rescheduling, {"window": window, "reason": reason})
    whole = _do(account, lambda desk, who: rolling.reschedule(desk, who, name, number, new))
    moved = whole.rings[number - 1]
    out.print(f"Ring {number} is from {show_time(moved.begins_at)} to {show_time(moved.ends_at)}.")


def notify(name: Name, number: Number, reason: Why, account: Managing = AMO) -> None:
    """Tell a ring's forces that the release comes to them."""
    _tell(account, lambda desk, who: rolling.notify(desk, who, name, number, reason), number)


def go_live(name: Name, number: Number, reason: Why, account: Managing = AMO) -> None:
    """Switch the release's features on for a ring's forces."""
    _tell(account, lambda desk, who: rolling.go_live(desk, who, name, number, reason), number)


def gate(name: Name, number: Number, reason: Why, account: Managing = AMO) -> None:
    """Let the health gate judge a live ring; a spent budget holds the release."""

    async def work(desk: Desk, subject: Subject) -> Judgement:
        return await rolling.judge_ring(desk, subject, name, number, reason)

    verdict = _do(account, work)
    out.print(f"Ring {number}: {words(verdict.outcome)}. {verdict.sentence}", markup=False)


def hold(name: Name, reason: Why, ring: OneRing = None, account: Managing = AMO) -> None:
    """Let nothing further go live: of the release, or one ring that isn't live yet."""
    _tell(account, _either(rolling.hold, RingStep.HOLD, name, ring, reason), ring)


def resume(name: Name, reason: Why, ring: OneRing = None, account: Managing = AMO) -> None:
    """Go on with what was held."""
    _tell(account, _either(rolling.resume, RingStep.RESUME, name, ring, reason), ring)


def back_out(name: Name, reason: Why, ring: OneRing = None, account: Managing = AMO) -> None:
    """Switch every live ring off, the last one first; or one ring alone."""
    _tell(account, _either(rolling.back_out, RingStep.BACK_OUT, name, ring, reason), ring)


def review(
    name: Name,
    findings: Annotated[str, typer.Argument(help="What the review found.")],
    reason: Why,
    account: Managing = AMO,
) -> None:
    """Look back on a release; what was found goes into each of its changes."""
    new = check(Review, {"findings": findings, "reason": reason})
    _tell(account, lambda desk, who: service.review(desk, who, name, new))


def _either(whole: Step, step: RingStep, name: str, number: int | None, reason: str) -> Work:
    if number is None:
        return lambda desk, who: whole(desk, who, name, reason)
    return lambda desk, who: rolling.move_ring(desk, who, name, number, step, reason)


def _add_plain_steps() -> None:
    """Add the steps that ask nothing but a reason, all of one shape."""

    def add(command: str, step: Step, told: str) -> None:
        @releases_app.command(command, help=told)
        def take(name: Name, reason: Why, account: Managing = AMO) -> None:
            _tell(account, lambda desk, who: step(desk, who, name, reason))

    for command, (step, told) in PLAIN.items():
        add(command, step, told)


def _print_ring(item: RingView) -> None:
    out.print(
        f"{'ring ' + str(item.number):10} {words(item.state)}: {item.name} "
        f"({', '.join(item.forces)}), {show_time(item.begins)} to {show_time(item.ends)}",
        markup=False,
    )
    if item.open_items:
        out.print(f"{'':10} still to be confirmed: {', '.join(item.open_items)}", markup=False)


def _view(account: str, name: str) -> ReleaseView:
    async def work(desk: Desk, subject: Subject) -> ReleaseView:
        return view_of(desk, subject, await desk.whole(subject, name))

    return _do(account, work)


def _tell(account: str, work: Work, number: int | None = None) -> None:
    whole = _do(account, work)
    release = whole.release
    place = ""
    if number is not None:
        place = f" Ring {number} is at '{words(whole.rings[number - 1].state)}'."
    out.print(f"{release.reference} is at '{words(release.state)}'.{place}")


def _do(account: str, work: Callable[[Desk, Subject], Awaitable[T]]) -> T:
    async def over(changes: ChangeDesk, subject: Subject) -> T:
        return await work(Desk(changes), subject)

    return as_account(account, over)


_COMMANDS: dict[str, Callable[..., Any]] = {
    "list": list_releases,
    "show": show,
    "draft": draft,
    "amend": amend,
    "confirm": confirm,
    "object": object_to,
    "ring": ring,
    "reschedule": reschedule,
    "notify": notify,
    "go-live": go_live,
    "gate": gate,
    "hold": hold,
    "resume": resume,
    "back-out": back_out,
    "review": review,
}
