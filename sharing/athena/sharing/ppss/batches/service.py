"""Batches: received whole or not at all, told of, cancelled, and their results read."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from athena.platform.kernel.audit import (
    Entry,
    EventKind,
    RecordSeen,
    append,
    consult_partner,
)
from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.errors import NotFoundError, RefusedError
from athena.policies.roles.actions import Action
from athena.policies.visibility.models import Consultation
from athena.sharing.ppss.batches import repository
from athena.sharing.ppss.batches.schemas import Batch, Progress, ResultLine, State
from athena.sharing.ppss.disclosures.sealing import Sealed, Sealer
from athena.sharing.ppss.person_checks import repository as answers
from athena.sharing.ppss.person_checks import sandbox
from athena.sharing.ppss.person_checks.schemas import PersonCheck
from athena.sharing.ppss.person_checks.service import (
    PersonChecks,
    answer_context,
    still_shown,
)
from athena.sharing.ppss.problems import (
    AgreementUnknownError,
    AnswerGoneError,
    BatchesWaitingError,
    IdempotencyKeyReusedError,
)
from athena.sharing.ppss.signatures.models import PPSS, Caller
from athena.sharing.ppss.signatures.repository import run_for
from athena.sharing.ppss.signatures.service import NO_AGREEMENT, check_purpose

MOST_WAITING = 10
"""How many batches of a partner may wait: questions are kept, sealed, until they are answered."""

MOST_LINES = 500
"""How many results one call brings at most."""

_SUBMIT, _READ = "person_check_batches.submit", "person_check_batches.read"
_CANCEL = "person_check_batches.cancel"
_CANCELLING = "A partner forgoes what of its batch isn't answered"


@dataclass(frozen=True, slots=True)
class PersonCheckBatches:
    """Batches over the same gate, ledger and sealer by which single checks are answered."""

    checks: PersonChecks

    async def submit(self, caller: Caller, batch: Batch, question: tuple[str, bytes]) -> Progress:
        """Store a batch, its questions sealed, and return how it stands.

        ``question`` is the idempotency key and the body as it came: the same of both is the same
        batch; another body under the key is refused, as is what the agreement doesn't allow today.
        """
        key, body = question
        digest = caller.digest_of(body)
        try:
            await self._check_allowed(caller, batch)
            return await self._keep(caller, batch, key, digest)
        except RefusedError as error:
            await self.checks.door.log_refusal(caller, _SUBMIT, error)
            raise

    async def _check_allowed(self, caller: Caller, batch: Batch) -> None:
        if not caller.partner.sandbox:
            check_purpose(await self.checks.door.standing(caller), batch.purpose)
            return
        if caller.reference != sandbox.REFERENCE:
            raise AgreementUnknownError(f"In the sandbox the agreement is {sandbox.REFERENCE}.")
        check_purpose(sandbox.STANDING, batch.purpose)

    async def _keep(self, caller: Caller, batch: Batch, key: str, digest: bytes) -> Progress:
        batch_id = uuid4()
        # In a thread: 10,000 questions would keep everybody else waiting meanwhile.
        items = await asyncio.to_thread(_seal, self.checks.sealer, batch, batch_id)
        partner = caller.partner.partner_id
        async with self.checks.gate.database.write(PPSS) as session:
            await run_for(session, partner)
            await repository.receive(session, caller, batch_id, batch.purpose, key, digest, items)
            stored = await repository.by_key(session, partner, key)
            assert stored is not None  # this call or an earlier one has stored it
            if stored.request_digest != digest:
                raise IdempotencyKeyReusedError(
                    "This Idempotency-Key came with another body; use a new one for each batch."
                )
            if await repository.count_waiting(session, partner) > MOST_WAITING:
                raise BatchesWaitingError(
                    f"{MOST_WAITING} of your batches wait to be answered; send this one when one "
                    "of them is done, or cancel one."
                )
            await _log(session, caller, _SUBMIT, batch.reason, stored)
        return _progress(stored)

    async def progress(self, caller: Caller, batch_id: UUID) -> Progress:
        """Return how the partner's own batch stands; NotFoundError where it has no such one."""
        async with self.checks.gate.database.write(PPSS) as session:
            await run_for(session, caller.partner.partner_id)
            return _progress(await _own(session, caller, batch_id))

    async def own(self, caller: Caller) -> list[Progress]:
        """Return how the partner's hundred latest batches stand, the newest first."""
        async with self.checks.gate.database.write(PPSS) as session:
            await run_for(session, caller.partner.partner_id)
            batches = await repository.own(session, caller.partner.partner_id)
        return [_progress(batch) for batch in batches]

    async def cancel(self, caller: Caller, batch_id: UUID) -> Progress:
        """Forget the questions that aren't answered yet; what was answered stays."""
        async with self.checks.gate.database.write(PPSS) as session:
            await run_for(session, caller.partner.partner_id)
            found = await _own(session, caller, batch_id)
            await _log(session, caller, _CANCEL, _CANCELLING, found)
            await repository.cancel(session, batch_id)
            return _progress(await _own(session, caller, batch_id))

    async def results(
        self, caller: Caller, batch_id: UUID, after: int, reason: str
    ) -> list[ResultLine]:
        """Return what was answered or refused of a batch after one number, in its order.

        It is decided again, and logged, what of it may still be told: the rest is gone.
        """
        database = self.checks.gate.database
        partner = caller.partner.partner_id
        if caller.partner.sandbox:
            async with database.write(PPSS) as session:
                await run_for(session, partner)
                await _own(session, caller, batch_id)
                ended = await repository.ended(session, batch_id, after, MOST_LINES)
                return [await self._line(session, item) for item in ended]
        async with database.write(PPSS) as session:
            await run_for(session, partner)
            batch = await _own(session, caller, batch_id)
        if batch.agreement != caller.reference:
            raise AgreementUnknownError("Name the agreement that the batch was sent under.")
        standing = await self.checks.door.standing(caller)
        content = {"batch": str(batch_id), "asked_by": caller.user, "asked_role": caller.role}
        entry = Entry(EventKind.CONSULTATION, _READ, reason, content)
        async with self.checks.gate.consult(
            caller.subject(standing.agreement_id), Action.PERSON_CHECKS_MAKE, batch.purpose, entry
        ) as consultation:
            await run_for(consultation.session, partner)
            ended = await repository.ended(consultation.session, batch_id, after, MOST_LINES)
            return await self._lines(consultation, ended)

    async def _lines(
        self, consultation: Consultation, ended: Sequence[repository.Ended]
    ) -> list[ResultLine]:
        lines: list[ResultLine] = []
        seen: list[RecordSeen] = []
        for item in ended:
            line = await self._line(consultation.session, item)
            if line.status == "answered" and item.check_id is not None:
                try:
                    seen += await still_shown(consultation, item.check_id)
                except AnswerGoneError:
                    line = _gone(item)
            lines.append(line)
        if seen:
            entry = Entry(EventKind.DISCLOSURE, _READ, consultation.reason, records=seen)
            await append(consultation.session, consultation.visibility.grant_set_id, entry)
        return lines

    async def _line(self, session: ReadSession, item: repository.Ended) -> ResultLine:
        if item.check_id is None:
            return ResultLine(
                number=item.number, reference=item.reference, status="refused", problem=item.problem
            )
        sealed = await answers.sealed_answer(session, item.check_id)
        if sealed is None:
            return _gone(item)
        answer = self.checks.sealer.open(sealed, answer_context(item.check_id))
        return ResultLine(
            number=item.number,
            reference=item.reference,
            status="answered",
            answer=json.loads(answer),
        )


