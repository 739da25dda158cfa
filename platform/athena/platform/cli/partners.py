"""Commands of the client body for partners: who may ask, with which key, under what agreement."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from athena.platform.cli.common import Json, Reason, out, permitted, print_json, run
from athena.platform.kernel.clock import show_time
from athena.platform.kernel.errors import InvalidInputError
from athena.platform.kernel.identity import Clearance
from athena.policies.roles.actions import Action
from athena.sharing.ppss.onboarding import service
from athena.sharing.ppss.onboarding.schemas import (
    KeyEnd,
    NewAgreement,
    NewKey,
    PartnerContact,
    PartnerView,
    Registration,
    ReviewView,
)
from athena.sharing.ppss.referrals.escalating import unanswered
from athena.sharing.ppss.referrals.schemas import LateReferral

partners_app = typer.Typer(help="Partner organisations that may ask.", no_args_is_help=True)

Administrator = Annotated[str, typer.Option("--as", help="An administrator of the client body.")]
Slug = Annotated[str, typer.Argument(help="The partner's short name.")]
KeyFile = Annotated[
    Path, typer.Argument(help="A public key in PEM, as `athena ppss keygen` makes.")
]
KeyId = Annotated[str, typer.Argument(help="The key's id: 64 hexadecimal digits.")]
Reference = Annotated[str, typer.Argument(help="The agreement, such as ATH-ISA-20.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    partners_app.command("list")(list_partners)
    partners_app.command("register")(register_partner)
    partners_app.command("add-key")(add_key)
    partners_app.command("end-key")(end_key)
    partners_app.command("revoke-key")(revoke_key)
    partners_app.command("agree")(agree)
    partners_app.command("end-agreement")(end_agreement)
    partners_app.command("stop")(stop)
    partners_app.command("reviews")(reviews)
    partners_app.command("lift")(lift)
    partners_app.command("late-referrals")(late_referrals)
    app.add_typer(partners_app, name="partners")


def list_partners(
    reason: Reason, account: Administrator = "amo.admin", as_json: Json = False
) -> None:
    """List every partner that may ask, with its keys and agreements."""

    async def work() -> list[PartnerView]:
        async with permitted(account, Action.PARTNERS_READ, reason) as deed:
            return await service.list_partners(deed.session, deed.subject, reason)

    found = run(work())
    if as_json:
        print_json([partner.model_dump(mode="json") for partner in found])
        return
    for partner in found:
        kind = "sandbox" if partner.sandbox else partner.status
        agreements = ", ".join(item.agreement for item in partner.agreements) or "no agreement"
        out.print(f"{partner.partner:24} {kind:10} {len(partner.keys)} keys  {agreements}")


def register_partner(
    slug: Slug,
    unit: Annotated[str, typer.Option(help="The unit to turn to about its calls.")],
    email: Annotated[str, typer.Option(help="The unit's email address.")],
    telephone: Annotated[str, typer.Option(help="The unit's telephone number.")],
    reason: Reason,
    clearance: Annotated[
        Clearance, typer.Option(help="The highest marking that its users may see.")
    ] = Clearance.OFFICIAL,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Answer it from made-up people alone, for ever.")
    ] = False,
    account: Administrator = "amo.admin",
) -> None:
    """Let a partner organisation use the partner interface."""
    contact = PartnerContact(kind="operations", unit=unit, email=email, telephone=telephone)
    asked = Registration(
        partner=slug, clearance=clearance, sandbox=sandbox, contacts=(contact,), reason=reason
    )

    async def work() -> None:
        async with permitted(account, Action.PARTNERS_MANAGE, reason) as deed:
            await service.register(deed.session, deed.subject, asked)

    run(work())
    kind = "in the sandbox" if sandbox else "under agreements that you add"
    out.print(f"{slug} may ask, {kind}, once a key of its own is registered.")


def add_key(
    slug: Slug,
    file: KeyFile,
    reason: Reason,
    valid_from: Annotated[datetime | None, typer.Option(help="UTC; now, when left out.")] = None,
    account: Administrator = "amo.admin",
) -> None:
    """Register a public key; those that are there go on counting until they end."""
    try:
        pem = file.read_text()
    except (OSError, UnicodeError):
        raise InvalidInputError(f"The key file {file.name} can't be read.") from None
    start = f"{valid_from.isoformat()}Z" if valid_from else None
    asked = NewKey.model_validate({"public_key": pem, "valid_from": start, "reason": reason})

    async def work() -> str:
        async with permitted(account, Action.PARTNERS_MANAGE, reason) as deed:
            return await service.add_key(deed.session, deed.subject, slug, asked)

    out.print(f"Registered the key {run(work())} for {slug}.")


def end_key(
    slug: Slug,
    key_id: KeyId,
    until: Annotated[datetime, typer.Option(help="When it stops counting, in UTC.")],
    reason: Reason,
    account: Administrator = "amo.admin",
) -> None:
    """Let a key that is being replaced end at a time; until then both count."""
    asked = KeyEnd.model_validate({"valid_to": f"{until.isoformat()}Z", "reason": reason})

    async def work() -> None:
        async with permitted(account, Action.PARTNERS_MANAGE, reason) as deed:
            await service.end_key(deed.session, deed.subject, slug, key_id, asked)

    run(work())
    out.print(f"The key ends at {until:%Y-%m-%d %H:%M} UTC.")


def revoke_key(
    slug: Slug, key_id: KeyId, reason: Reason, account: Administrator = "amo.admin"
) -> None:
    """Revoke a key at once."""

    async def work() -> None:
        async with permitted(account, Action.PARTNERS_MANAGE, reason) as deed:
            await service.revoke_key(deed.session, deed.subject, slug, key_id, deed.reason)

    run(work())
    out.print("Nothing that this key signs counts any more.")


def agree(
    slug: Slug,
    reference: Reference,
    reason: Reason,
    hourly: Annotated[int | None, typer.Option(help="Calls an hour; the agreement's own.")] = None,
    daily: Annotated[int, typer.Option(help="Calls a day.")] = 500,
    account: Administrator = "amo.admin",
) -> None:
    """Let a partner ask under an agreement to which it is a partner."""
    asked = NewAgreement(agreement=reference, hourly_cap=hourly, daily_cap=daily, reason=reason)

    async def work() -> None:
        async with permitted(account, Action.PARTNERS_MANAGE, reason) as deed:
            await service.add_agreement(deed.session, deed.subject, slug, asked)

    run(work())
    out.print(f"{slug} may ask under {reference}.")


def end_agreement(
    slug: Slug, reference: Reference, reason: Reason, account: Administrator = "amo.admin"
) -> None:
    """End a partner's use of an agreement."""

    async def work() -> None:
        async with permitted(account, Action.PARTNERS_MANAGE, reason) as deed:
            await service.end_agreement(deed.session, deed.subject, slug, reference, deed.reason)

    run(work())
    out.print(f"{slug} may not ask under {reference} any more.")


