"""The partner interface as an application of its own: its routes, its problems, its OpenAPI."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from athena.platform.kernel import web
from athena.platform.kernel.errors import AthenaError
from athena.sharing.ppss.problems import DailyQuotaError, HourlyQuotaError
from athena.sharing.ppss.reading import MOST_BATCH_BYTES
from athena.sharing.ppss.signatures.models import COVERED

PREFIX = "/ppss/v1"

LONGER_BODIES = {f"{PREFIX}/person-check-batches": MOST_BATCH_BYTES}
"""The paths whose bodies may be longer than others, and how many bytes they may have."""

_SIGNED = {
    "Date": "The time of sending, within two minutes of the time here",
    "Content-Digest": "sha-256 of the body, of no bytes where there is none (RFC 9530)",
    "Athena-User": "Who at the partner asks: a reference of the partner's own",
    "Athena-Role": "In which role that person asks",
    "Athena-Agreement": "The agreement under which is asked, such as ATH-ISA-20",
    "Signature-Input": f"RFC 9421, tag athena-ppss, over {', '.join(COVERED)}",
    "Signature": "Ed25519, by a registered key",
}
_REF = "#/components/schemas/{model}"


def make_interface(routers: Sequence[APIRouter], bodies: Sequence[type[BaseModel]]) -> FastAPI:
    """Return the application that serves partners under `PREFIX`, with these routes.

    ``bodies`` are what its routes read from a body themselves, once its signature has verified.
    """
    app = FastAPI(
        title="Athena: Police and Partner Sharing Service",
        version=version("athena-platform"),
        description="What partner organisations may ask of nine forces, by agreement.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
    )
    web.install(app, _no_pages, LONGER_BODIES)
    for quota in (HourlyQuotaError, DailyQuotaError):
        app.add_exception_handler(quota, _come_again)
    for router in routers:
        app.include_router(router)
    _describe(app, bodies)
    return app


def signed(body: type[BaseModel] | None = None, *, idempotent: bool = False) -> dict[str, Any]:
    """Return OpenAPI's description of the fields that a signed call has, and of its body."""
    fields = dict(_SIGNED)
    if idempotent:
        fields["Idempotency-Key"] = "The caller's own name of this question; signed too"
    described: dict[str, Any] = {
        "parameters": [
            {
                "name": name,
                "in": "header",
                "required": True,
                "description": text,
                "schema": {"type": "string"},
            }
            for name, text in fields.items()
        ]
    }
    if body is not None:
        schema = {"$ref": _REF.format(model=body.__name__)}
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema}},
        }
    return described


def _describe(app: FastAPI, bodies: Sequence[type[BaseModel]]) -> None:
    """Let an application's OpenAPI hold the schemas of bodies that its routes read themselves."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title,
                version=app.version,
                description=app.description,
                routes=app.routes,
                servers=[{"url": PREFIX}],
            )
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            for body in bodies:
                schema = body.model_json_schema(ref_template=_REF)
                schemas |= schema.pop("$defs", {})
                schemas[body.__name__] = schema
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _no_pages(_request: Request, _status: int, problem: dict[str, Any]) -> Response:
    return web.problem_response(problem)


async def _come_again(_request: Request, error: Exception) -> Response:
    assert isinstance(error, AthenaError)
    response = web.problem_response(error.problem())
    response.headers["Retry-After"] = str(error.extra["retry_after"])
    return response
