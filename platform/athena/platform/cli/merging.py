"""Commands of merging a force's own duplicates: merge, unmerge."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from athena.platform.cli.common import (
    As,
    Json,
    Purpose,
    Reason,
    acting,
    opened,
    out,
    print_json,
    run,
)
from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.errors import InvalidInputError
from athena.platform.kernel.identity import NominalId
from athena.policies.roles.actions import Action
from athena.policies.visibility.stated import parse_purpose, parse_reason
from athena.records.merging import service
from athena.records.merging.models import Place
from athena.records.merging.schemas import Merged, NewMerge, Undo, Undoing, Undone
from athena.records.nominals import service as nominals


def register(nominal_app: typer.Typer) -> None:
    """Add the commands to those of one nominal."""
    nominal_app.command("merge")(merge)
    nominal_app.command("unmerge")(unmerge)


def merge(
    nominal_id: UUID,
    duplicate_id: UUID,
    account: As,
    purpose: Purpose,
    reason: Reason,
    as_json: Json = False,
) -> None:
    """Let a nominal of your force stand for a duplicate; the duplicate stays as it was."""
    stated, why = parse_purpose(purpose), parse_reason(reason)

    async def work() -> Merged:
        async with opened() as runtime:
            subject = await acting(runtime, account)
            entry = Entry(EventKind.CONSULTATION, "nominals.merge", why)
            async with runtime.gate.consult(
                subject, Action.NOMINALS_MERGE, stated, entry
            ) as consultation:
                one = await nominals.read(consultation, NominalId(nominal_id))
                other = await nominals.read(consultation, NominalId(duplicate_id))
            new = NewMerge(
                merged_id=duplicate_id,
                version=one.nominal.version,
                merged_version=other.nominal.version,
            )
            return await service.merge(
                runtime.gate,
                runtime.register,
                subject,
                stated,
                why,
                NominalId(nominal_id),
                new,
            )

    made = run(work())
    if as_json:
        print_json(made.model_dump(mode="json"))
        return
    out.print(f"Merged. To undo it: athena nominals unmerge {made.merge_id}")


def unmerge(
    merge_id: UUID,
    account: As,
    purpose: Purpose,
    reason: Reason,
    place: Annotated[
        list[str] | None,
        typer.Option(help="Where a change since goes: its key=survivor, duplicate or both."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Undo a merge; without places for what was changed since, show that and undo nothing."""
    stated, why = parse_purpose(purpose), parse_reason(reason)
    placed = dict(_placed(text) for text in place or ())

    async def work() -> Undoing | Undone:
        async with opened() as runtime:
            subject = await acting(runtime, account)
            entry = Entry(EventKind.CONSULTATION, "nominals.undoing", why)
            async with runtime.gate.consult(
                subject, Action.NOMINALS_MERGE, stated, entry
            ) as consultation:
                asked = await service.undoing(consultation, merge_id)
            if any(placed.get(item.key) not in item.choices for item in asked.conflicts):
                return asked
            told = Undo(version=asked.version, placed=placed)
            return await service.undo(
                runtime.gate, runtime.register, subject, stated, why, merge_id, told
            )

    done = run(work())
    if as_json:
        print_json(done.model_dump(mode="json"))
    elif isinstance(done, Undone):
        out.print("Undone: both nominals stand by themselves again.")
    else:
        out.print("Nothing was undone. Say where each change since the merge goes, by --place:")
        for item in done.conflicts:
            choices = ", ".join(item.choices)
            out.print(f"  {item.key}={choices}\n      {item.change} {item.section}: {item.value}")
    if isinstance(done, Undoing):
        raise typer.Exit(1)


def _placed(text: str) -> tuple[str, Place]:
    key, _, place = text.partition("=")
    try:
        return key, Place(place)
    except ValueError:
        raise InvalidInputError(
            "Write a place as the key, an equals sign, and survivor, duplicate or both."
        ) from None
