"""Agreements over HTTP: reading, proposing, signing, and the steps of their life.

An agreement is named by its id or its reference; neither is personal data.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel

from athena.platform.kernel.identity import Subject
from athena.platform.kernel.web import Caller, problems
from athena.policies.agreements.checks import pick
from athena.policies.agreements.difference import Change
from athena.policies.agreements.life import Agreements
from athena.policies.agreements.models import Version
from athena.policies.agreements.schemas import (
    Act,
    Acted,
    AgreementView,
    Forwarded,
    KeyView,
    NewKey,
    Overview,
    Proposal,
    Revocation,
    VersionView,
    acted,
    agreement_view,
    overviews,
    version_view,
)
from athena.policies.agreements.signing import DetachedSignature, canonical

Name = Annotated[str, Path(max_length=40, description="The agreement's id or reference")]
Number = Annotated[int, Path(ge=1, le=2_147_483_647)]

_LARGEST = 2_147_483_647


class Difference(BaseModel):
    """What changes from one version to another."""

    reference: str
    older: int
    newer: int
    changes: list[Change]


def make_router(agreements: Agreements, caller: Caller) -> APIRouter:
    """Return the routes of agreements and of the keys of those who sign them."""
    router = APIRouter(prefix="/api/v1", tags=["agreements"])

    @router.get("/agreements", responses=problems())
    async def every(subject: Subject = Depends(caller)) -> list[Overview]:
        """Return the agreements that one's tenant is party to; the client body sees all."""
        return overviews(await agreements.every(subject))

    @router.post("/agreements", status_code=201, responses=problems(409))
    async def propose(proposal: Proposal, subject: Subject = Depends(caller)) -> Acted:
        """Propose a new agreement: its first version, a draft."""
        return acted(await agreements.propose(subject, proposal.document, proposal.reason))

    @router.get("/agreements/{name}", responses=problems(404))
    async def one(name: Name, subject: Subject = Depends(caller)) -> AgreementView:
        """Return an agreement with its signatures and its history."""
        return agreement_view(*await agreements.one(subject, name))

    @router.get("/agreements/{name}/versions", responses=problems(404))
    async def versions(name: Name, subject: Subject = Depends(caller)) -> list[VersionView]:
        """Return every version of an agreement, the first one first."""
        found, _ = await agreements.one(subject, name)
        return [version_view(item, found) for item in found]

    @router.get("/agreements/{name}/versions/{number}/document", responses=problems(404))
    async def document(name: Name, number: Number, subject: Subject = Depends(caller)) -> Response:
        """Return the document of a version in canonical form (RFC 8785): what parties sign."""
        found, _ = await agreements.one(subject, name)
        return Response(canonical(pick(found, number).document), media_type="application/json")

    @router.get("/agreements/{name}/difference", responses=problems(404))
    async def compare(
        name: Name,
        older: Annotated[int | None, Query(ge=1, le=_LARGEST)] = None,
        newer: Annotated[int | None, Query(ge=1, le=_LARGEST)] = None,
        subject: Subject = Depends(caller),
    ) -> Difference:
        """Return what changes between two versions; the two newest unless told otherwise."""
        before, after, changes = await agreements.compare(subject, name, older, newer)
        return Difference(
            reference=after.reference, older=before.version, newer=after.version, changes=changes
        )

    @router.post("/agreements/{name}/versions", status_code=201, responses=problems(404, 409))
    async def amend(name: Name, proposal: Proposal, subject: Subject = Depends(caller)) -> Acted:
        """Propose the next version; it supersedes the one before once every party has signed."""
        return acted(await agreements.amend(subject, name, proposal.document, proposal.reason))

    @router.post("/agreements/{name}/signatures", responses=problems(404, 409))
    async def sign(
        name: Name, signed: DetachedSignature, subject: Subject = Depends(caller)
    ) -> Acted:
        """Hand in a detached signature of one's own tenant."""
        return acted(await agreements.submit(subject, signed, name))

    @router.post("/agreements/{name}/partner-signatures", responses=problems(404, 409))
    async def forward(name: Name, asked: Forwarded, subject: Subject = Depends(caller)) -> Acted:
        """Hand in a partner's detached signature, for the client body: partners don't sign in."""
        return acted(await agreements.forward(subject, asked.signature, asked.reason, name))

    _add_steps(router, agreements, caller)
    _add_keys(router, agreements, caller)
    return router


def _add_steps(router: APIRouter, agreements: Agreements, caller: Caller) -> None:
    steps: dict[str, Callable[[Subject, str, str], Awaitable[Version]]] = {
        "send": agreements.send_out,
        "withdraw": agreements.withdraw,
        "suspend": agreements.suspend,
        "reinstate": agreements.reinstate,
        "terminate": agreements.terminate,
    }

    def add(path: str, step: Callable[[Subject, str, str], Awaitable[Version]]) -> None:
        @router.post(
            f"/agreements/{{name}}/{path}",
            responses=problems(404, 409),
            name=path,
            description=step.__doc__,
        )
        async def take(name: Name, act: Act, subject: Subject = Depends(caller)) -> Acted:
            return acted(await step(subject, name, act.reason))

    for path, step in steps.items():
        add(path, step)


def _add_keys(router: APIRouter, agreements: Agreements, caller: Caller) -> None:
    @router.get("/signatory-keys", responses=problems())
    async def keys(subject: Subject = Depends(caller)) -> list[KeyView]:
        """Return the public keys of one's own tenant, and those that signed what it can see."""
        return [KeyView.of(key) for key in await agreements.keys(subject)]

    @router.post("/signatory-keys", status_code=201, responses=problems(409))
    async def register(key: NewKey, subject: Subject = Depends(caller)) -> KeyView:
        """Register the public key of an office that signs for a tenant."""
        return KeyView.of(
            await agreements.register_key(
                subject,
                key.tenant,
                key.office,
                key.public_key.encode(),
                key.valid_from,
                key.valid_to,
            )
        )

    @router.post("/signatory-keys/{key}/revoke", responses=problems(404, 409))
    async def revoke(
        key: Annotated[str, Path(max_length=64)],
        revocation: Revocation,
        subject: Subject = Depends(caller),
    ) -> KeyView:
        """Revoke a key: what it signed since a day, or from now on, no longer counts."""
        return KeyView.of(
            await agreements.revoke_key(subject, key, revocation.reason, revocation.since)
        )
