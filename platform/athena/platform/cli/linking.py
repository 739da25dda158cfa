"""Commands of linking: train, run, show, waiting, decide, thresholds."""

from __future__ import annotations

from pathlib import Path
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
    say,
)
from athena.platform.cli.data import progress_bar
from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.identity import NominalId
from athena.policies.roles.actions import Action
from athena.policies.visibility.stated import parse_purpose, parse_reason
from athena.sharing.linking import service
from athena.sharing.linking.models import Verdict
from athena.sharing.linking.plans import NOMINALS, made_up
from athena.sharing.linking.schemas import Decided, Links, NewThresholds, SetThresholds, Waiting
from athena.sharing.linking.training import Trainer
from athena.sharing.linking.weights import write_weights
from athena.tenants.consortium import FORCE_SLUGS

link_app = typer.Typer(help="Which nominals may be one person.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    link_app.command("train")(train)
    link_app.command("run")(compare)
    link_app.command("show")(show)
    link_app.command("waiting")(waiting)
    link_app.command("decide")(decide)
    link_app.command("thresholds")(thresholds)
    app.add_typer(link_app, name="link")


def train(
    out_file: Annotated[Path, typer.Option("--out", help="The weights, to be reviewed.")],
    records: Annotated[int, typer.Option(min=2_000, help="How many to make up.")] = 12_000,
    seed: Annotated[int, typer.Option(help="The same seed makes the same people.")] = 41,
    number: Annotated[int, typer.Option("--number", min=1, help="The weights' version.")] = 1,
) -> None:
    """Train weights with Splink on made-up nominals; nothing uses them before a release does."""
    say(f"Making up {records:,} nominals")
    people = dict(made_up(records, seed, FORCE_SLUGS))
    say("Training; this takes a minute or two")
    trainer = Trainer(NOMINALS, [people.items()], seed)
    weights = trainer.train("nominals", number, f"made-up nominals, {records:,}, seed {seed}")
    write_weights(weights, out_file)
    out.print(f"Wrote {weights.label}: {len(weights.fields)} fields, prior {weights.prior:.2e}.")


def compare(
    everything: Annotated[
        bool, typer.Option("--everything", help="Every nominal, not only changed ones.")
    ] = False,
) -> None:
    """Compare what waits with records that may be of the same person; may be broken off."""

    async def work() -> int:
        async with opened() as runtime:
            linker, done = runtime.linker, 0
            if everything:
                await linker.queue_everything()
            with progress_bar() as bar:
                task = bar.add_task("Comparing", total=await linker.waiting())
                while batch := await linker.compare_batch():
                    done += batch
                    bar.update(task, completed=done)
            return done

    out.print(f"Compared {run(work()):,} nominals.")


def show(
    nominal_id: UUID, account: As, purpose: Purpose, reason: Reason, as_json: Json = False
) -> None:
    """Show the nominals that may be the same person, and what each field says."""
    entry = Entry(
        EventKind.CONSULTATION, "links.read", parse_reason(reason), {"nominal": str(nominal_id)}
    )

    async def work() -> Links:
        async with opened() as runtime:
            subject = await acting(runtime, account)
            async with runtime.gate.consult(
                subject, Action.LINKS_READ, parse_purpose(purpose), entry
            ) as consultation:
                directory = runtime.searcher.directory
                return await service.links_of(
                    consultation, directory, runtime.features, NominalId(nominal_id)
                )

    found = run(work())
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    if not found.suggestions_live:
        out.print("Link suggestions aren't live for your force: only decisions are shown.")
    for pointer in found.pointers:
        out.print(
            f"{pointer.owner_force} may hold a record of this person that isn't shown to you: "
            f"ask {pointer.unit}, {pointer.telephone}."
        )
    for link in found.links:
        state = f"decided: {link.decision}" if link.decision else link.outcome
        chance = "" if link.probability is None else f"{link.probability:.1%}  "
        out.print(f"{chance}{link.id}  {link.owner_force}, {state}")
        for step in link.steps:
            out.print(f"      {step.bits:+7.1f}  {step.field:10} {step.level}")
    if not found.links:
        out.print("No link that you may see.")


def waiting(
    account: As, purpose: Purpose, reason: Reason, limit: int = 50, as_json: Json = False
) -> None:
    """List your force's suggestions that nobody has decided, the oldest first."""
    entry = Entry(EventKind.CONSULTATION, "links.waiting", parse_reason(reason))

    async def work() -> list[Waiting]:
        async with opened() as runtime:
            subject = await acting(runtime, account)
            async with runtime.gate.consult(
                subject, Action.LINKS_READ, parse_purpose(purpose), entry
            ) as consultation:
                directory = runtime.searcher.directory
                return await service.waiting(consultation, directory, runtime.features, limit)

    found = run(work())
    if as_json:
        print_json([item.model_dump(mode="json") for item in found])
        return
    for item in found:
        out.print(f"{item.id}  may be  {item.other_id} of {item.other_force}")
    if not found:
        out.print("Nothing waits for a decision.")


def decide(
    nominal_id: UUID,
    other_id: UUID,
    verdict: Annotated[Verdict, typer.Argument(help="same, or not_same")],
    account: As,
    purpose: Purpose,
    reason: Reason,
) -> None:
    """Decide that two nominals are, or aren't, one person; it outranks every score."""
    entry = Entry(
        EventKind.ALTERATION,
        "links.decide",
        parse_reason(reason),
        {"nominal": str(nominal_id), "other": str(other_id)},
    )

    async def work() -> Decided:
        async with opened() as runtime:
            subject = await acting(runtime, account)
            async with runtime.gate.alter(
                subject, Action.LINKS_DECIDE, parse_purpose(purpose), entry
            ) as alteration:
                return await service.decide(
                    alteration, NominalId(nominal_id), NominalId(other_id), verdict
                )

    decided = run(work())
    out.print(f"Decided: {decided.verdict}.")
    if decided.contradicted_by:
        others = ", ".join(str(other) for other in decided.contradicted_by)
        out.print(f"Links still join the two, by {others}: an item on the worklist says so.")


def thresholds(
    suggested_from: Annotated[float, typer.Option(help="Suggest pairs from this probability.")],
    reason: Reason,
    account: Annotated[str, typer.Option("--as", help="An account of the AMO.")] = "amo.admin",
    linked_from: Annotated[
        float | None, typer.Option(help="Link them without a person from this one; else never.")
    ] = None,
) -> None:
    """Set from which probability pairs are suggested and linked, for every force."""
    new = NewThresholds(suggested_from=suggested_from, linked_from=linked_from, reason=reason)

    async def work() -> SetThresholds:
        async with opened() as runtime:
            subject = await acting(runtime, account)
            await runtime.gate.permit_act(subject, Action.LINKING_THRESHOLDS, new.reason)
            async with runtime.database.write(subject.login) as session:
                await service.set_thresholds(session, subject, new)
                return await service.thresholds(session)

    held = run(work())
    linked = "never without a person" if held.linked_from is None else f"from {held.linked_from}"
    out.print(f"Suggested from {held.suggested_from}; linked {linked}.")
