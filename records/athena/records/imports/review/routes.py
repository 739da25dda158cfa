"""A force's own imports over HTTP; files are imported, and rows decided, on the command line."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Depends

from athena.platform.kernel.identity import Subject
from athena.platform.kernel.web import Caller, problems
from athena.policies.visibility.service import Gate
from athena.records.imports.review import service
from athena.records.imports.review.schemas import ShownReport, ShownRun


def make_router(gate: Gate, caller: Caller) -> APIRouter:
    """Return the routes of imports."""
    router = APIRouter(prefix="/api/v1/imports", tags=["imports"])

    @router.get("", responses=problems())
    async def list_imports(subject: Subject = Depends(caller)) -> list[ShownRun]:
        """List the imports of your force, the newest first, a hundred at most."""
        return [ShownRun.of(run) for run in await service.list_runs(gate, subject)]

    @router.get("/{run_id}", responses=problems(404))
    async def read_import(run_id: UUID, subject: Subject = Depends(caller)) -> ShownReport:
        """Tell what became of every row of an import, counted in the store now."""
        return ShownReport.of(await service.report(gate, subject, run_id))

    return router
