"""Pages: rendering templates, and the browser's session in a cookie no script can read."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import ChoiceLoader, Environment, PackageLoader, PrefixLoader

from athena.platform.kernel.errors import NotSignedInError, RefusedError
from athena.platform.kernel.identity import Subject
from athena.platform.kernel.metrics import attribute
from athena.platform.kernel.tokens import TokenIssuer

COOKIE = "athena_session"
SESSION_SECONDS = 8 * 3600

FindSubject = Callable[[UUID], Awaitable[Subject]]


@dataclass(frozen=True, slots=True)
class HeaderLink:
    """A page that every page's header leads those to who may see it."""

    address: str
    text: str
    may_see: Callable[[Subject], bool]


def make_templates(*packages: str) -> Environment:
    """Return the templates of some packages over the layout and GOV.UK Frontend's components."""
    own = [PackageLoader(name) for name in (*packages, "athena.platform.kernel")]
    components = PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")})
    return Environment(
        loader=ChoiceLoader([*own, components]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def render(templates: Environment, name: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Render a template as a page."""
    page = templates.get_template(name).render(
        {"form_token": "", "subject": None, "links": (), **values}  # what the layout asks for
    )
    return HTMLResponse(page, status_code=status)


class BrowserSessions:
    """Who visits, and whether a form was sent from a page of ours."""

    def __init__(
        self, tokens: TokenIssuer, find_subject: FindSubject, links: Collection[HeaderLink] = ()
    ) -> None:
        self._tokens = tokens
        self._find_subject = find_subject
        self._links = links

    async def visitor(self, request: Request) -> Subject:
        """Return who visits; NotSignedInError without a valid session."""
        token = request.cookies.get(COOKIE)
        if not token:
            raise NotSignedInError("Choose an account first.")
        subject = await self._find_subject(self._tokens.verify(token))
        attribute(request, subject)
        return subject

    def begin(self, subject: Subject, response: Response) -> Response:
        """Start a session with a response."""
        response.set_cookie(
            COOKIE,
            self._tokens.issue(subject.member_id, SESSION_SECONDS),
            max_age=SESSION_SECONDS,
            httponly=True,
            samesite="strict",
        )
        return response

    def header(self, request: Request, subject: Subject) -> dict[str, Any]:
        """Return what the header of a page needs for its visitor, for `render`."""
        return {
            "subject": subject,
            "form_token": self.form_token(request),
            "links": [link for link in self._links if link.may_see(subject)],
        }

    @staticmethod
    def end(response: Response) -> Response:
        """End the session with a response."""
        response.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return response

    @staticmethod
    def form_token(request: Request) -> str:
        """Return what a form of this session must send back: no other site's page can know it."""
        session = request.cookies.get(COOKIE, "").encode()
        return hmac.digest(session, b"form", hashlib.sha256).hex()

    def check_form(self, request: Request, sent: str) -> None:
        """Refuse a form that doesn't come from a page of this session."""
        if not hmac.compare_digest(self.form_token(request).encode(), sent.encode()):
            raise RefusedError("This form is from another session; open the page again.")


_problem_templates = make_templates()


def problem_page(request: Request, status: int, problem: dict[str, Any]) -> Response:
    """Render a problem for a person; without a session the way forward is to sign in."""
    if status == NotSignedInError.status and request.method == "GET":
        return RedirectResponse("/accounts", 303)
    return render(_problem_templates, "problem.html", status, problem=problem)
