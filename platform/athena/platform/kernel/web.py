"""The web shell: problems instead of tracebacks, safe headers, a bound on bodies."""

from __future__ import annotations

import logging
import socket
import traceback
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from types import MappingProxyType
from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import FastAPI, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from athena.platform.kernel.errors import (
    PROBLEM_BASE,
    AthenaError,
    ConfigurationError,
    InvalidInputError,
    MalformedRequestError,
)
from athena.platform.kernel.identity import Subject
from athena.platform.kernel.permits import check_reason

PROBLEM_JSON = "application/problem+json"
MAX_BODY_BYTES = 1_000_000

SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

logger = logging.getLogger("athena.web")

ProblemPage = Callable[[Request, int, dict[str, Any]], Response]
"""Renders a problem as a page, for the paths that people visit with a browser."""


def install(
    app: FastAPI, problem_page: ProblemPage, longer_bodies: Mapping[str, int] = MappingProxyType({})
) -> None:
    """Give an application the shell; ``problem_page`` serves every path outside the APIs.

    ``longer_bodies`` are paths whose bodies may have more bytes than others, and how many.
    """

    def answer(request: Request, problem: dict[str, Any]) -> Response:
        status = int(problem["status"])
        if _is_api(request.url.path):
            return problem_response(problem)
        return problem_page(request, status, problem)

    async def athena_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, AthenaError)
        if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            logger.error("%s: %s", error.slug, error.detail)
        return answer(request, error.problem())

    async def invalid_request(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return answer(request, validation_problem(error))

    async def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        phrase = HTTPStatus(error.status_code).phrase
        problem = {
            "type": PROBLEM_BASE + phrase.lower().replace(" ", "-"),
            "title": phrase,
            "status": error.status_code,
            "detail": "Check the address and the method against the documentation.",
        }
        response = answer(request, problem)
        response.headers.update(error.headers or {})
        return response

    async def unexpected(request: Request, error: Exception) -> Response:
        # The message may quote data, so the log gets the type and the places only.
        places = " < ".join(
            f"{frame.filename.rpartition('/athena/')[2]}:{frame.lineno}"
            for frame in reversed(traceback.extract_tb(error.__traceback__))
            if "/athena/" in frame.filename
        )
        logger.error("unexpected %s on %s: %s", type(error).__name__, request.url.path, places)
        return answer(request, AthenaError("The fault is logged; nothing was changed.").problem())

    app.add_exception_handler(AthenaError, athena_error)
    app.add_exception_handler(RequestValidationError, invalid_request)
    app.add_exception_handler(HTTPException, http_error)
    app.add_exception_handler(Exception, unexpected)
    app.add_middleware(BodyLimit, longer=longer_bodies)
    app.add_middleware(SecurityHeaders)


def problem_response(problem: dict[str, Any]) -> JSONResponse:
    """Return a problem document as the APIs send it (RFC 9457)."""
    return JSONResponse(problem, status_code=problem["status"], media_type=PROBLEM_JSON)


def validation_problem(error: RequestValidationError) -> dict[str, Any]:
    """Return the problem of a request that doesn't fit its schema, without quoting its values."""
    details = error.errors()
    if any(detail["type"] == "json_invalid" for detail in details):
        return MalformedRequestError("The body isn't valid JSON in UTF-8.").problem()
    errors = [
        {
            "field": "/" + "/".join(str(part) for part in detail["loc"][1:]),
            "detail": detail["msg"].removeprefix("Value error, "),
        }
        for detail in details[:20]
    ]
    fields = ", ".join(sorted({entry["field"] for entry in errors}))
    return InvalidInputError(f"Mend these fields: {fields}.", errors=errors).problem()


class BodyLimit:
    """Refuses bodies over `MAX_BODY_BYTES`, whatever length they declare.

    ``longer`` names paths whose bodies may have more bytes, and how many.
    """

    def __init__(self, app: ASGIApp, longer: Mapping[str, int] = MappingProxyType({})) -> None:
        self._app = app
        self._longer = longer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count what arrives and answer 413 once it is too much."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        received = 0
        most = self._longer.get(scope["path"], MAX_BODY_BYTES)

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > most:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return message

        await self._app(scope, counted, send)


class SecurityHeaders:
    """Adds `SECURITY_HEADERS` to each response, and lets browsers keep assets for an hour."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on, with more headers where a response starts."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith("/assets/"):
                    headers["Cache-Control"] = "public, max-age=3600"
            await send(message)

        await self._app(scope, receive, with_headers)


def _is_api(path: str) -> bool:
    return path.startswith(("/api/", "/ppss/", "/livez", "/readyz", "/openapi"))


class Problem(BaseModel):
    """A problem document (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return OpenAPI's description of the problems that a route can answer with."""
    return {
        status: {"model": Problem, "content": {PROBLEM_JSON: {}}}
        for status in (400, 401, 403, 422, 500, 503, *statuses)
    }


Caller = Callable[..., Awaitable[Subject]]
"""The dependency that tells who calls, or raises NotSignedInError."""


def header_text(value: str | None) -> str | None:
    """Return a header's text as it was meant: UTF-8 where it is, percent-encoded or not."""
    if value is None:
        return None
    try:
        text = value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        text = value
    return unquote(text)


ReasonHeader = Annotated[str | None, Header(alias="Athena-Reason")]
"""The header in which a caller says why; `stated_reason` reads it."""


def stated_reason(header: str | None) -> str:
    """Return the reason that a header states, or InvalidInputError.

    Routes ask for it themselves, so that whoever isn't signed in hears that first.
    """
    return check_reason(header_text(header))


def listening_socket(host: str, port: int) -> socket.socket:
    """Return a socket that listens; ConfigurationError when the address is taken or not ours."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        raise ConfigurationError(
            f"Can't listen on {host} port {port} ({error.strerror}); "
            "set ATHENA_HOST and ATHENA_PORT to a free address."
        ) from None
    return listener


@contextmanager
def held_port() -> Iterator[int]:
    """Yield a free port of this machine, held for a server that is told it and starts later.

    The system gives a port that is bound to nobody who asks for any; and as it is bound without
    listening, a server that reuses addresses, as they do, listens on it as often as it starts.
    """
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        yield port
