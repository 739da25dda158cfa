"""The baseline of agreements that a new consortium starts with."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from uuid import UUID

from athena.platform.kernel.database import Database
from athena.policies.agreements import repository
from athena.policies.agreements.document import Agreement
from athena.policies.visibility.repository import POLICY_WRITER

CLIENT_BODY = "athena_amo"


def baseline() -> list[Agreement]:
    """Return the agreements of the package, by reference; docs/agreements.md tells them."""
    folder = files("athena.policies.agreements") / "baseline"
    documents = sorted(folder.iterdir(), key=lambda path: path.name)
    return [Agreement.model_validate_json(path.read_text()) for path in documents]


async def seed_baseline(database: Database) -> bool:
    """Store the baseline where no agreement is stored yet; return whether it did."""
    async with database.write(CLIENT_BODY) as session:
        if await repository.count(session):
            return False
        for agreement in baseline():
            await repository.store(session, agreement)
    return True


async def agreement_titles(database: Database) -> Mapping[UUID, str]:
    """Return "reference: title" of every agreement, by id."""
    async with database.read(POLICY_WRITER) as session:
        newest = await repository.newest(session)
    return {item.id: f"{item.reference}: {item.title}" for item in newest}
