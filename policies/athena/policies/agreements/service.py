"""What others ask of agreements: those that speak when something is decided, and their titles.

The life of an agreement is in `agreements.life`; what a demonstration starts with, in
`agreements.founding`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from athena.platform.kernel.database import Database, ReadSession
from athena.policies.agreements import repository
from athena.policies.agreements.models import Version, as_of
from athena.policies.decisions.point import canonical_text

POLICY_WRITER = "athena_policy_writer"


class StandingAgreements:
    """Every version of every agreement, as of one revision of the policy; it never changes.

    Verifying takes some milliseconds, so it is done once a day and revision, not once a decision.
    """

    def __init__(self, versions: Iterable[Version]) -> None:
        self._versions = tuple(versions)
        self._on: dict[date, list[dict[str, Any]]] = {}
        self._text_on: dict[date, bytes] = {}

    def on(self, day: date) -> list[dict[str, Any]]:
        """Return the documents by which the policy decides on a day.

        Their signatories are those whose signatures verify over the document as it was read from
        the store for this revision.
        """
        if day not in self._on:
            self._on = {day: [version.whole() for version in as_of(self._versions, day)]}
        return self._on[day]

    def text_on(self, day: date) -> bytes:
        """Return the canonical text of those documents."""
        if day not in self._text_on:
            self._text_on = {day: canonical_text(self.on(day))}
        return self._text_on[day]


async def standing(session: ReadSession) -> StandingAgreements:
    """Return the agreements as they stand: the only way by which they reach a decision."""
    return StandingAgreements(await repository.versions(session))


async def agreement_titles(database: Database) -> Mapping[UUID, str]:
    """Return "reference: title" of every agreement, by id."""
    async with database.read(POLICY_WRITER) as session:
        return await repository.titles(session)
