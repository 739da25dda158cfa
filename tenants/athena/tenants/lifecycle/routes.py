"""Tenants over HTTP: list, create, suspend, reinstate."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Depends

from athena.platform.kernel.database import Database
from athena.platform.kernel.identity import Subject
from athena.platform.kernel.permits import Act, Permit
from athena.platform.kernel.web import Caller, ReasonHeader, problems, stated_reason
from athena.tenants.lifecycle import service
from athena.tenants.lifecycle.schemas import ForceRequest, PartnerRequest, TenantView
from athena.tenants.lifecycle.service import Verifier

NewTenant = Annotated[ForceRequest | PartnerRequest, Body(discriminator="kind")]


def make_router(
    database: Database, verifier: Verifier, caller: Caller, manage: Permit, read: Permit
) -> APIRouter:
    """Return the routes of tenants; ``manage`` and ``read`` say who may."""
    router = APIRouter(prefix="/api/v1/tenants", tags=["tenants"])

    @router.get("", responses=problems())
    async def list_tenants(
        reason: ReasonHeader = None,
        subject: Subject = Depends(caller),
    ) -> list[TenantView]:
        """Return every tenant and whether it takes part."""
        stated = stated_reason(reason)
        await read(subject, stated)
        async with database.write(subject.login) as session:
            found = await service.list_tenants(session, subject, stated)
        return [TenantView.of(tenant) for tenant in found]

    @router.post("", status_code=201, responses=problems(409))
    async def create(request: NewTenant, subject: Subject = Depends(caller)) -> dict[str, str]:
        """Create a force with its login and its first administrator, or a partner."""
        await manage(subject, request.reason)
        async with database.write(subject.login) as session:
            if isinstance(request, ForceRequest):
                await service.create_force(session, subject, request, verifier)
            else:
                await service.create_partner(session, subject, request)
        return {"slug": request.slug, "status": "active"}

    @router.post("/{slug}/suspend", responses=problems(404, 409))
    async def suspend(slug: str, act: Act, subject: Subject = Depends(caller)) -> dict[str, str]:
        """Cut a tenant off at once: its login, its grants and its sessions."""
        await manage(subject, act.reason)
        async with database.write(subject.login) as session:
            await service.suspend(session, subject, slug, act.reason)
        await service.end_sessions(database)
        return {"slug": slug, "status": "suspended"}

    @router.post("/{slug}/reinstate", responses=problems(404, 409))
    async def reinstate(slug: str, act: Act, subject: Subject = Depends(caller)) -> dict[str, str]:
        """Let a suspended tenant take part again."""
        await manage(subject, act.reason)
        async with database.write(subject.login) as session:
            await service.reinstate(session, subject, slug, act.reason)
        return {"slug": slug, "status": "active"}

    return router
