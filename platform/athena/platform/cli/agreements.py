"""Commands on sharing agreements; signing one needs neither the store nor a network."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from athena.platform.cli.common import As, Json, acting, opened, out, print_json, run
from athena.platform.kernel.clock import show_time
from athena.platform.kernel.errors import InvalidInputError
from athena.platform.kernel.identity import Subject
from athena.policies.agreements.checks import pick
from athena.policies.agreements.life import Agreements
from athena.policies.agreements.models import Version
from athena.policies.agreements.schemas import (
    Acted,
    AgreementView,
    KeyView,
    Overview,
    acted,
    agreement_view,
    overviews,
    version_view,
)
from athena.policies.agreements.signing import (
    DetachedSignature,
    canonical,
    check_document,
    load_private_key,
    new_key,
    parse_document,
    sign,
)

agreements_app = typer.Typer(help="Sharing agreements.", no_args_is_help=True)
keys_app = typer.Typer(help="The keys that sign agreements.", no_args_is_help=True)

T = TypeVar("T")
Reading = Annotated[str, typer.Option("--as", help="Who reads, for example signatory.kent.")]
Managing = Annotated[str, typer.Option("--as", help="An AMO administrator.")]
Name = Annotated[str, typer.Argument(help="The agreement's reference or id.")]
Why = Annotated[str, typer.Option("--reason", help="Why. The parties and the log keep it.")]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]

_AMO = "amo.admin"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    commands: dict[str, Callable[..., None]] = {
        "list": list_agreements,
        "show": show,
        "diff": diff,
        "propose": propose,
        "amend": amend,
        "sign": sign_document,
        "submit-signature": submit_signature,
        "forward-signature": forward_signature,
    }
    for name, command in commands.items():
        agreements_app.command(name)(command)
    _add_steps()
    keys_app.command("make")(make_key)
    keys_app.command("list")(list_keys)
    keys_app.command("register")(register_key)
    keys_app.command("revoke")(revoke_key)
    agreements_app.add_typer(keys_app, name="keys")
    app.add_typer(agreements_app, name="agreements")


def list_agreements(account: Reading = _AMO, as_json: Json = False) -> None:
    """List the agreements that an account's tenant may see, as they stand today."""

    async def work(agreements: Agreements, subject: Subject) -> list[Overview]:
        return overviews(await agreements.every(subject))

    found = _as(account, work)
    if as_json:
        print_json([item.model_dump(mode="json") for item in found])
        return
    for item in found:
        missing = ", ".join(item.missing_signatures)
        against = [*item.hindrances, *([f"not signed by {missing}"] if missing else [])]
        status = item.status.value.replace("_", " ")
        out.print(f"{item.reference}  v{item.version}  {status:18} {item.title}")
        if against:
            out.print(f"{'':33} {', '.join(against)}")


