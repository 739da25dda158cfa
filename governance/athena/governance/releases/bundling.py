"""The changes that a release bundles: scheduled, begun, finished or returned together with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from athena.governance.acting import Acting
from athena.governance.changes.desk import Desk as ChangeDesk
from athena.governance.changes.desk import find, read
from athena.governance.changes.machine import State, Step, legal
from athena.governance.changes.models import WholeChange
from athena.governance.changes.standing import EntryKind
from athena.governance.releases.models import WholeRelease
from athena.platform.kernel.errors import ConflictError, NotFoundError


async def changes_of(acting: Acting, whole: WholeRelease) -> list[WholeChange]:
    """Return the changes of a release, in the order of their numbers."""
    found = []
    for name in sorted(whole.document.changes):
        try:
            found.append(await read(acting.session, await find(acting.session, name)))
        except NotFoundError:
            raise NotFoundError(f"There is no change request {name} that you can see.") from None
    return found


async def check_way_back(acting: Acting, whole: WholeRelease) -> None:
    """Refuse a plan of backing out where a change's data can't be undone."""
    way_back = whole.document.way_back
    for change in await changes_of(acting, whole):
        if (
            change.document.irreversible_data
            and way_back is not None
            and way_back.kind != "forward_recovery"
        ):
            raise ConflictError(
                f"{change.change.reference} changes data that can't be undone, so the release "
                "needs a plan of forward recovery, not of backing out."
            )


async def move_all(
    desk: ChangeDesk,
    acting: Acting,
    whole: WholeRelease,
    step: Step,
    more: Mapping[str, Any] | None = None,
) -> None:
    """Take a step of every change, or refuse with the change that stands in the way."""
    told = {"release": whole.release.reference, **(more or {})}
    for name in sorted(whole.document.changes):
        try:
            opened = await desk.open(acting, name, step)
        except ConflictError as error:
            raise ConflictError(f"{name}: {error.detail}", change=name) from None
        await opened.move(more=told)


async def move_those_at(
    desk: ChangeDesk,
    acting: Acting,
    whole: WholeRelease,
    state: State,
    step: Step,
    more: Mapping[str, Any] | None = None,
) -> None:
    """Take a step of the changes that are at a state, and leave the others: it can't be refused."""
    told = {"release": whole.release.reference, **(more or {})}
    for change in await changes_of(acting, whole):
        if change.change.state is state:
            opened = await desk.open(acting, change.change.reference, step)
            await opened.move(more=told)


async def tell_all(desk: ChangeDesk, acting: Acting, whole: WholeRelease, text: str) -> None:
    """Put what a review found into the discussion of every change that hasn't ended."""
    for change in await changes_of(acting, whole):
        actors = desk.actors(acting.subject, change)
        if Step.COMMENT in legal(change.change.kind, change.change.state, actors):
            opened = await desk.open(acting, change.change.reference, Step.COMMENT)
            await opened.add(
                EntryKind.COMMENT,
                {"text": f"Review of {whole.release.reference}: {text}"[:8000]},
            )
