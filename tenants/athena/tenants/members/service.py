"""Finding the member who acts."""

from __future__ import annotations

from uuid import UUID

from athena.platform.kernel.database import Database
from athena.platform.kernel.errors import NotFoundError, NotSignedInError
from athena.platform.kernel.identity import Subject
from athena.tenants.directory.service import DIRECTORY_LOGIN
from athena.tenants.members import repository


async def subject_by_username(database: Database, username: str) -> Subject:
    """Return the member of a user name, or NotFoundError."""
    async with database.read(DIRECTORY_LOGIN) as session:
        subject = await repository.find_by_username(session, username)
    if subject is None:
        raise NotFoundError("There is no active member of that name; `athena members` lists them.")
    return subject


async def subject_by_id(database: Database, member_id: UUID) -> Subject:
    """Return the member that a token names, or NotSignedInError once it has left."""
    async with database.alone(DIRECTORY_LOGIN) as session:
        subject = await repository.find_by_id(session, member_id)
    if subject is None:
        raise NotSignedInError("This account isn't active any more; ask your administrator.")
    return subject


async def list_accounts(database: Database) -> list[tuple[str, str, str]]:
    """Return (user name, display name, tenant's name) of every active member."""
    async with database.read(DIRECTORY_LOGIN) as session:
        return await repository.list_usernames(session)
