"""Commands that play a partner: make a key, sign a question, send it, read the answer."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID, uuid4

import httpx
import typer

from athena.platform.cli.common import Json, opened_store, out, print_json, run, say
from athena.platform.kernel.clock import show_time
from athena.platform.kernel.errors import ConfigurationError, InvalidInputError
from athena.platform.kernel.settings import load_settings
from athena.policies.agreements.signing import (
    key_id,
    load_private_key,
    load_public_key,
    new_key,
)
from athena.records.nominals.values import Sex
from athena.sharing.ppss.person_checks.schemas import PersonAsked, PersonCheck
from athena.sharing.ppss.referrals.schemas import ReferralAnswer
from athena.sharing.ppss.signatures.signing import Asker, signed_headers
from athena.sharing.ppss.submissions.models import SubmissionKind
from athena.sharing.ppss.submissions.schemas import StatusView, SubmissionDraft

ppss_app = typer.Typer(help="Play a partner: sign questions and send them.", no_args_is_help=True)

KeyOption = Annotated[Path, typer.Option("--key", help="The private key's file.")]
UserOption = Annotated[str, typer.Option("--user", help="Who at the partner asks.")]
RoleOption = Annotated[str, typer.Option("--role", help="In which role.")]
Agreement = Annotated[str, typer.Option("--agreement", help="Under which agreement.")]
Url = Annotated[
    str | None,
    typer.Option(help="Where the platform is; when left out, it is opened in this process."),
]
INSIDE = "http://athena.local"
LINES = "application/x-ndjson"
_SUBMISSIONS = "/ppss/v1/submissions"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    ppss_app.command("keygen")(keygen)
    ppss_app.command("check")(check)
    ppss_app.command("disclosures")(disclosures)
    ppss_app.command("referrals")(referrals)
    ppss_app.command("answer-referral")(answer_referral)
    ppss_app.command("submit")(submit)
    ppss_app.command("submission")(submission)
    app.add_typer(ppss_app, name="ppss")


def keygen(
    name: Annotated[str, typer.Argument(help="What to call the files: NAME.pem, NAME.pub.pem.")],
) -> None:
    """Make an Ed25519 key pair; the private half stays with the partner."""
    private, public = new_key()
    path = Path(f"{name}.pem")
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(private)
        Path(f"{name}.pub.pem").write_bytes(public)
    except FileExistsError:
        raise ConfigurationError(f"{path} is there already; choose another name.") from None
    except OSError as error:
        raise ConfigurationError(f"{path} can't be written ({error.strerror}).") from None
    out.print(f"Keep {name}.pem to yourself; have {name}.pub.pem registered.")
    out.print(f"The key's id is {key_id(load_public_key(public))}.")


def check(
    key: KeyOption,
    user: UserOption,
    role: RoleOption,
    agreement: Agreement,
    family_name: Annotated[str, typer.Option(help="The person's family name.")],
    given_names: Annotated[str, typer.Option(help="The person's given names.")],
    purpose: Annotated[str, typer.Option(help="A purpose that the agreement names.")],
    reason: Annotated[str, typer.Option(help="Why the partner asks.")],
    case: Annotated[str, typer.Option(help="The partner's reference of the case.")],
    born: Annotated[str | None, typer.Option(help="The date of birth, YYYY-MM-DD.")] = None,
    url: Url = None,
) -> None:
    """Ask whether a person is known, as far as the agreement lets the partner know it."""
    person = {"family_name": family_name, "given_names": given_names, "date_of_birth": born}
    question = PersonCheck.model_validate(
        {
            "person": PersonAsked.model_validate(person),
            "purpose": purpose,
            "reason": reason,
            "case_reference": case,
        }
    )
    body = question.model_dump_json(exclude_none=True).encode()
    asker = make_asker(key, user, role, agreement)
    print_json(run(_call(asker, "POST", "/ppss/v1/person-checks", body, url)))


def disclosures(
    key: KeyOption, user: UserOption, role: RoleOption, agreement: Agreement, url: Url = None
) -> None:
    """List what was disclosed to the partner, the newest first."""
    asker = make_asker(key, user, role, agreement)
    print_json(run(_call(asker, "GET", "/ppss/v1/disclosures", b"", url)))


def submit(
    key: KeyOption,
    user: UserOption,
    role: RoleOption,
    agreement: Agreement,
    force: Annotated[str, typer.Option(help="The force that you tell, such as essex.")],
    kind: Annotated[SubmissionKind, typer.Option(help="What it is.")],
    purpose: Annotated[str, typer.Option(help="A purpose that the agreement names.")],
    family_name: Annotated[str, typer.Option(help="The person's family name.")],
    given_names: Annotated[str, typer.Option(help="The person's given names.")],
    case: Annotated[str, typer.Option(help="The partner's reference of the case.")],
    born: Annotated[str | None, typer.Option(help="The date of birth, YYYY-MM-DD.")] = None,
    sex: Annotated[Sex | None, typer.Option(help="The person's sex, as far as known.")] = None,
    concern: Annotated[str | None, typer.Option(help="Of a concern: what it is.")] = None,
    premises: Annotated[str, typer.Option(help="Of a change of address: the premises.")] = "",
    street: Annotated[str, typer.Option(help="The street.")] = "",
    town: Annotated[str, typer.Option(help="The town.")] = "",
    county: Annotated[str, typer.Option(help="The county.")] = "",
    postcode: Annotated[str | None, typer.Option(help="The postcode.")] = None,
    uprn: Annotated[
        int | None, typer.Option(help="Its Unique Property Reference Number, where known.")
    ] = None,
    latitude: Annotated[float | None, typer.Option(help="In degrees north (WGS 84).")] = None,
    longitude: Annotated[float | None, typer.Option(help="In degrees east (WGS 84).")] = None,
    moved_on: Annotated[str | None, typer.Option(help="Since when, YYYY-MM-DD.")] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="Your own name of it: sent again, it is one submission.")
    ] = None,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Tell a force something. It is no emergency line: in danger, call 999."""
    place = {
        name: value
        for name, value in {
            "premises": premises,
            "street": street,
            "town": town,
            "county": county,
            "postcode": postcode,
            "uprn": uprn,
            "latitude": latitude,
            "longitude": longitude,
        }.items()
        if value not in ("", None)
    }
    person = {"family_name": family_name, "given_names": given_names, "date_of_birth": born}
    asked = {
        "force": force,
        "kind": kind,
        "purpose": purpose,
        "person": {**person, "sex": sex},
        "case_reference": case,
        "concern": concern,
        "address": place or None,
        "moved_on": moved_on,
    }
    draft = SubmissionDraft.model_validate(asked)
    body = draft.model_dump_json(exclude_none=True, exclude_defaults=True).encode()
    named = idempotency_key or uuid4().hex
    asker = make_asker(key, user, role, agreement)
    say(f"Sending it; should no answer come, send it again with --idempotency-key {named}")
    _show_status(run(_call(asker, "POST", _SUBMISSIONS, body, url, named)), as_json=as_json)


