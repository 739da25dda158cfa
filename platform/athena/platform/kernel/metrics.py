"""Figures of this process for operators, in Prometheus' text format.

No metric may have a label that names a person, a record or what was searched for: whoever can
reach the port can read them.
"""

from __future__ import annotations

from fastapi import FastAPI, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

REGISTRY = CollectorRegistry()
"""Every metric of the platform; not the library's own registry, to which anyone may add."""


def install(app: FastAPI) -> None:
    """Give an application the page that a Prometheus server reads."""

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        """Return every figure of this process."""
        return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_PLAIN_0_0_4)
