"""The demo's way in: choose an account, change it."""

from __future__ import annotations

from itertools import groupby
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from athena.platform.kernel.browser import BrowserSessions, make_templates, render
from athena.platform.kernel.database import Database
from athena.tenants.members.service import list_accounts, subject_by_username

_templates = make_templates("athena.tenants.members")

ShortField = Annotated[str, Form(max_length=100)]


def make_router(database: Database, sessions: BrowserSessions) -> APIRouter:
    """Return the pages of demo sign-in."""
    router = APIRouter(include_in_schema=False)

    @router.get("/accounts")
    async def accounts() -> Response:
        """List the demo's accounts by tenant."""
        found = await list_accounts(database)
        by_tenant = [
            (tenant, [(username, shown) for username, shown, _ in group])
            for tenant, group in groupby(found, key=lambda account: account[2])
        ]
        return render(_templates, "sign_in.html", tenants=by_tenant)

    @router.post("/sign-in")
    async def sign_in(username: ShortField) -> Response:
        """Start a session as a demo account."""
        subject = await subject_by_username(database, username)
        return sessions.begin(subject, RedirectResponse("/", 303))

    @router.post("/sign-out")
    async def sign_out(request: Request, form_token: ShortField) -> Response:
        """End the session."""
        sessions.check_form(request, form_token)
        return sessions.end(RedirectResponse("/accounts", 303))

    return router
