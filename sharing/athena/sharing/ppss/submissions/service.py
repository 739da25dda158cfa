"""Submitting: a partner tells a force something, and officers assess it; in no record by itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.database import Database
from athena.platform.kernel.errors import NotFoundError, RefusedError
from athena.platform.kernel.identity import Purpose, Subject, TenantId
from athena.policies.roles.actions import Action
from athena.policies.visibility.service import Gate
from athena.sharing.ppss.deliveries.repository import DELIVERER
from athena.sharing.ppss.disclosures.sealing import Sealer
from athena.sharing.ppss.limits import service as limits
from athena.sharing.ppss.problems import IdempotencyKeyReusedError, SubmissionNotAllowedError
from athena.sharing.ppss.signatures.models import PPSS, Caller, Standing
from athena.sharing.ppss.signatures.repository import run_for
from athena.sharing.ppss.signatures.service import Door, check_purpose
from athena.sharing.ppss.submissions import repository
from athena.sharing.ppss.submissions.models import (
    DeclinedBecause,
    Status,
    Submission,
    SubmissionState,
    due,
)
from athena.sharing.ppss.submissions.schemas import Content, SubmissionDraft

_SUBMIT = "submissions.submit"
_NOT_THERE = "Your force's intake queue has no such submission; list it to see what is there."


@dataclass(frozen=True, slots=True)
class Question:
    """A submission as it came: what it says, under which idempotency key, in which bytes."""

    draft: SubmissionDraft
    idempotency_key: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Submissions:
    """Submissions over the door by which partners call, and the gate of forces."""

    door: Door
    gate: Gate
    sealer: Sealer

    async def submit(self, caller: Caller, question: Question) -> Status:
        """Put what a partner says in the queue of a force, and return how it stands.

        The same key with the same body is one submission; with another body it is refused.
        SubmissionNotAllowedError unless the agreement lets the force receive from the partner.
        """
        standing = await self.door.standing(caller)
        draft = question.draft
        try:
            check_purpose(standing, draft.purpose)
            _check_parties(standing, draft.force)
            await limits.count_call(self.gate.database, caller, standing)
            return await self._keep(caller, standing, question)
        except RefusedError as error:
            await self.door.log_refusal(caller, _SUBMIT, error)
            raise

    async def _keep(self, caller: Caller, standing: Standing, question: Question) -> Status:
        draft, submission_id = question.draft, uuid4()
        partner, digest = caller.partner.partner_id, caller.digest_of(question.body)
        async with self.gate.database.write(PPSS) as session:
            await run_for(session, partner)
            known = await repository.submitted(session, partner, question.idempotency_key)
            if known is None:
                owner = await repository.force(session, draft.force)
                if owner is None:
                    raise SubmissionNotAllowedError(
                        f"{draft.force} takes no submissions at present; turn to it directly."
                    )
                words = draft.content.model_dump_json(exclude_none=True).encode()
                new = repository.New(
                    submission_id,
                    owner,
                    standing.agreement_id,
                    draft.kind,
                    draft.purpose.value,
                    question.idempotency_key,
                    digest,
                    due(draft.kind, datetime.now(UTC)),
                    self.sealer.seal(words, _context(owner, submission_id)),
                )
                await repository.add(session, caller, new)
                known = await repository.submitted(session, partner, question.idempotency_key)
        assert known is not None, "what was stored is read in the same transaction"
        if known.request_digest != digest:
            raise IdempotencyKeyReusedError(
                "This Idempotency-Key came with another body; use a new one for each submission."
            )
        return known.status

    async def status(self, caller: Caller, submission_id: UUID) -> Status:
        """Return how a submission of the calling partner stands, whatever agreement it calls under.

        NotFoundError alike for a submission of another partner and for none.
        """
        async with self.gate.database.write(PPSS) as session:
            await run_for(session, caller.partner.partner_id)
            found = await repository.find_own(session, caller.partner.partner_id, submission_id)
        if found is None:
            raise NotFoundError("You made no such submission.")
        return found

    async def queue(
        self, subject: Subject, reason: str, most: int, *, open_only: bool
    ) -> list[Submission]:
        """Return what partners submitted to the own force, the most urgent first; it is logged."""
        entry = Entry(EventKind.CONSULTATION, "submissions.list", reason)
        async with self.gate.consult(
            subject, Action.SUBMISSIONS_ASSESS, Purpose.DATA_QUALITY, entry
        ) as consultation:
            return await repository.of_force(consultation, most, open_only=open_only)

    async def show(
        self, subject: Subject, submission_id: UUID, reason: str
    ) -> tuple[Submission, Content | None]:
        """Return a submission to the own force with its words; it is logged which."""
        content = {"submission": str(submission_id)}
        entry = Entry(EventKind.CONSULTATION, "submissions.read", reason, content)
        async with self.gate.consult(
            subject, Action.SUBMISSIONS_ASSESS, Purpose.DATA_QUALITY, entry
        ) as consultation:
            found = await repository.find(consultation, submission_id)
            if found is None:
                raise NotFoundError(_NOT_THERE)
            sealed = await repository.content(consultation, submission_id)
        if sealed is None:
            return found, None
        words = self.sealer.open(sealed, _context(found.owner, submission_id))
        return found, Content.model_validate_json(words)

    async def move(
        self,
        subject: Subject,
        submission_id: UUID,
        state: SubmissionState,
        reason: str,
        because: DeclinedBecause | None = None,
    ) -> Submission:
        """Take a submission on, accept it or decline it, and return it; the partner is told.

        Accepting changes no record: whoever accepts amends it as ever. ConflictError where it was
        decided before, or a colleague has taken it on.
        """
        content = {"submission": str(submission_id), "state": state.value}
        entry = Entry(EventKind.ALTERATION, "submissions.assess", reason, content)
        async with self.gate.alter(
            subject, Action.SUBMISSIONS_ASSESS, Purpose.DATA_QUALITY, entry
        ) as alteration:
            if await repository.find(alteration, submission_id) is None:
                raise NotFoundError(_NOT_THERE)
            await repository.move(alteration, submission_id, state, because)
            moved = await repository.find(alteration, submission_id)
        assert moved is not None, "nobody deletes a submission of an active force"
        return moved


async def forget_decided(database: Database, now: datetime) -> int:
    """Erase the words of what was decided long enough ago, and return of how many submissions.

    The store goes by its own clock, so that nobody can erase early.
    """
    del now
    async with database.write(DELIVERER) as session:
        return await repository.forget(session)


def _check_parties(standing: Standing, force: str) -> None:
    """Raise unless the agreement has the partner share what it holds, and the force receive it."""
    if not standing.partner_shares or force not in standing.recipients:
        receiving = ", ".join(standing.recipients) if standing.partner_shares else ""
        raise SubmissionNotAllowedError(
            f"Under {standing.reference} you may submit to: {receiving or 'nobody'}."
        )


def _context(owner: TenantId, submission_id: UUID) -> str:
    return f"submission/{owner}/{submission_id}"