def submission(
    submission_id: Annotated[UUID, typer.Argument(help="The submission, as `submit` shows it.")],
    key: KeyOption,
    user: UserOption,
    role: RoleOption,
    agreement: Agreement,
    url: Url = None,
    as_json: Json = False,
) -> None:
    """Show what became of a submission so far."""
    asker = make_asker(key, user, role, agreement)
    status = run(_call(asker, "GET", f"{_SUBMISSIONS}/{submission_id}", b"", url))
    _show_status(status, as_json=as_json)


def _show_status(document: Any, *, as_json: bool) -> None:
    """Print what became of a submission so far, for a person or for a program."""
    if as_json:
        print_json(document)
        return
    view = StatusView.model_validate(document)
    out.print(f"submission {view.submission_id}")
    out.print(f"for        {view.force}", markup=False)
    out.print(f"kind       {view.kind}, {view.status}")
    out.print(f"received   {show_time(view.received_at)}, changed {show_time(view.changed_at)}")
    if view.declined_because is not None:
        out.print(f"because    {view.declined_because}")


def referrals(
    key: KeyOption, user: UserOption, role: RoleOption, agreement: Agreement, url: Url = None
) -> None:
    """List what was referred to the partner and waits for an answer, the most urgent first."""
    asker = make_asker(key, user, role, agreement)
    print_json(run(_call(asker, "GET", "/ppss/v1/referrals", b"", url)))


