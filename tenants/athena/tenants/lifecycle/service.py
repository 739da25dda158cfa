"""What the client body does with tenants: create, suspend, reinstate; each logged with its reason.

Off-boarding, which takes records out and away, is `athena.records.archive`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from asyncpg import PostgresError

from athena.platform.kernel import audit
from athena.platform.kernel.database import Database, WriteSession
from athena.platform.kernel.errors import AthenaError, ConflictError
from athena.platform.kernel.identity import Role, Subject
from athena.platform.kernel.permits import sqlstate
from athena.tenants.administration.schemas import check_username
from athena.tenants.directory import repository as directory
from athena.tenants.directory.models import Tenant
from athena.tenants.directory.service import DIRECTORY_LOGIN, Directory
from athena.tenants.lifecycle import repository
from athena.tenants.lifecycle.schemas import ForceRequest, PartnerRequest
from athena.tenants.members import repository as members

Verifier = Callable[[str], str]
"""Gives the SCRAM verifier of a login's derived password."""

_WRONG_STATE = "AT002"
_TAKEN = ("23505", "42710")


async def create_force(
    session: WriteSession, subject: Subject, request: ForceRequest, verifier: Verifier
) -> None:
    """Create a force: its login, its first label and its first administrator, at once.

    The login's key derives from the master secret, so every process can use it when this commits.
    The force sees and shares nothing until an agreement names it.
    """
    check_username(request.administrator, request.slug)
    force = request.force()
    await _log(session, subject, "tenants.create", request.slug, request.reason)
    async with _stated():
        tenant_id = await directory.create_force(session, force, verifier(force.login))
        await members.add_member(
            session,
            tenant_id,
            request.administrator,
            request.administrator_name,
            [Role.FORCE_ADMINISTRATOR],
        )


async def create_partner(session: WriteSession, subject: Subject, request: PartnerRequest) -> None:
    """Create a partner organisation."""
    await _log(session, subject, "tenants.create", request.slug, request.reason)
    async with _stated():
        await repository.create_partner(session, request)


async def suspend(session: WriteSession, subject: Subject, slug: str, reason: str) -> None:
    """Cut a force or partner off: nothing is shared by or to it from this commit on."""
    await _known(session, slug)
    await _log(session, subject, "tenants.suspend", slug, reason)
    async with _stated():
        await repository.suspend(session, slug)


async def reinstate(session: WriteSession, subject: Subject, slug: str, reason: str) -> None:
    """Let a suspended force or partner take part again."""
    await _known(session, slug)
    await _log(session, subject, "tenants.reinstate", slug, reason)
    async with _stated():
        await repository.reinstate(session, slug)


async def list_tenants(session: WriteSession, subject: Subject, reason: str) -> list[Tenant]:
    """Return every tenant, by name."""
    await audit.administer(session, subject, "tenants.read", reason, {})
    return await directory.list_tenants(session)


async def end_sessions(database: Database) -> int:
    """End the sessions that suspended forces still have.

    One that began while its force was being suspended outlives the suspension itself, so every
    process asks for this again and again.
    """
    async with database.read(DIRECTORY_LOGIN) as session:
        return await repository.end_sessions(session)


async def _known(session: WriteSession, slug: str) -> Tenant:
    return Directory(await directory.list_tenants(session)).by_slug(slug)


async def _log(
    session: WriteSession, subject: Subject, action: str, slug: str, reason: str
) -> None:
    await audit.administer(session, subject, action, reason, {"tenant": slug})


@asynccontextmanager
async def _stated() -> AsyncIterator[None]:
    """Say in a sentence why the store doesn't do what it was asked."""
    try:
        yield
    except PostgresError as error:
        raise _meaning(error) from None


def _meaning(error: PostgresError) -> AthenaError | PostgresError:
    if sqlstate(error) in _TAKEN:
        return ConflictError(
            "The short name, the Home Office code or the administrator's account is taken; "
            "`athena tenants list` shows the tenants."
        )
    if sqlstate(error) == _WRONG_STATE:
        return ConflictError(
            "Only an active force or partner is suspended, and only a suspended one reinstated; "
            "`athena tenants list` shows how each stands."
        )
    return error
