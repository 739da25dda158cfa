"""Commands by which officers refer people to partners and follow what becomes of it."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from athena.platform.cli.common import As, Json, Reason, act, out, print_json
from athena.platform.kernel.clock import show_time
from athena.platform.kernel.identity import Subject
from athena.platform.runtime import Runtime
from athena.sharing.ppss.referrals.models import WithdrawnBecause
from athena.sharing.ppss.referrals.schemas import (
    MOST_REFERRALS,
    Preview,
    ReferralDraft,
    ReferralView,
)
from athena.sharing.ppss.referrals.service import Referrals

referrals_app = typer.Typer(
    help="Refer people to partners, and follow what becomes of it.", no_args_is_help=True
)

Nominal = Annotated[UUID, typer.Argument(help="The nominal that is referred.")]
Partner = Annotated[str, typer.Argument(help="The partner, by its short name.")]
Agreement = Annotated[str, typer.Option(help="Under which agreement, such as ATH-ISA-20.")]
Kind = Annotated[str, typer.Option(help="A kind of referral that the agreement names.")]
Also = Annotated[
    list[str] | None, typer.Option(help="A field that may be sent beyond the minimum; repeat it.")
]
Identifier = Annotated[UUID, typer.Argument(help="The referral, as the list shows it.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    referrals_app.command("preview")(preview)
    referrals_app.command("send")(send)
    referrals_app.command("list")(list_all)
    referrals_app.command("show")(show)
    referrals_app.command("withdraw")(withdraw)
    app.add_typer(referrals_app, name="referrals")


def preview(
    nominal: Nominal,
    partner: Partner,
    agreement: Agreement,
    kind: Kind,
    account: As,
    reason: Reason,
    also: Also = None,
) -> None:
    """Show exactly what would be sent, and send nothing."""

    async def work(runtime: Runtime, subject: Subject, stated: str) -> Preview:
        return await Referrals(runtime.checks).preview(
            subject, _draft(nominal, partner, agreement, kind, also, stated)
        )

    print_json(act(account, reason, work).model_dump(mode="json", exclude_none=True))


def send(
    nominal: Nominal,
    partner: Partner,
    agreement: Agreement,
    kind: Kind,
    account: As,
    reason: Reason,
    also: Also = None,
) -> None:
    """Refer a person to a partner; refused whole where a field that must be sent isn't there."""

    async def work(runtime: Runtime, subject: Subject, stated: str) -> ReferralView:
        draft = _draft(nominal, partner, agreement, kind, also, stated)
        return ReferralView.of(await Referrals(runtime.checks).send(subject, draft))

    view = act(account, reason, work)
    out.print(f"Referral {view.referral_id} is sent: {', '.join(view.fields)}.")
    out.print(f"{view.partner} answers by {show_time(view.due_at)}.")


def list_all(
    account: As,
    reason: Reason,
    every: Annotated[bool, typer.Option("--all", help="Those answered too.")] = False,
    as_json: Json = False,
) -> None:
    """List the own force's referrals, the most urgent first."""

    async def work(runtime: Runtime, subject: Subject, stated: str) -> list[ReferralView]:
        found = await Referrals(runtime.checks).of_force(
            subject, stated, MOST_REFERRALS, open_only=not every
        )
        return [ReferralView.of(item) for item in found]

    views = act(account, reason, work)
    if as_json:
        print_json([view.model_dump(mode="json") for view in views])
        return
    for view in views:
        late = ", overdue" if view.is_overdue else ""
        out.print(f"{view.referral_id}  {view.kind}  {view.partner}  {view.status}{late}")
        out.print(f"      sent {show_time(view.sent_at)}, due {show_time(view.due_at)}")
    if not views:
        out.print("No referral waits for an answer.")


def show(referral_id: Identifier, account: As, reason: Reason, as_json: Json = False) -> None:
    """Show a referral of the own force: what was sent, by when it is answered, and the answer."""

    async def work(runtime: Runtime, subject: Subject, stated: str) -> ReferralView:
        return ReferralView.of(await Referrals(runtime.checks).show(subject, referral_id, stated))

    view = act(account, reason, work)
    if as_json:
        print_json(view.model_dump(mode="json"))
        return
    late = ", overdue" if view.is_overdue else ""
    because = view.declined_because or view.withdrawn_because
    out.print(f"{view.kind} to {view.partner}: {view.status}{late}")
    for name, value in (
        ("sent", f"{show_time(view.sent_at)}: {', '.join(view.fields)}"),
        ("due", show_time(view.due_at)),
        ("because", because),
        ("asked for", ", ".join(view.asked_for)),
        ("supervisors", view.escalated_at and f"told {show_time(view.escalated_at)}"),
        ("the AMO", view.client_body_told_at and f"told {show_time(view.client_body_told_at)}"),
    ):
        if value:
            out.print(f"{name:12} {value}")


def withdraw(
    referral_id: Identifier,
    account: As,
    reason: Reason,
    because: Annotated[WithdrawnBecause, typer.Option(help="What the partner is told.")],
) -> None:
    """Withdraw a referral; the partner is told because of what, never the reason."""

    async def work(runtime: Runtime, subject: Subject, stated: str) -> None:
        await Referrals(runtime.checks).withdraw(subject, referral_id, stated, because)

    act(account, reason, work)
    out.print("The referral is withdrawn; the partner is told.")


def _draft(
    nominal: UUID, partner: str, agreement: str, kind: str, also: list[str] | None, reason: str
) -> ReferralDraft:
    return ReferralDraft.model_validate(
        {
            "nominal_id": nominal,
            "partner": partner,
            "agreement": agreement,
            "kind": kind,
            "also": also or [],
            "reason": reason,
        }
    )
