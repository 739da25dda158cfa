"""Commands on votes; verifying a minute needs neither the store nor a network."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar
from uuid import UUID

import rfc8785
import typer

from athena.governance.changes.desk import Desk
from athena.governance.votes import service
from athena.governance.votes.minute import verify
from athena.governance.votes.outcome import Choice
from athena.governance.votes.schemas import NewBallot, NewVote, VoteOverview, VoteView, vote_view
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
from athena.platform.kernel.errors import ConflictError, InvalidInputError, NotFoundError
from athena.platform.kernel.identity import Subject

T = TypeVar("T")

votes_app = typer.Typer(help="Votes and their minutes.", no_args_is_help=True)

Name = Annotated[
    str, typer.Argument(help="The vote's id, or what it is on: then the newest vote on it.")
]


def app() -> typer.Typer:
    """Return the commands."""
    commands: dict[str, Callable[..., None]] = {
        "list": list_votes,
        "show": show,
        "open": open_vote,
        "cast": cast,
        "close": close,
        "cancel": cancel,
        "minute": minute,
        "verify": verify_minute,
    }
    for name, command in commands.items():
        votes_app.command(name)(command)
    return votes_app


def list_votes(account: Account = AMO, as_json: Json = False) -> None:
    """List every vote, the newest first."""

    async def work(desk: Desk, subject: Subject) -> list[VoteOverview]:
        return [VoteOverview.of(vote) for vote in await service.every(desk.office, subject)]

    found = as_account(account, work)
    if as_json:
        print_json([item.model_dump(mode="json") for item in found])
        return
    for item in found:
        how = item.sentence or f"{item.status.value}, closes {show_time(item.closes_at)}"
        out.print(f"{item.id}  {item.body}: {item.reference}: {how}", markup=False)
    if not found:
        out.print("There are no votes yet.")


def show(name: Name, account: Account = AMO, as_json: Json = False) -> None:
    """Show a vote; until it has closed a force sees its own ballots alone."""
    view = _do(account, name, lambda desk, who, vote: _view(service.one(desk.office, who, vote)))
    if as_json:
        print_json(view.model_dump(mode="json"))
        return
    out.print(f"{view.body}: {view.question}", markup=False)
    out.print(f"{'status':10} {view.status.value}, closes {show_time(view.closes_at)}")
    out.print(f"{'seats':10} {', '.join(seat.tenant for seat in view.seats)}")
    for item in view.ballots:
        out.print(f"{'ballot':10} {item.number}: {item.voter} {item.choice.value}", markup=False)
    if view.sentence:
        out.print(f"{'outcome':10} {view.sentence}")
        out.print(f"{'minute':10} {view.minute_digest}")


def open_vote(
    body: Annotated[str, typer.Argument(help="The body's short name.")],
    reference: Annotated[str, typer.Argument(help="A change, an entry, a digest, or a title.")],
    question: Annotated[str, typer.Option(help="What the body is asked.")],
    reason: Why,
    kind: Annotated[str, typer.Option(help="change, catalogue, constitution or other.")] = "change",
    decision: Annotated[str | None, typer.Option(help="Of another matter: its class.")] = None,
    cost_pence: Annotated[int | None, typer.Option(help="Of another matter: its cost.")] = None,
    account: Managing = AMO,
) -> None:
    """Ask a body a question, under its constitution as it is now."""
    given: dict[str, Any] = {"body": body, "kind": kind, "reference": reference}
    given |= {"question": question, "reason": reason}
    new = check(NewVote, given | {"decision": decision, "cost_pence": cost_pence})

    async def work(desk: Desk, subject: Subject) -> VoteView:
        return vote_view(*await service.open_vote(desk, subject, new))

    view = as_account(account, work)
    out.print(f"The vote {view.id} is open until {show_time(view.closes_at)}.")


def cast(
    name: Name,
    choice: Annotated[Choice, typer.Argument(help="What you say.")],
    account: Acting,
    reason: Why = "Votes",
    as_chair: Annotated[bool, typer.Option("--as-chair", help="The casting vote.")] = False,
) -> None:
    """Cast a ballot; it can be changed until the vote closes, by casting another."""
    new = check(NewBallot, {"choice": choice, "as_chair": as_chair, "reason": reason})
    _do(account, name, lambda desk, who, vote: _view(service.cast(desk.office, who, vote, new)))
    out.print(f"Your ballot says '{choice.value}'.")


def close(name: Name, reason: Why, account: Managing = AMO) -> None:
    """Close a vote, with its outcome, its minute and what follows."""
    view = _do(
        account, name, lambda desk, who, vote: _view(service.close(desk.office, who, vote, reason))
    )
    out.print(f"{view.sentence}\nThe minute is {view.minute_digest}.")


def cancel(name: Name, reason: Why, account: Managing = AMO) -> None:
    """Cancel an open vote; its ballots count for nothing."""
    _do(
        account, name, lambda desk, who, vote: _view(service.cancel(desk.office, who, vote, reason))
    )
    out.print("The vote is cancelled.")


def minute(
    name: Name,
    file: Annotated[Path, typer.Argument(help="Where the minute goes; it must not exist.")],
    account: Account = AMO,
) -> None:
    """Save the minute of a closed vote: everything that its outcome follows from."""
    document, digest = _do(
        account, name, lambda desk, who, vote: service.minute(desk.office, who, vote)
    )
    try:
        with file.open("xb") as opened:
            opened.write(rfc8785.dumps(document) + os.linesep.encode())
    except OSError as error:
        raise InvalidInputError(f"{file} can't be written: {error.strerror}.") from None
    out.print(f"Saved the minute as {file}; it is {digest}.")


def verify_minute(
    file: Annotated[Path, typer.Argument(help="What `votes minute` saved.")],
    digest: Annotated[
        str | None, typer.Option(help="The digest that the vote, the log or a force has.")
    ] = None,
) -> None:
    """Work a minute's outcome out again on this machine, and compare its digest."""
    verdict = verify(read_json(file), digest)
    if not verdict.holds:
        raise ConflictError(" ".join(verdict.flaws))
    out.print(f"The minute holds: its outcome follows from its ballots. It is {verdict.digest}.")


async def _view(doing: Awaitable[service.SeenVote]) -> VoteView:
    return vote_view(*await doing)


def _do(account: str, name: str, work: Callable[[Desk, Subject, UUID], Awaitable[T]]) -> T:
    """Do something with the vote of a name: its id, or the newest on a matter."""

    async def whole(desk: Desk, subject: Subject) -> T:
        return await work(desk, subject, await _find(desk, subject, name))

    return as_account(account, whole)


async def _find(desk: Desk, subject: Subject, name: str) -> UUID:
    try:
        return UUID(name)
    except ValueError:
        pass
    for vote in await service.every(desk.office, subject):
        if vote.matter.reference == name:
            return vote.vote_id
    raise NotFoundError("There is no vote on that; `athena governance votes list` has them.")
