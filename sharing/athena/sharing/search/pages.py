"""The pages of a search: choose an account, search, read a nominal; no JavaScript needed.

A search is a POST that answers with a redirect to an opaque id, so that going back and reloading
work and no name stands in a URL.
"""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.browser import BrowserSessions, make_templates, render
from athena.platform.kernel.errors import AthenaError, InvalidInputError
from athena.platform.kernel.identity import NominalId, Purpose, Subject
from athena.policies.decisions.reasons import Obligation, Reason
from athena.policies.roles.actions import Action
from athena.policies.visibility.service import Gate
from athena.policies.visibility.stated import parse_purpose
from athena.records.merging import service as merging
from athena.records.nominals.dates import parse_partial_date
from athena.records.nominals.schemas import AddressDraft, Disclosed, NominalView
from athena.records.nominals.values import WarningMarker
from athena.sharing.search.routes import run_search
from athena.sharing.search.schemas import SearchRequest
from athena.sharing.search.service import Searcher

PAGE = 20

_PURPOSES = [
    {"value": purpose.value, "text": purpose.value.replace("_", " ").capitalize()}
    for purpose in Purpose
]
_WARNINGS = [
    {"value": "", "text": "Any or none"},
    *(
        {"value": marker.value, "text": marker.value.replace("_", " ").capitalize()}
        for marker in WarningMarker
    ),
]
_NOTHING_TYPED = dict.fromkeys(("name", "postcode", "address", "telephone", "sex", "markers"), "")
_DEFAULTS = {"purpose": Purpose.INVESTIGATION.value, "reason": ""}


def show_date(text: str) -> str:
    """Return a date as people write it, to whatever precision it is known."""
    partial = parse_partial_date(text)
    if partial.month is None:
        return str(partial.year)
    day = f"{partial.day} " if partial.day else ""
    return f"{day}{date(2000, partial.month, 1):%B} {partial.year}"


_templates = make_templates("athena.sharing.search")
_templates.filters["day"] = show_date
_templates.filters["reason"] = {code.value: code.sentence for code in Reason}.__getitem__
_templates.filters["obligation"] = {code.value: code.sentence for code in Obligation}.__getitem__


def make_router(gate: Gate, searcher: Searcher, sessions: BrowserSessions) -> APIRouter:
    """Return the pages of searching and of one nominal."""
    router = APIRouter(include_in_schema=False)
    visitor = sessions.visitor

    def forces() -> dict[str, str]:
        return {tenant.slug: tenant.name for tenant in searcher.directory}

    def show_search(
        request: Request, subject: Subject, status: int = 200, **values: Any
    ) -> Response:
        shown = {"answer": None, "problem": None, "offset": 0, "form": _DEFAULTS, **values}
        shown["form"] = {**_NOTHING_TYPED, **shown["form"]}
        return render(
            _templates,
            "search.html",
            status=status,
            **sessions.header(request, subject),
            purposes=_PURPOSES,
            warnings=_WARNINGS,
            forces=forces(),
            emergency=gate.allows(subject, Action.NOMINALS_BREAK_GLASS),
            **shown,
        )

    @router.get("/")
    async def start(request: Request, subject: Subject = Depends(visitor)) -> Response:
        return show_search(request, subject)

    @router.post("/search")
    async def search(request: Request, subject: Subject = Depends(visitor)) -> Response:
        fields = {name: str(value) for name, value in (await request.form()).items()}
        sessions.check_form(request, fields.pop("form_token", ""))
        try:
            typed = {name: value for name, value in fields.items() if value.strip()}
            markers = [typed.pop("markers")] if "markers" in typed else []
            asked = SearchRequest.model_validate(
                {"purpose": "", "reason": "", **typed, "markers": markers}
            )
            answer = await run_search(gate, searcher, subject, asked)
        except (ValidationError, InvalidInputError) as error:
            return show_search(
                request, subject, 422, form=_DEFAULTS | fields, problem=_sentence(error)
            )
        except AthenaError as error:
            return show_search(
                request, subject, error.status, form=_DEFAULTS | fields, problem=error.detail
            )
        return RedirectResponse(f"/searches/{answer.search_id}?purpose={answer.purpose}", 303)

    @router.get("/searches/{search_id}")
    async def results(
        request: Request,
        search_id: UUID,
        purpose: str,
        offset: int = 0,
        subject: Subject = Depends(visitor),
    ) -> Response:
        entry = Entry(
            EventKind.CONSULTATION,
            "nominals.search",
            f"Continues search {search_id}",
            {"search": str(search_id), "offset": offset},
        )
        async with gate.consult(
            subject, Action.NOMINALS_SEARCH, parse_purpose(purpose), entry
        ) as consultation:
            saved = await searcher.saved(consultation, search_id)
            answer = await searcher.page(consultation, search_id, max(offset, 0), PAGE)
        markers = saved.query.get("markers", [""])
        form = {**saved.query, "markers": markers[0], "purpose": purpose, "reason": saved.reason}
        return show_search(request, subject, answer=answer, offset=offset, form=form)

    @router.get("/nominals/{nominal_id}")
    async def nominal(
        request: Request,
        nominal_id: UUID,
        search: UUID,
        purpose: str,
        subject: Subject = Depends(visitor),
    ) -> Response:
        entry = Entry(
            EventKind.CONSULTATION,
            "nominals.read",
            f"Opened from search {search}",
            {"nominal": str(nominal_id), "search": str(search)},
        )
        async with gate.consult(
            subject, Action.NOMINALS_READ, parse_purpose(purpose), entry
        ) as consultation:
            await searcher.saved(consultation, search)
            record = await merging.read_marked(consultation, NominalId(nominal_id))
        title = searcher.agreements.get(record.agreement_id) if record.agreement_id else None
        return render(
            _templates,
            "nominal.html",
            **sessions.header(request, subject),
            record=record,
            agreement=title,
            search_id=search,
            purpose=purpose,
            forces=forces(),
            identity=_identity(record.nominal),
            groups=_groups(record),
        )

    return router