def question_context(batch_id: UUID, number: int) -> str:
    """Return what a sealed question of a batch is bound to."""
    return f"question/{batch_id}/{number}"


def _seal(sealer: Sealer, batch: Batch, batch_id: UUID) -> list[tuple[str, Sealed]]:
    """Return a batch's questions, each sealed in its place, by their references."""
    return [
        (
            item.reference,
            sealer.seal(
                _single(batch, place).model_dump_json().encode(),
                question_context(batch_id, place + 1),
            ),
        )
        for place, item in enumerate(batch.checks)
    ]


def _single(batch: Batch, place: int) -> PersonCheck:
    item = batch.checks[place]
    return PersonCheck(
        person=item.person,
        purpose=batch.purpose,
        reason=batch.reason,
        case_reference=item.case_reference,
    )


def _gone(item: repository.Ended) -> ResultLine:
    return ResultLine(
        number=item.number, reference=item.reference, status="gone", problem="answer-gone"
    )


async def _own(session: ReadSession, caller: Caller, batch_id: UUID) -> repository.Standing:
    batch = await repository.by_id(session, caller.partner.partner_id, batch_id)
    if batch is None:
        raise NotFoundError("Your organisation has no such batch; batches go after seven days.")
    return batch


async def _log(
    session: WriteSession, caller: Caller, action: str, reason: str, batch: repository.Standing
) -> None:
    """Log what a partner does with a batch; each of its questions is logged when it is answered."""
    content = {
        "batch": str(batch.batch_id),
        "received": batch.received,
        "agreement": caller.reference,
        "role": caller.role,
    }
    await consult_partner(session, caller.subject(NO_AGREEMENT), action, reason, content)


def _progress(batch: repository.Standing) -> Progress:
    if batch.cancelled_at is not None:
        state = State.CANCELLED
    elif not batch.waiting:
        state = State.DONE
    else:
        state = State.PAUSED if batch.paused_until is not None else State.RUNNING
    return Progress(
        batch_id=batch.batch_id,
        address=f"/ppss/v1/person-check-batches/{batch.batch_id}",
        state=state,
        received=batch.received,
        answered=batch.answered,
        refused=batch.refused,
        left=batch.waiting,
        estimated_seconds_left=_estimate(batch) if state is State.RUNNING else None,
        received_at=batch.received_at,
        paused_until=batch.paused_until,
        paused_because=batch.paused_because,
    )


def _estimate(batch: repository.Standing) -> int | None:
    """Return what is left at the pace of the last minute, in seconds, rounded up to tens."""
    if not batch.last_minute:
        return None
    return math.ceil(batch.waiting * 60 / batch.last_minute / 10) * 10
