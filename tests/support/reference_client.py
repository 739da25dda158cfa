"""The client of examples/, and the way by which it reaches an application in this process."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from types import ModuleType

import httpx

from support.cluster import ROOT


def reference_client() -> ModuleType:
    """Return the client of examples/, which knows nothing of Athena."""
    spec = importlib.util.spec_from_file_location(
        "partner_client", ROOT / "examples" / "partner_client.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def bridged(application: httpx.AsyncClient) -> httpx.Client:
    """Return a client that waits, for use in a thread of its own beside the running loop."""
    loop = asyncio.get_running_loop()

    class Bridge(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            sent = application.send(
                httpx.Request(
                    request.method, request.url, headers=request.headers, content=request.read()
                )
            )
            answer = asyncio.run_coroutine_threadsafe(sent, loop).result(30)
            return httpx.Response(answer.status_code, content=answer.content)

    return httpx.Client(transport=Bridge())
