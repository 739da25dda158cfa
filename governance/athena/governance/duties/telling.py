"""Members are told once that something waits, that its deadline is near, and that it is late.

What waits is worked out each time, and who was told of it is kept. A notice says which sort of
thing waits and names nothing: the worklist has it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Protocol

from asyncpg import PostgresError

from athena.governance.duties import repository
from athena.governance.duties.deriving import asked
from athena.governance.duties.models import Duty, DutyKind, Stage
from athena.governance.duties.repository import Notice
from athena.governance.duties.service import DONE_BY
from athena.platform.kernel.database import Database
from athena.platform.kernel.errors import AthenaError
from athena.platform.kernel.identity import Role, TenantKind
from athena.platform.kernel.notifications.repository import OUTBOX_LOGIN
from athena.policies.roles.actions import Action
from athena.tenants.directory import repository as directory
from athena.tenants.directory.models import TenantStatus

EVERY_SECONDS = 30.0
"""How often it is looked what waits."""

WORDS = {
    DutyKind.ASSESS: "an_impact_assessment",
    DutyKind.OPT_IN: "an_answer_on_an_enhancement",
    DutyKind.VOTE: "a_vote",
}
"""What forces are told of, as the sentence of a message names it."""

ENDINGS = {
    Stage.WAITS: "waits_for_you",
    Stage.SOON: "is_due_within_a_day",
    Stage.LATE: "is_late",
}

logger = logging.getLogger("athena.duties")


class Allows(Protocol):
    """Whether roles allow an action in a kind of tenant."""

    def __call__(self, roles: Iterable[Role], kind: TenantKind, action: Action) -> bool:
        """Answer for somebody who holds the roles."""


def message(kind: DutyKind, stage: Stage) -> str:
    """Return the kind of a message, which is its sentence too."""
    return f"in_governance_{WORDS[kind]}_{ENDINGS[stage]}"


class Teller:
    """Tells forces' members what waits for them in governance."""

    def __init__(self, database: Database, allows: Allows) -> None:
        self._database = database
        self._allows = allows

    async def tell(self, now: datetime | None = None) -> int:
        """Tell everyone who hasn't been told, and return how many notices that were.

        ``now`` is the moment by which deadlines are near or past; the store's clock unless given.
        """
        async with self._database.read(repository.CLIENT_BODY) as session:
            waits = await asked(session)
            forces = {
                each.tenant_id: each.slug
                for each in await directory.list_tenants(session)
                if each.kind is TenantKind.FORCE and each.status is TenantStatus.ACTIVE
            }
        waiting = {number: waits.of(slug) for number, slug in forces.items()}
        async with self._database.write(OUTBOX_LOGIN) as session:
            members = await repository.roles_of_members(session)
            notices = [
                Notice(number, duty.duty_id, member, stage.value, message(duty.kind, stage))
                for number, duties in waiting.items()
                for duty in duties
                for stage in (duty.stage(now or waits.now),)
                for member, roles in members.get(number, {}).items()
                if self._is_meant(duty, roles) and (duty.members is None or member in duty.members)
            ]
            told = await repository.tell(session, notices) if notices else 0
            await repository.forget(
                session, [duty.duty_id for duties in waiting.values() for duty in duties]
            )
        return told

    async def run(self) -> None:
        """Tell again and again, until cancelled; wait for a store that is away."""
        while True:
            try:
                await self.tell()
            except (AthenaError, PostgresError, OSError) as error:
                logger.warning("duties can't be told (%s); trying again", type(error).__name__)
            await asyncio.sleep(EVERY_SECONDS)

    def _is_meant(self, duty: Duty, roles: Collection[Role]) -> bool:
        return self._allows(roles, TenantKind.FORCE, DONE_BY[duty.kind])
