"""Figures of this process for operators, in Prometheus' text format.

No metric may have a label that names a person, a record or what was searched for: whoever can
reach the port can read them.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from fastapi import FastAPI, Request, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from athena.platform.kernel.identity import Subject

REGISTRY = CollectorRegistry()
"""Every metric of the platform; not the library's own registry, to which anyone may add."""


def install(app: FastAPI) -> None:
    """Give an application the page that a Prometheus server reads."""

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        """Return every figure of this process."""
        return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_PLAIN_0_0_4)


_WHOSE = "athena.subject"
_API = "/api/v1/"


def attribute(request: Request, subject: Subject) -> None:
    """Note who sent a request, so that it can be counted as their force's."""
    request.scope[_WHOSE] = subject


def whose(scope: MutableMapping[str, Any]) -> Subject | None:
    """Return who sent a request, as far as that was found out."""
    subject = scope.get(_WHOSE)
    return subject if isinstance(subject, Subject) else None


def route_class(scope: MutableMapping[str, Any]) -> str:
    """Return the kind of route that answered, from the route and never from the address."""
    path = getattr(scope.get("route"), "path", "")
    if not path:
        return "none"
    if not path.startswith(_API):
        return "pages"
    first = str(path).removeprefix(_API).split("/")[0]
    return "other" if first.startswith("{") else first