def stop(
    slug: Slug, reference: Reference, reason: Reason, account: Administrator = "amo.admin"
) -> None:
    """Stop a partner's calls under an agreement until the review is lifted."""

    async def work() -> None:
        async with permitted(account, Action.PARTNERS_MANAGE, reason) as deed:
            await service.stop(deed.session, deed.subject, slug, reference, deed.reason)

    run(work())
    out.print(f"Calls of {slug} under {reference} are stopped.")


def reviews(reason: Reason, account: Administrator = "amo.admin", as_json: Json = False) -> None:
    """List which calls are stopped for review, and which were."""

    async def work() -> list[ReviewView]:
        async with permitted(account, Action.PARTNERS_READ, reason) as deed:
            return await service.list_reviews(deed.session, deed.subject, reason)

    found = run(work())
    if as_json:
        print_json([review.model_dump(mode="json") for review in found])
        return
    if not found:
        out.print("No calls are stopped, and none were.")
    for review in found:
        state = f"lifted by {review.lifted_by}" if review.lifted_at else "open"
        out.print(
            f"{review.review_id}  {review.partner:20} {review.agreement}  {review.cause}  {state}"
        )


def lift(
    review_id: Annotated[UUID, typer.Argument(help="The review; `athena partners reviews`.")],
    reason: Reason,
    account: Administrator = "amo.admin",
) -> None:
    """Let calls that were stopped be answered again, for a reason."""

    async def work() -> None:
        async with permitted(account, Action.PARTNERS_MANAGE, reason) as deed:
            await service.lift(deed.session, deed.subject, review_id, deed.reason)

    run(work())
    out.print("The calls are answered again; patterns are counted from now.")


def late_referrals(
    reason: Reason, account: Administrator = "amo.admin", as_json: Json = False
) -> None:
    """List what partners leave unanswered a working day too long, and whom to turn to."""

    async def work() -> list[LateReferral]:
        async with permitted(account, Action.PARTNERS_READ, reason) as deed:
            late = await unanswered(deed.session, deed.subject, deed.reason)
            return [LateReferral.of(item) for item in late]

    found = run(work())
    if as_json:
        print_json([item.model_dump(mode="json") for item in found])
        return
    if not found:
        out.print("No partner leaves a referral unanswered.")
    for item in found:
        out.print(f"{item.referral_id}  {item.force} to {item.partner}  {item.kind}  {item.status}")
        whom = f"{item.contact_unit}, {item.contact_telephone}" if item.contact_unit else "nobody"
        out.print(f"      due {show_time(item.due_at)}; turn to {whom}")
