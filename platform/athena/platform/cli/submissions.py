"""Commands by which officers assess what partners submitted to their force."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from athena.platform.cli.common import As, Json, Reason, act, out, print_json
from athena.platform.kernel.clock import show_time
from athena.platform.kernel.identity import Subject
from athena.platform.runtime import Runtime
from athena.sharing.ppss.submissions.models import DeclinedBecause, SubmissionState
from athena.sharing.ppss.submissions.schemas import (
    MOST_SUBMISSIONS,
    OpenedSubmission,
    SubmissionView,
)

submissions_app = typer.Typer(
    help="What partners submitted, unassessed, and what becomes of it.", no_args_is_help=True
)

Number = Annotated[UUID, typer.Argument(help="The submission, as the list shows it.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    submissions_app.command("list")(list_submissions)
    submissions_app.command("show")(show)
    submissions_app.command("begin")(begin)
    submissions_app.command("accept")(accept)
    submissions_app.command("decline")(decline)
    app.add_typer(submissions_app, name="submissions")


def list_submissions(
    account: As,
    reason: Reason,
    every: Annotated[bool, typer.Option("--all", help="Those decided too.")] = False,
    as_json: Json = False,
) -> None:
    """List what partners submitted to the own force, the most urgent first."""

    async def work(runtime: Runtime, subject: Subject, stated: str) -> list[SubmissionView]:
        found = await runtime.submissions.queue(
            subject, stated, MOST_SUBMISSIONS, open_only=not every
        )
        return [SubmissionView.in_queue(item, runtime.searcher.agreements) for item in found]

    views = act(account, reason, work)
    if as_json:
        print_json([view.model_dump(mode="json") for view in views])
        return
    for view in views:
        out.print(f"{view.submission_id}  {view.kind}  {view.partner}  {view.status}")
        out.print(f"      received {show_time(view.received_at)}, due {show_time(view.due_at)}")
    if not views:
        out.print("Nothing is waiting to be assessed.")


def show(submission_id: Number, account: As, reason: Reason, as_json: Json = False) -> None:
    """Show a submission with its words: unassessed information, from no record."""

    async def work(runtime: Runtime, subject: Subject, stated: str) -> OpenedSubmission:
        found, content = await runtime.submissions.show(subject, submission_id, stated)
        view = SubmissionView.in_queue(found, runtime.searcher.agreements)
        return OpenedSubmission(submission=view, content=content)

    opened_one = act(account, reason, work)
    if as_json:
        print_json(opened_one.model_dump(mode="json", exclude_none=True))
        return
    view, content = opened_one.submission, opened_one.content
    out.print("UNASSESSED INFORMATION FROM A PARTNER", markup=False)
    out.print(f"kind       {view.kind}, {view.status}")
    out.print(
        f"from       {view.partner}: {view.submitted_by}, {view.submitted_role}", markup=False
    )
    out.print(f"received   {show_time(view.received_at)}, due {show_time(view.due_at)}")
    if content is None:
        out.print("The words aren't kept any more.")
        return
    person = content.person
    born = f", born {person.date_of_birth}" if person.date_of_birth else ""
    out.print(f"person     {person.given_names} {person.family_name}{born}", markup=False)
    out.print(f"case       {content.case_reference}", markup=False)
    if content.address is not None:
        parts = content.address.model_dump(exclude_defaults=True).values()
        since = f", since {content.moved_on}" if content.moved_on else ""
        out.print(f"address    {', '.join(map(str, parts))}{since}", markup=False)
    if content.concern is not None:
        out.print(content.concern, markup=False)


def begin(submission_id: Number, account: As, reason: Reason) -> None:
    """Take a submission on; the partner is told that it is being assessed."""
    _move(submission_id, account, reason, SubmissionState.BEING_ASSESSED)


def accept(submission_id: Number, account: As, reason: Reason) -> None:
    """Accept a submission; no record changes by that."""
    _move(submission_id, account, reason, SubmissionState.ACCEPTED)


def decline(
    submission_id: Number,
    account: As,
    reason: Reason,
    because: Annotated[DeclinedBecause, typer.Option(help="What the partner is told.")],
) -> None:
    """Decline a submission; the partner is told because of what, never the reason."""
    _move(submission_id, account, reason, SubmissionState.DECLINED, because)


def _move(
    submission_id: UUID,
    account: str,
    reason: str,
    state: SubmissionState,
    because: DeclinedBecause | None = None,
) -> None:
    async def work(runtime: Runtime, subject: Subject, stated: str) -> None:
        await runtime.submissions.move(subject, submission_id, state, stated, because)

    act(account, reason, work)
    out.print(f"The submission is {state.replace('_', ' ')}; the partner is told.")
