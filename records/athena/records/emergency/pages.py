"""The page on which a record is opened in an emergency, reached from a search."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from athena.platform.kernel.browser import BrowserSessions, make_templates, render
from athena.platform.kernel.errors import AthenaError, InvalidInputError
from athena.platform.kernel.features import Features
from athena.platform.kernel.identity import Subject
from athena.policies.roles.actions import Action
from athena.policies.visibility.service import Gate
from athena.policies.visibility.stated import parse_purpose, parse_reason
from athena.records.emergency import service
from athena.records.emergency.schemas import EmergencyRequest
from athena.tenants.directory.service import Directory

_templates = make_templates("athena.records.emergency")


def make_router(
    gate: Gate, directory: Directory, features: Features, seconds: int, sessions: BrowserSessions
) -> APIRouter:
    """Return the page; a record stays open for so many seconds."""
    router = APIRouter(include_in_schema=False)
    visitor = sessions.visitor

    def show_form(
        request: Request, subject: Subject, fields: dict[str, str], status: int = 200, **values: Any
    ) -> Response:
        owner = fields.get("owner", "")
        return render(
            _templates,
            "emergency.html",
            status=status,
            **sessions.header(request, subject),
            form=fields,
            owner=directory.by_slug(owner).name if owner else "",
            minutes=seconds // 60,
            **values,
        )

    @router.get("/emergency")
    async def form(
        request: Request,
        search: UUID,
        purpose: str,
        owner: str = "",
        nominal: str = "",
        subject: Subject = Depends(visitor),
    ) -> Response:
        """Show the form."""
        gate.authorise(subject, Action.NOMINALS_BREAK_GLASS)
        service.require_live(features, subject)
        fields = {"search": str(search), "purpose": purpose, "owner": owner, "nominal": nominal}
        return show_form(request, subject, fields)

    @router.post("/emergency")
    async def open_record(request: Request, subject: Subject = Depends(visitor)) -> Response:
        """Open the record and go to it, or say what is wrong."""
        fields = {name: str(value) for name, value in (await request.form()).items()}
        sessions.check_form(request, fields.pop("form_token", ""))
        by_pointer = {"search_id": fields.get("search"), "owner_force": fields.get("owner")}
        by_id = {"nominal_id": fields.get("nominal")}
        try:
            search = _search(fields.get("search", ""))
            purpose = parse_purpose(fields.get("purpose"))
            asked = EmergencyRequest.model_validate(
                {
                    "emergency": fields.get("emergency", ""),
                    **(by_id if fields.get("nominal") else by_pointer),
                }
            )
            reason = parse_reason(fields.get("reason"))
            opened = await service.open_record(
                gate, directory, features, subject, purpose, reason, asked, seconds
            )
        except ValidationError as error:
            told = error.errors()[0]["msg"].removeprefix("Value error, ")
            return show_form(request, subject, fields, 422, problem=told)
        except AthenaError as error:
            return show_form(request, subject, fields, error.status, problem=error.detail)
        return RedirectResponse(
            f"/nominals/{opened.nominal_id}?search={search}&purpose={purpose}", 303
        )

    return router


def _search(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInputError("Open the form from the results of a search.") from None
