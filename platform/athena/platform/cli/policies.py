"""Commands about the policy: why it decided so, and what a change of it would do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
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
)
from athena.platform.cli.data import progress_bar
from athena.platform.kernel.clock import show_time
from athena.platform.kernel.errors import ConfigurationError, InvalidInputError
from athena.platform.kernel.identity import NominalId, Role
from athena.policies.decisions.engine import WasmPolicy
from athena.policies.explanations.changes import READING_ROLES
from athena.policies.explanations.schemas import Explanation, LabelExplained
from athena.policies.explanations.service import Explainer
from athena.policies.simulations.drafts import read_draft
from athena.policies.simulations.schemas import Report
from athena.policies.simulations.service import MOST_CONSULTATIONS, Progress, asking, simulate
from athena.policies.visibility.stated import parse_purpose, parse_reason

SECONDS_BEFORE_A_BAR = 2.0

policies_app = typer.Typer(
    help="Why the policy decides as it does, and what a change would do.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    policies_app.command("explain")(explain)
    policies_app.command("simulate")(foresee)
    app.add_typer(policies_app, name="policies")


def explain(
    account: As,
    purpose: Purpose,
    reason: Reason,
    nominal: Annotated[
        UUID | None, typer.Option(help="Why this nominal shows what it does.")
    ] = None,
    decision: Annotated[UUID | None, typer.Option(help="A past decision, by its id.")] = None,
    member: Annotated[
        str | None,
        typer.Option(help="Whose view of the nominal: for auditors and data protection officers."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Explain a decision: role, agreement, rule, grant and label, and what would show more."""
    if (nominal is None) == (decision is None):
        raise InvalidInputError("Give either --nominal or --decision, with an id.")
    stated, why = parse_purpose(purpose), parse_reason(reason)

    async def work() -> Explanation:
        async with opened() as runtime:
            asker = await acting(runtime, account)
            explainer = Explainer(runtime.gate)
            if decision is not None:
                return await explainer.decision(asker, decision, stated, why)
            assert nominal is not None  # one of the two is given
            other = await explainer.member(asker, member, stated, why) if member else None
            return await explainer.nominal(asker, NominalId(nominal), stated, why, other)

    found = run(work())
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    _print_explanation(found)
    if nominal is not None and found.locked is None:
        out.print(
            "\nWhether the owner has locked the record against this member isn't told; its data "
            "protection officer may ask."
        )


def foresee(
    account: Annotated[str, typer.Option("--as", help="amo.admin, or auditor.")] = "amo.admin",
    agreement: Annotated[
        list[Path] | None, typer.Option(help="An agreement as it would be, in JSON; repeatable.")
    ] = None,
    bundle: Annotated[
        Path | None,
        typer.Option(help="A folder made by `make policies`: the policy as it would be."),
    ] = None,
    on: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="The day; default: when all agreements have begun."
        ),
    ] = None,
    role: Annotated[
        list[Role] | None,
        typer.Option(
            help="A role of the requester, repeatable. Default: officer; with --bundle: all."
        ),
    ] = None,
    last: Annotated[
        int,
        typer.Option(
            min=0, max=MOST_CONSULTATIONS, help="Decide this many past consultations again."
        ),
    ] = 1000,
    reason: Reason = "Simulates a change of what is shared",
    out_file: Annotated[Path | None, typer.Option("--out", help="Write JSON here too.")] = None,
    as_json: Json = False,
) -> None:
    """Foresee what changed agreements or a changed policy would show; nothing is changed."""
    if not agreement and bundle is None:
        raise InvalidInputError("Give --agreement FILE, --bundle DIR, or both.")
    asked = asking(
        [read_draft(path) for path in agreement or []],
        on.date() if on else None,
        role or (READING_ROLES if bundle else [Role.OFFICER]),
        last,
    )
    why = parse_reason(reason)
    changed = _load(bundle) if bundle else None

    async def work() -> Report:
        async with opened() as runtime:
            asker = await acting(runtime, account)
            with _late_bar("Simulating") as progress:
                return await simulate(runtime.gate, asker, asked, why, changed, progress)

    report = run(work())
    if out_file is not None:
        try:
            out_file.write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise InvalidInputError(f"{out_file} can't be written: {error.strerror}.") from None
    if as_json:
        print_json(report.model_dump(mode="json"))
        return
    _print_report(report)


def _load(folder: Path) -> WasmPolicy:
    try:
        return WasmPolicy.load(folder)
    except ConfigurationError:
        raise InvalidInputError(
            f"{folder} holds no policy bundle; give a folder with the manifest.json and "
            "policy.wasm that `make policies` makes."
        ) from None


