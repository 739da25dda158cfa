"""The worker: answers batches' questions one by one, partner by partner in turn.

Any number of processes may run one. A question is claimed by the lock of its row, answered as a
single check is, in that check's own transaction, and noted in the claim's. A process that dies in
between leaves the question waiting; the next asks it under the same idempotency key, by which the
store answers once.
"""

from __future__ import annotations

import asyncio
import json
import logging
from uuid import UUID

from asyncpg import PostgresError
from pydantic import ValidationError

from athena.platform.kernel.errors import AthenaError
from athena.platform.kernel.identity import TenantId
from athena.sharing.ppss.batches import repository
from athena.sharing.ppss.batches.service import question_context
from athena.sharing.ppss.person_checks.schemas import PersonCheck
from athena.sharing.ppss.person_checks.service import PersonChecks, Question
from athena.sharing.ppss.problems import (
    AgreementEndedError,
    AgreementExpiredError,
    AgreementNotInForceError,
    AgreementSuspendedError,
    AgreementUnknownError,
    BeingAnsweredError,
    DailyQuotaError,
    HourlyQuotaError,
    KeyRevokedError,
    KeyUnknownError,
    PartnerSuspendedError,
    PurposeNotAllowedError,
    UnderReviewError,
)
from athena.sharing.ppss.signatures.models import PPSS
from athena.sharing.ppss.signatures.repository import run_for

LOOK_SECONDS = 2.0
"""How often new batches are looked for."""

STOP_SECONDS = 5.0
"""How long a worker that is stopped may take to end its question."""

PAUSE_SECONDS = 300
"""How long a batch waits before it is tried again, where nobody can say when it may go on."""

_WAITS = (AgreementSuspendedError, PartnerSuspendedError, UnderReviewError)
"""What may pass: the batch waits."""

_ENDS = (
    AgreementEndedError,
    AgreementExpiredError,
    AgreementNotInForceError,
    AgreementUnknownError,
    KeyRevokedError,
    KeyUnknownError,
    PurposeNotAllowedError,
)
"""What is refused to all of a batch alike: it has one key, one agreement and one purpose."""

_UNREADABLE = "malformed-request"
_STORE_AWAY = (AthenaError, PostgresError, OSError)

logger = logging.getLogger("athena.ppss")


class BatchWorker:
    """Answers what partners asked in batches, through the service that answers single checks."""

    def __init__(self, checks: PersonChecks) -> None:
        self._checks = checks
        self._database = checks.gate.database
        self._stopping = False

    async def run(self) -> None:
        """Answer whatever waits, until cancelled; wait for a store that is away.

        When cancelled it ends after the question that it is answering: a connection that is torn
        from a statement is lost to the pool.
        """
        self._stopping = False
        while True:
            looking = asyncio.create_task(self._look())
            try:
                await asyncio.shield(looking)
            except asyncio.CancelledError:
                self._stopping = True
                await asyncio.wait({looking}, timeout=STOP_SECONDS)
                looking.cancel()
                raise
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self) -> None:
        try:
            async with self._database.write(PPSS) as session:
                await repository.forget(session)
            await self.answer_waiting()
        except _STORE_AWAY as error:
            logger.warning("batches can't be read (%s); trying again", type(error).__name__)

    async def answer_waiting(self) -> int:
        """Answer or refuse all that can be now, one question of each partner in turn."""
        count = 0
        while True:
            async with self._database.read(PPSS) as session:
                partners = await repository.waiting_partners(session)
            taken = [partner for partner in partners if await self._take_turn(partner)]
            if not taken:
                return count
            count += len(taken)

    async def _take_turn(self, partner_id: TenantId) -> bool:
        """Answer a partner's next question; what fails for one keeps no other waiting."""
        if self._stopping:
            return False
        try:
            return await self.answer_next(partner_id)
        except _STORE_AWAY as error:
            logger.warning("a batch can't go on (%s); trying again", type(error).__name__)
            return False

    async def answer_next(self, partner_id: TenantId) -> bool:
        """Answer, refuse or put off a partner's next question; False where none can be claimed."""
        async with self._database.write(PPSS) as session:
            await run_for(session, partner_id)
            item = await repository.claim(session)
            if item is None:
                return False
            try:
                check_id = await self.answer(partner_id, item)
            except (HourlyQuotaError, DailyQuotaError) as error:
                seconds = int(error.extra["retry_after"])
                await repository.pause(session, item.batch_id, seconds, error.slug)
            except _WAITS as error:
                await repository.pause(session, item.batch_id, PAUSE_SECONDS, error.slug)
            except _ENDS as error:
                await repository.refuse_rest(session, item.batch_id, error.slug)
            except BeingAnsweredError:
                pass  # Another process has just answered it: the next turn finds its answer.
            except ValidationError:
                await repository.end(session, item, None, _UNREADABLE)
            except AthenaError as error:
                if error.status >= 500:
                    await repository.pause(session, item.batch_id, PAUSE_SECONDS, error.slug)
                else:
                    await repository.end(session, item, None, error.slug)
            else:
                await repository.end(session, item, check_id, None)
        return True

    async def answer(self, partner_id: TenantId, item: repository.Claimed) -> UUID:
        """Answer a claimed question as a single check, and return the id of the check."""
        caller = await self._checks.door.resume(
            partner_id, item.key_id, item.asked_by, item.asked_role, item.agreement
        )
        body = self._checks.sealer.open(item.sealed, question_context(item.batch_id, item.number))
        # A partner's own keys have no stroke, so that it can't have used this one.
        key = f"batch/{item.batch_id}/{item.number}"
        question = Question(PersonCheck.model_validate_json(body), key, body)
        return UUID(json.loads(await self._checks.answer_later(caller, question))["check_id"])