def _sentence(error: ValidationError | InvalidInputError) -> str:
    if isinstance(error, InvalidInputError):
        return error.detail
    first = error.errors()[0]
    field = str(first["loc"][0]).replace("_", " ").capitalize()
    return f"{field}: {first['msg'].removeprefix('Value error, ')}"


def _identity(nominal: NominalView) -> list[tuple[str, str]]:
    rows = [
        (_label(name.kind) + " name", f"{name.given_names} {name.surname}".strip())
        for name in nominal.names
    ]
    born = show_date(nominal.date_of_birth) if nominal.date_of_birth else "Not recorded"
    rows.append(("Date of birth", born))
    if nominal.sex:
        rows.append(("Sex", nominal.sex.name.capitalize()))
    if nominal.place_of_birth:
        rows.append(("Place of birth", nominal.place_of_birth))
    return rows


def _groups(record: Disclosed) -> list[tuple[str, list[tuple[str, str]] | None]]:
    nominal = record.nominal

    def rows(items: list[Any] | None, key: str, value: str) -> list[tuple[str, str]] | None:
        if items is None:
            return None
        return [(_label(getattr(item, key)), str(getattr(item, value))) for item in items]

    return [
        ("Warning markers", rows(nominal.markers, "code", "note")),
        ("Identifiers", rows(nominal.identifiers, "kind", "value")),
        (
            "Addresses",
            None
            if nominal.addresses is None
            else [(_label(item.kind), _address(item)) for item in nominal.addresses],
        ),
        ("Contacts", rows(nominal.contacts, "kind", "value")),
        ("Description", rows(nominal.descriptions, "attribute", "value")),
        (
            "Involvements",
            None
            if nominal.involvements is None
            else [
                (_label(item.role), f"{item.record_class or 'record'} {item.record_number or ''}")
                for item in nominal.involvements
            ],
        ),
        ("Assessments (opinion, not fact)", rows(nominal.assessments, "basis", "text")),
    ]


_ABBREVIATIONS = {"pnc_id": "PNC ID", "cro_number": "CRO number", "urn": "URN"}


def _label(code: str) -> str:
    """Return a code as a heading that people read."""
    return _ABBREVIATIONS.get(code) or code.replace("_", " ").capitalize()


def _address(address: AddressDraft) -> str:
    place = address.location
    street = " ".join(part for part in (place.premises, place.street) if part)
    return ", ".join(part for part in (street, place.town, place.county, place.postcode) if part)