@contextmanager
def _late_bar(what: str) -> Iterator[Progress]:
    """Yield what shows progress once it has taken long enough for someone to wonder."""
    bar, started = progress_bar(), time.monotonic()
    task = bar.add_task(what, total=None)

    def progress(done: int, of: int) -> None:
        if time.monotonic() - started > SECONDS_BEFORE_A_BAR:
            bar.start()
        bar.update(task, completed=done, total=of)

    try:
        yield progress
    finally:
        bar.stop()


def _print_explanation(found: Explanation) -> None:
    requester = found.requester
    out.print(
        f"Decision   {found.decision_id}, of {show_time(found.decided_at)}, made again: the same"
    )
    out.print(
        f"Requester  {requester.tenant}: {', '.join(requester.roles)}, cleared for "
        f"{requester.clearance}"
    )
    out.print(f"Purpose    {found.purpose}, on {found.today}")
    for rule in found.role_rules:
        out.print(f"Role       {rule.role} may: {', '.join(rule.allows) or 'nothing with records'}")
    if found.grant is not None:
        out.print(
            f"Grant      {found.grant.grant_set_id}, policy revision {found.grant.policy_revision}"
        )
    for standing in found.agreements:
        out.print(
            f"Agreement  {standing.agreement.reference} of {standing.owner}: a plain record shows "
            f"{_level(standing.level, standing.groups)} ({', '.join(standing.reasons)})"
        )
    for label in found.labels:
        _print_label(label)
    if found.hidden_labels:
        out.print("\nLabels that show you nothing aren't listed.")


def _print_label(told: LabelExplained) -> None:
    label = told.label
    marks = [
        label.marking,
        f"handling {' '.join((label.handling, *label.conditions))}",
        "/".join(label.categories) or "other",
        *(["sensitive"] if label.sensitive else []),
        *(["restricted"] if label.restricted else []),
        *(["sealed"] if label.sealed else []),
    ]
    if label.listed:
        marks.append("to names, this member's too" if label.named else "to other names")
    if label.emergency:
        marks.append("opened in an emergency")
    single = label.listed or label.emergency or told.decided_by is None
    what = "This record" if single else f"Label {label.id}"
    out.print(f"\n{what}: {label.owner}, {label.record_class}, {', '.join(marks)}")
    out.print(f"  shows     {_level(told.level, told.groups)}")
    if told.decided_by is not None:
        out.print(f"  by rule   {told.decided_by.number}: {told.decided_by.title}")
    if told.agreement is not None:
        out.print(f"  under     {told.agreement.reference}, {told.clause}")
    for reason in told.reasons:
        rule = f", rule {reason.rule}" if reason.rule is not None else ""
        out.print(f"  because   {reason.sentence} ({reason.code}{rule})")
    if told.obligations:
        out.print(f"  obliges   {', '.join(told.obligations)}")
    for wider in told.more:
        out.print(f"  more if   {wider.change} Then: {_level(wider.level, wider.gained, '+')}")
    if not told.more and told.withheld:
        out.print("  more if   No single change shows more.")


def _print_report(report: Report) -> None:
    for draft in report.agreements:
        replaces = f"replaces version {draft.replaces}" if draft.replaces else "new"
        assumed = f"; assumed {' and '.join(draft.assumed)}" if draft.assumed else ""
        out.print(f"{draft.reference} version {draft.version} ({replaces}){assumed}: {draft.title}")
    if report.simulated_revision != report.bundle_revision:
        out.print(
            f"Policy {report.simulated_revision[:12]} instead of {report.bundle_revision[:12]}"
        )
    out.print(f"As of {report.on}, {report.nominals:,} nominals under {report.labels} labels.")
    if not report.totals:
        out.print("No nominal would be seen otherwise by anyone, for any purpose.")
    else:
        out.print(f"\n{'requester':16}{'purpose':20}{'owner':16}{'nominals':>9}  becomes")
    for line in report.totals:
        groups = [*(f"+{group}" for group in line.gained), *(f"-{group}" for group in line.lost)]
        shown = f" {', '.join(groups)}" if groups else ""
        out.print(
            f"{line.requester:16}{line.purpose:20}{line.owner:16}{line.nominals:>9,}  "
            f"{line.becomes}: {line.level}{shown}"
        )
    past = report.consultations
    if past.examined:
        out.print(
            f"\nOf the last {past.examined:,} consultations ({past.decisions:,} decisions), "
            f"{past.different:,} would have been decided otherwise."
        )
    for sentence in report.assumptions:
        out.print(sentence)


def _level(level: str, groups: tuple[str, ...], sign: str = "") -> str:
    return f"{level}: {', '.join(sign + group for group in groups)}" if groups else str(level)