def show(
    name: Name,
    account: Reading = _AMO,
    version: Annotated[int | None, typer.Option(min=1, help="Another version.")] = None,
    document: Annotated[
        Path | None, typer.Option(help="Save the document, to sign it or to edit it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show an agreement with its signatures and history, or save the document that is signed."""

    async def work(agreements: Agreements, subject: Subject) -> tuple[AgreementView, list[Version]]:
        versions, steps = await agreements.one(subject, name)
        return agreement_view(versions, steps), versions

    found, versions = _as(account, work)
    number = version or (found.open_version if document else None) or found.current.version
    stored = pick(versions, number)
    if document is not None:
        _write(document, canonical(stored.document) + b"\n", 0o644)
        out.print(f"Saved version {number} of {found.reference} as {document}.")
        return
    shown = version_view(stored, versions)
    if as_json:
        print_json({**found.model_dump(mode="json"), "current": shown.model_dump(mode="json")})
        return
    out.print(f"{found.reference} version {number}: {found.title}")
    out.print(f"{'status':12} {shown.status.value.replace('_', ' ')}")
    for party in shown.document["parties"]:
        out.print(f"{'party':12} {party['tenant']}, {party['role']}")
    for kind, terms in sorted(check_document(shown.document).referrals.items()):
        out.print(f"{'referral':12} {kind}. {terms.sentence}")
    for item in shown.signatures:
        counts = "" if item.counts else ", no longer counts"
        out.print(
            f"{'signed':12} {item.tenant}, {item.office}, {show_time(item.signed_at)}{counts}"
        )
    for tenant in shown.missing_signatures:
        out.print(f"{'not signed':12} {tenant}")
    for step in found.history:
        out.print(
            f"{'history':12} {show_time(step.at)}, version {step.version} "
            f"{step.act.replace('_', ' ')} by {step.username}: {step.reason}"
        )


def diff(
    name: Name,
    account: Reading = _AMO,
    older: Annotated[int | None, typer.Option(min=1, help="The version before.")] = None,
    newer: Annotated[int | None, typer.Option(min=1, help="The version after.")] = None,
    as_json: Json = False,
) -> None:
    """Show what changes between two versions: the two newest unless told otherwise."""

    async def work(agreements: Agreements, subject: Subject) -> list[dict[str, str]]:
        before, after, changes = await agreements.compare(subject, name, older, newer)
        if not as_json:
            out.print(f"{after.reference}: version {before.version} to version {after.version}")
            for change in changes:
                out.print(f"  {change.sentence()}")
            if not changes:
                out.print("  Nothing changes.")
        return [change.model_dump() for change in changes]

    found = _as(account, work)
    if as_json:
        print_json(found)


def propose(
    file: Annotated[Path, typer.Argument(help="The document, as `show --document` saves one.")],
    reason: Why,
    account: Managing = _AMO,
    as_json: Json = False,
) -> None:
    """Propose a new agreement: its first version, a draft."""
    document = parse_document(_read(file))
    _tell(_as(account, lambda service, who: service.propose(who, document, reason)), as_json)


def amend(
    name: Name,
    file: Annotated[Path, typer.Argument(help="The whole document, as it is to be.")],
    reason: Why,
    account: Managing = _AMO,
    as_json: Json = False,
) -> None:
    """Propose the next version of an agreement; it supersedes once every party has signed."""
    document = parse_document(_read(file))
    _tell(_as(account, lambda service, who: service.amend(who, name, document, reason)), as_json)


def sign_document(
    file: Annotated[Path, typer.Argument(help="The document that `show --document` saved.")],
    key: Annotated[Path, typer.Option(help="Your private key, an Ed25519 key in PEM.")],
    signature: Annotated[
        Path | None, typer.Option("--out", help="Write the signature here, not to the screen.")
    ] = None,
) -> None:
    """Sign a document on this machine: no store, no network, and the key stays where it is."""
    password = os.environ.get("ATHENA_KEY_PASSWORD")
    private = load_private_key(_read(key), password.encode() if password else None)
    signed = sign(parse_document(_read(file)), private).model_dump_json(indent=2) + "\n"
    if signature is None:
        typer.echo(signed, nl=False)
        return
    _write(signature, signed.encode(), 0o644)
    out.print(f"Signed {file}; the signature is in {signature}.")


def submit_signature(
    file: Annotated[Path, typer.Argument(help="What `athena agreements sign` printed.")],
    account: As,
    as_json: Json = False,
) -> None:
    """Hand in a signature of your tenant; the last party's brings the agreement into force."""
    signed = DetachedSignature.parse(_read(file))
    _tell(_as(account, lambda service, who: service.submit(who, signed)), as_json)


def forward_signature(
    file: Annotated[Path, typer.Argument(help="The signature that the partner handed over.")],
    reason: Why,
    account: Managing = _AMO,
    as_json: Json = False,
) -> None:
    """Hand in a partner's signature for it: partners don't sign in here."""
    signed = DetachedSignature.parse(_read(file))
    _tell(_as(account, lambda service, who: service.forward(who, signed, reason)), as_json)


def _add_steps() -> None:
    """Add the commands that only take a step, all of one shape."""
    steps: dict[str, Callable[[Agreements, Subject, str, str], Awaitable[Version]]] = {
        "send": Agreements.send_out,
        "withdraw": Agreements.withdraw,
        "suspend": Agreements.suspend,
        "reinstate": Agreements.reinstate,
        "terminate": Agreements.terminate,
    }

    def add(
        command: str, step: Callable[[Agreements, Subject, str, str], Awaitable[Version]]
    ) -> None:
        @agreements_app.command(command, help=step.__doc__)
        def take(name: Name, reason: Why, account: Managing = _AMO, as_json: Json = False) -> None:
            _tell(_as(account, lambda service, who: step(service, who, name, reason)), as_json)

    for command, step in steps.items():
        add(command, step)


def make_key(
    file: Annotated[Path, typer.Argument(help="Where the private key goes; it must not exist.")],
) -> None:
    """Make a signing key on this machine; the public half is printed, to be registered."""
    private, public = new_key()
    _write(file, private, 0o600)
    typer.echo(public.decode(), nl=False)


def list_keys(account: Reading = _AMO, as_json: Json = False) -> None:
    """List the public keys of signatories."""

    async def work(agreements: Agreements, subject: Subject) -> list[KeyView]:
        return [KeyView.of(key) for key in await agreements.keys(subject)]

    found = _as(account, work)
    if as_json:
        print_json([key.model_dump(mode="json") for key in found])
        return
    for key in found:
        until = f" to {key.valid_to}" if key.valid_to else ""
        revoked = f", revoked from {show_time(key.revoked_from)}" if key.revoked_from else ""
        out.print(f"{key.key}  {key.tenant}, {key.office}, from {key.valid_from}{until}{revoked}")


def register_key(
    file: Annotated[Path, typer.Argument(help="The public key, in PEM.")],
    tenant: Annotated[str, typer.Option(help="For whom it signs, for example kent.")],
    office: Annotated[str, typer.Option(help="The office that signs, never a person's name.")],
    valid_from: Day = None,
    valid_to: Day = None,
    account: Managing = _AMO,
) -> None:
    """Register the public key of an office that signs for a tenant."""
    public = _read(file)

    async def work(agreements: Agreements, subject: Subject) -> KeyView:
        return KeyView.of(
            await agreements.register_key(
                subject, tenant, office, public, _day(valid_from), _day(valid_to)
            )
        )

    out.print(f"Registered {_as(account, work).key} for {tenant}.")


def revoke_key(
    key: Annotated[str, typer.Argument(help="The key, as `keys list` shows it.")],
    reason: Why,
    since: Day = None,
    account: Managing = _AMO,
) -> None:
    """Revoke a key: what it signed since a day, or from now on, no longer counts."""

    async def work(agreements: Agreements, subject: Subject) -> KeyView:
        return KeyView.of(await agreements.revoke_key(subject, key, reason, _day(since)))

    revoked = _as(account, work)
    assert revoked.revoked_from is not None
    out.print(f"Revoked from {show_time(revoked.revoked_from)}.")


def _as(account: str, work: Callable[[Agreements, Subject], Awaitable[T]]) -> T:
    """Do something as an account over the store of the settings."""

    async def whole() -> T:
        async with opened() as runtime:
            return await work(runtime.agreements, await acting(runtime, account))

    return run(whole())


def _tell(version: Version, as_json: bool) -> None:
    done: Acted = acted(version)
    if as_json:
        print_json(done.model_dump(mode="json"))
        return
    status = done.status.value.replace("_", " ")
    out.print(f"{done.reference} version {done.version} is {status}.")


def _day(moment: datetime | None) -> date | None:
    return None if moment is None else moment.date()


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InvalidInputError(f"{file} can't be read: {error.strerror}.") from None


def _write(file: Path, content: bytes, mode: int) -> None:
    """Write a file that mustn't exist yet: no key or signature is overwritten."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except OSError as error:
        raise InvalidInputError(f"{file} can't be written: {error.strerror}.") from None
    with os.fdopen(descriptor, "wb") as opened_file:
        opened_file.write(content)
