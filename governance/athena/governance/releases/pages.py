"""The calendar as a page: rings, black-outs and deadlines of votes, month by month."""

from __future__ import annotations

from datetime import date
from itertools import groupby
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from athena.governance.releases.calendar import Happening, calendar
from athena.governance.releases.desk import Desk
from athena.governance.releases.machine import words
from athena.platform.kernel.browser import BrowserSessions, make_templates, render
from athena.platform.kernel.clock import LONDON
from athena.platform.kernel.identity import Subject

COLOURS = {
    "waiting": "grey",
    "notified": "yellow",
    "live": "green",
    "held": "orange",
    "backed_out": "red",
}


def show_span(item: Happening) -> str:
    """Return when something happens, in London's time, as people write it."""
    begins, ends = item.begins.astimezone(LONDON), item.ends.astimezone(LONDON)
    first = f"{begins.day} {begins:%B %Y, %H:%M %Z}"
    if begins == ends:
        return first
    last = f"{ends.day} {ends:%B %Y, %H:%M %Z}"
    return f"{first} to {last}"


_templates = make_templates("athena.governance.releases")
_templates.filters["span"] = show_span
_templates.filters["words"] = words
_templates.globals["colours"] = COLOURS


def make_router(desk: Desk, sessions: BrowserSessions) -> APIRouter:
    """Return the page of the calendar."""
    router = APIRouter(include_in_schema=False)

    @router.get("/governance/calendar")
    async def shown(
        request: Request,
        first: Annotated[date | None, Query()] = None,
        last: Annotated[date | None, Query()] = None,
        subject: Subject = Depends(sessions.visitor),
    ) -> Response:
        """Show what happens from a day to another; from today for a quarter of a year."""
        found = await calendar(desk.office, subject, first, last)
        months = [
            (f"{month:%B %Y}", list(items))
            for month, items in groupby(
                found.happenings,
                key=lambda item: max(item.first_day, found.first_day).replace(day=1),
            )
        ]
        return render(
            _templates,
            "calendar.html",
            **sessions.header(request, subject),
            found=found,
            months=months,
        )

    return router
