"""Off-boarding over HTTP; archives are files, so they are made and loaded on the command line."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field

from athena.platform.kernel.database import Database
from athena.platform.kernel.identity import Subject
from athena.platform.kernel.permits import Act, Permit
from athena.platform.kernel.web import Caller, problems
from athena.records.archive import service
from athena.records.archive.certificate import Certificate, Signer


class Offboarding(Act):
    """The checksum of an archive of the force's present state; a partner has none."""

    checksum: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None


def make_router(database: Database, signer: Signer, caller: Caller, manage: Permit) -> APIRouter:
    """Return the route of off-boarding; ``manage`` says who may."""
    router = APIRouter(prefix="/api/v1/tenants", tags=["tenants"])

    @router.post("/{slug}/offboard", responses=problems(404, 409))
    async def offboard(
        slug: str, request: Offboarding, subject: Subject = Depends(caller)
    ) -> Certificate:
        """Erase whatever a suspended tenant owns; answer with the signed certificate."""
        await manage(subject, request.reason)
        async with database.write(subject.login) as session:
            return await service.offboard(
                session, subject, slug, request.checksum, request.reason, signer
            )

    return router