def answer_referral(
    referral_id: Annotated[UUID, typer.Argument(help="The referral, as the list shows it.")],
    key: KeyOption,
    user: UserOption,
    role: RoleOption,
    agreement: Agreement,
    status: Annotated[str, typer.Option(help="acknowledged, declined or more_asked.")],
    because: Annotated[str | None, typer.Option(help="Why it is declined.")] = None,
    ask_for: Annotated[
        list[str] | None, typer.Option(help="A field that is needed too; repeat it.")
    ] = None,
    url: Url = None,
) -> None:
    """Take a referral on, decline it, or ask for more."""
    said = ReferralAnswer.model_validate(
        {"status": status, "because": because, "ask_for": ask_for or []}
    )
    body = said.model_dump_json(exclude_none=True).encode()
    path = f"/ppss/v1/referrals/{referral_id}/acknowledgement"
    print_json(run(_call(make_asker(key, user, role, agreement), "POST", path, body, url)))


def make_asker(key: Path, user: str, role: str, agreement: str) -> Asker:
    """Return who asks; InvalidInputError where the key's file can't be read."""
    try:
        pem = key.read_bytes()
    except OSError:
        raise InvalidInputError(f"The key file {key} can't be read.") from None
    return Asker(load_private_key(pem), user, role, agreement)


async def _call(
    asker: Asker,
    method: str,
    path: str,
    body: bytes,
    url: str | None,
    idempotency_key: str | None = None,
) -> Any:
    """Send a signed call and return its answer; a problem becomes one plain sentence."""
    async with open_client(url) as client:
        answer = await send(client, url, asker, (method, path, body), idempotency_key)
    return answer.json()


async def send(
    client: httpx.AsyncClient,
    url: str | None,
    asker: Asker,
    asked: tuple[str, str, bytes],
    idempotency_key: str | None = None,
) -> httpx.Response:
    """Send a signed call, its method, path and body, and return an answer that is no problem.

    A problem becomes InvalidInputError; ConfigurationError where no platform answers.
    """
    method, path, body = asked
    base = (url or INSIDE).rstrip("/")
    key = idempotency_key or uuid4().hex if method == "POST" else None
    headers = signed_headers(asker, method, base + path, body, idempotency_key=key)
    try:
        answer = await client.request(method, base + path, content=body, headers=headers)
    except httpx.HTTPError:
        raise ConfigurationError(
            f"Nothing answers at {base}; see that the platform runs there."
        ) from None
    if answer.headers.get("content-type") == LINES:
        return answer
    try:
        document = answer.json()
    except json.JSONDecodeError:
        raise ConfigurationError(f"What answers at {base} isn't this platform.") from None
    if answer.is_error:
        raise InvalidInputError(f"{document.get('title')}: {document.get('detail')}")
    return answer


@asynccontextmanager
async def open_client(url: str | None) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of the platform at a URL, or of one that is opened in this process."""
    if url is not None:
        async with httpx.AsyncClient(timeout=30) as client:
            yield client
        return
    from athena.platform.app import create_app  # all routes, which a client by URL doesn't need

    settings = load_settings()
    async with opened_store(settings) as store:
        app = create_app(store, settings)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client,
        ):
            yield client
