"""Commands that read: search, show, audit."""

from __future__ import annotations

import time
from typing import Annotated, Any
from uuid import UUID

import typer

from athena.platform.cli import merging
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
from athena.platform.kernel import audit, audit_log
from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.clock import show_time
from athena.platform.kernel.errors import RefusedError
from athena.platform.kernel.identity import Level, NominalId, Subject
from athena.platform.runtime import Runtime
from athena.policies.roles.actions import Action
from athena.policies.visibility.stated import parse_purpose, parse_reason
from athena.records.merging.service import read_marked
from athena.records.nominals.values import Sex, WarningMarker
from athena.sharing.search.routes import run_search
from athena.sharing.search.schemas import Hit, SearchAnswer, SearchRequest
from athena.sharing.search.warming import warm

audit_app = typer.Typer(help="The log of who looked at what, and why.", no_args_is_help=True)
nominal_app = typer.Typer(help="One nominal.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(search)
    nominal_app.command("show")(show)
    merging.register(nominal_app)
    audit_app.command("tail")(tail)
    app.add_typer(nominal_app, name="nominals")
    app.add_typer(audit_app, name="audit")


def search(
    account: As,
    purpose: Purpose,
    reason: Reason,
    name: Annotated[
        str | None, typer.Argument(help='As you heard it: "jon smyth 1980", or an identifier.')
    ] = None,
    given_name: Annotated[str | None, typer.Option(help="Given names, if apart.")] = None,
    surname: Annotated[str | None, typer.Option(help="The surname, if apart.")] = None,
    date_of_birth: Annotated[str | None, typer.Option(help="1980-03-12, 1980-03 or 1980.")] = None,
    year_of_birth: Annotated[int | None, typer.Option(help="The year alone.")] = None,
    age_from: Annotated[int | None, typer.Option(help="At least this old.")] = None,
    age_to: Annotated[int | None, typer.Option(help="At most this old.")] = None,
    sex: Annotated[Sex | None, typer.Option(help="Recorded sex.")] = None,
    identifier: Annotated[str | None, typer.Option(help="Any number, any short form.")] = None,
    postcode: Annotated[str | None, typer.Option(help="A whole postcode.")] = None,
    address: Annotated[
        str | None, typer.Option(help='A street: "12 High Street, Norwich".')
    ] = None,
    telephone: Annotated[str | None, typer.Option(help="A telephone number.")] = None,
    markers: Annotated[
        list[WarningMarker] | None,
        typer.Option("--marker", help="Only those with this warning; may be repeated."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=50, help="How many results.")] = 20,
    as_json: Json = False,
) -> None:
    """Search the nominals of all nine forces."""
    request = SearchRequest(
        name=name,
        given_name=given_name,
        surname=surname,
        date_of_birth=date_of_birth,
        year_of_birth=year_of_birth,
        age_from=age_from,
        age_to=age_to,
        sex=sex,
        identifier=identifier,
        postcode=postcode,
        address=address,
        telephone=telephone,
        markers=tuple(markers or ()),
        purpose=purpose,
        reason=reason,
        limit=limit,
    )

    async def work() -> tuple[SearchAnswer, float]:
        async with opened() as runtime:
            subject = await acting(runtime, account)
            warm()  # a server has done so long before
            started = time.perf_counter()
            answer = await run_search(runtime.gate, runtime.searcher, subject, request)
            return answer, time.perf_counter() - started

    answer, seconds = run(work())
    if as_json:
        print_json(answer.model_dump(mode="json"))
        return
    pointers = [hit for hit in answer.results if hit.disclosure is Level.POINTER]
    shown = [hit for hit in answer.results if hit.nominal is not None]
    for hit in pointers:
        out.print(_pointer(hit))
    for heading, hits in (
        ("", [hit for hit in shown if hit.is_good]),
        ("Less likely:", [hit for hit in shown if not hit.is_good]),
    ):
        if heading and hits:
            out.print(heading)
        for hit in hits:
            out.print(_hit(hit))
    found = "No nominal found that you may see"
    if shown:
        found = "1 result" if len(shown) == 1 else f"{len(shown)} results"
    out.print(f"{found}, in {seconds * 1000:.0f} ms. The search is logged.")


def show(
    nominal_id: UUID, account: As, purpose: Purpose, reason: Reason, as_json: Json = False
) -> None:
    """Show one nominal with every group that policy shows."""
    entry = Entry(
        EventKind.CONSULTATION,
        "nominals.read",
        parse_reason(reason),
        {"nominal": str(nominal_id)},
    )

    async def work() -> dict[str, Any]:
        async with opened() as runtime:
            subject = await acting(runtime, account)
            async with runtime.gate.consult(
                subject, Action.NOMINALS_READ, parse_purpose(purpose), entry
            ) as consultation:
                record = await read_marked(consultation, NominalId(nominal_id))
        return record.model_dump(mode="json", exclude_none=True)

    found = run(work())
    if as_json:
        print_json(found)
        return
    for key, value in {**found.pop("nominal"), **found}.items():
        out.print(f"{key.replace('_', ' '):20} {_plain(value)}")


def tail(
    account: Annotated[str, typer.Option("--as", help="auditor, or dpo.<force>.")] = "auditor",
    count: Annotated[int, typer.Option("-n", min=1, max=1000, help="How many events.")] = 20,
    as_json: Json = False,
) -> None:
    """Show the newest events of the log; reading it is logged too."""

    async def work() -> list[dict[str, Any]]:
        async with opened() as runtime:
            subject = await acting(runtime, account)
            return [row._asdict() for row in await _read_log(runtime, subject, count)]

    events = run(work())
    if as_json:
        print_json(events)
        return
    for event in reversed(events):
        out.print(
            f"{show_time(event['at'])}  {event['kind']:14} {event['action']:18} "
            f"{event['username']:22} {event['purpose'] or '-':14} "
            f"{len(event['records'])} records  {event['reason']}"
        )


async def _read_log(runtime: Runtime, subject: Subject, count: int) -> Any:
    gate = runtime.gate
    try:
        gate.authorise(subject, Action.AUDIT_READ)
    except RefusedError:
        purpose = parse_purpose("data_quality")
        entry = Entry(EventKind.CONSULTATION, "audit.read", "Reads the own force's log")
        async with gate.consult(
            subject, Action.AUDIT_READ_OWN_FORCE, purpose, entry
        ) as consultation:
            return await audit_log.newest(consultation.session, count)
    async with runtime.database.read(subject.login) as session:
        await audit.administer(session, subject, "audit.read", "Reads the log", {"count": count})
        return await audit_log.newest(session, count)


def _pointer(hit: Hit) -> str:
    """Return the line that says whom to ask about a record that isn't shown."""
    asked = f": ask {hit.contact.unit}, {hit.contact.telephone}" if hit.contact else ""
    return f"{hit.owner_force} may hold a record of this person that isn't shown to you{asked}."


def _hit(hit: Hit) -> str:
    """Return the lines of a result; ids stand whole, to be copied."""
    assert hit.nominal is not None
    first, *others = [f"{name.given_names} {name.surname}".strip() for name in hit.nominal.names]
    also = f" (also {', '.join(others)})" if others else ""
    withheld = f"withheld: {', '.join(hit.withheld)}" if hit.withheld else "nothing withheld"
    lines = [
        f"{(hit.score or 0) * 100:3.0f}%  {first}{also}, born {hit.nominal.date_of_birth or '?'}, "
        f"{hit.owner_force}, {hit.disclosure.value}\n      {hit.id}  {withheld}"
    ]
    if hit.merged_into:
        lines.append(f"      a duplicate: {hit.merged_into} stands for it")
    lines += [f"      stands for the duplicate {item.id} too" for item in hit.duplicates]
    return "\n".join(lines)


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(_plain(item) for item in value) or "-"
    if isinstance(value, dict):
        return ", ".join(f"{_plain(part)}" for part in value.values() if part not in (None, ""))
    return str(value)
