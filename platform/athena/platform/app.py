"""The application: every feature's routes over one running platform."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from importlib.metadata import version
from uuid import UUID

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles

from athena.platform.kernel import web
from athena.platform.kernel.browser import BrowserSessions, problem_page
from athena.platform.kernel.errors import AthenaError, NotSignedInError
from athena.platform.kernel.identity import Subject
from athena.platform.kernel.settings import Settings
from athena.platform.kernel.store import Store, data_dir
from athena.platform.kernel.tokens import TokenIssuer
from athena.platform.runtime import Runtime, running
from athena.policies.explanations import routes as explanations
from athena.records.nominals import routes as nominals
from athena.sharing.search import pages as search_pages
from athena.sharing.search import routes as search
from athena.tenants.members import pages as member_pages
from athena.tenants.members.service import subject_by_id


def create_app(store: Store, settings: Settings) -> FastAPI:
    """Return the application over a migrated store; it opens when the server starts it."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        tokens = TokenIssuer.open(settings, data_dir(settings))
        async with running(store, settings) as runtime:
            _include_features(app, runtime, tokens)
            app.state.runtime = runtime
            yield

    app = FastAPI(
        title="Athena",
        version=version("athena-platform"),
        description="One police records store for nine forces, shared by agreement.",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    web.install(app, problem_page)

    @app.get("/livez", include_in_schema=False)
    async def live() -> Response:
        """Tell that the process answers."""
        return JSONResponse({"status": "live"})

    @app.get("/readyz", include_in_schema=False)
    async def ready(request: Request) -> Response:
        """Tell whether the store answers and the policy decides."""
        runtime: Runtime | None = getattr(request.app.state, "runtime", None)
        if runtime is None:
            return JSONResponse({"status": "starting"}, HTTPStatus.SERVICE_UNAVAILABLE)
        try:
            await runtime.gate.check()
        except AthenaError as error:
            return web.problem_response(error.problem())
        return JSONResponse({"status": "ready"})

    return app


def _include_features(app: FastAPI, runtime: Runtime, tokens: TokenIssuer) -> None:
    async def find_subject(member_id: UUID) -> Subject:
        return await subject_by_id(runtime.database, member_id)

    async def by_bearer(request: Request) -> Subject:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise NotSignedInError(
                "Send a bearer token in the Authorization header; `athena token` prints one."
            )
        return await find_subject(tokens.verify(token))

    sessions = BrowserSessions(tokens, find_subject)
    gate, searcher, register = runtime.gate, runtime.searcher, runtime.register
    app.include_router(search.make_router(gate, searcher, register, by_bearer))
    app.include_router(nominals.make_router(gate, register, by_bearer))
    app.include_router(explanations.make_router(gate, by_bearer))
    app.include_router(member_pages.make_router(runtime.database, sessions))
    app.include_router(search_pages.make_router(gate, searcher, sessions))
    app.mount("/assets", StaticFiles(packages=[("athena.platform.kernel", "assets")]))
