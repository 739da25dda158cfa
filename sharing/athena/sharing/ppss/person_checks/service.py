"""Person checks: look up, judge, disclose what the agreement allows, enter it in the ledger.

Everything of a check is one transaction: its consultation, what it disclosed, the ledger, the
answer kept for who asks again. Whether nothing is known or nothing may be known, the same happens:
nothing is found, because the store shows nothing else.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

import rfc8785

from athena.platform.kernel.audit import Entry, EventKind, RecordSeen, append
from athena.platform.kernel.database import ReadSession
from athena.platform.kernel.errors import AthenaError, RefusedError
from athena.platform.kernel.identity import TenantId
from athena.policies.roles.actions import Action
from athena.policies.visibility.models import Consultation
from athena.policies.visibility.service import Gate
from athena.records.names.normalise import surname_tokens
from athena.records.nominals import service as nominals
from athena.sharing.ppss.disclosures.disclosing import disclose, disclosure_of
from athena.sharing.ppss.disclosures.models import Disclosure, groups_of
from athena.sharing.ppss.disclosures.sealing import Sealer
from athena.sharing.ppss.limits import service as limits
from athena.sharing.ppss.limits.models import USUAL, Recent, Thresholds
from athena.sharing.ppss.person_checks import repository, sandbox, telling
from athena.sharing.ppss.person_checks.matching import (
    Verdict,
    ask_for,
    asked,
    judge,
    result_of,
)
from athena.sharing.ppss.person_checks.schemas import (
    CheckAnswer,
    PersonAsked,
    PersonCheck,
    RecordDisclosed,
)
from athena.sharing.ppss.problems import (
    AgreementUnknownError,
    AnswerGoneError,
    IdempotencyKeyReusedError,
)
from athena.sharing.ppss.signatures.models import PPSS, Caller, Standing
from athena.sharing.ppss.signatures.service import Arrival, Door, Entrance, check_purpose
from athena.sharing.search import repository as look_ups
from athena.sharing.search.query import understand
from athena.sharing.search.service import Searcher

_MAKE, _REPEAT, _DISCLOSE = "person_checks.make", "person_checks.repeat", "person_checks.disclose"


@dataclass(frozen=True, slots=True)
class Question:
    """A check as it came: what is asked, under which idempotency key, of which bytes."""

    check: PersonCheck
    idempotency_key: str
    body: bytes


@dataclass(frozen=True, slots=True)
class PersonChecks:
    """Answers person checks over the gate, the search and the ledger."""

    door: Door
    gate: Gate
    searcher: Searcher
    sealer: Sealer
    thresholds: Thresholds = USUAL

    async def answer(self, arrival: Arrival, read: Callable[[], Question]) -> bytes:
        """Return the answer as it is sent, in its canonical form (RFC 8785).

        The same key with the same body has the same answer; with another body it is refused.
        ``read`` returns the question or raises the problem that it has, which is told only to
        whoever is let in.
        """
        try:
            question = read()
        except AthenaError:
            await self.door.enter(arrival)
            raise
        return await self._answer_let_in(
            await self.door.enter(arrival, question.check.purpose), question
        )

    async def answer_later(self, caller: Caller, question: Question) -> bytes:
        """Answer, as `answer` does, a question of a call that was let in earlier.

        It counts against the caps when it is answered.
        """
        return await self._answer_let_in(await self.door.entrance_of(caller), question)

    async def _answer_let_in(self, entrance: Entrance, question: Question) -> bytes:
        caller = entrance.caller
        if caller.partner.sandbox:
            try:
                return await self._answer_made_up(caller, question)
            except RefusedError as error:
                await self.door.log_refusal(caller, _MAKE, error)
                raise
        standing = await self.door.standing_of(entrance)
        try:
            check_purpose(standing, question.check.purpose)
            if entrance.used is None:  # of a batch, or the agreement's first day began meanwhile
                await limits.count_call(self.gate.database, caller, standing)
            else:
                limits.check_caps(standing, entrance.used)
        except RefusedError as error:
            await self.door.log_refusal(caller, _MAKE, error)
            raise
        return await self._consult(caller, standing, question)

    async def _consult(self, caller: Caller, standing: Standing, question: Question) -> bytes:
        check = question.check
        content = {
            "person": check.person.model_dump(mode="json"),
            "case_reference": check.case_reference,
            "asked_by": caller.user,
            "asked_role": caller.role,
            "agreement": caller.reference,
        }
        entry = Entry(EventKind.CONSULTATION, _MAKE, check.reason, content)
        subject = caller.subject(standing.agreement_id)
        async with self.gate.consult(
            subject, Action.PERSON_CHECKS_MAKE, check.purpose, entry
        ) as consultation:
            known = await repository.begin(
                consultation.session, caller.partner.partner_id, question.idempotency_key
            )
            if known is not None:
                return await self._again(consultation, known, caller.digest_of(question.body))
            return await self._answer(consultation, caller, standing, question)

    async def _answer_made_up(self, caller: Caller, question: Question) -> bytes:
        """Return the sandbox's answer: as of the store in form, and from none of its records."""
        if caller.reference != sandbox.REFERENCE:
            raise AgreementUnknownError(f"In the sandbox the agreement is {sandbox.REFERENCE}.")
        check_purpose(sandbox.STANDING, question.check.purpose)
        await limits.count_call(self.gate.database, caller, sandbox.STANDING)
        person, check_id = question.check.person, uuid4()
        result, records = sandbox.look_up(person, question.check.purpose)
        answer = CheckAnswer(
            check_id=check_id,
            result=result,
            agreement=sandbox.REFERENCE,
            purpose=question.check.purpose,
            ask_for=ask_for(person, result),
            records=records,
            sandbox=True,
        )
        body = rfc8785.dumps(answer.document())
        async with self.gate.database.write(PPSS) as session:
            known = await repository.begin(
                session, caller.partner.partner_id, question.idempotency_key
            )
            if known is not None:
                return self._open(known, caller.digest_of(question.body))
            await self._keep(session, caller, sandbox.STANDING, question, answer, body)
        return body

    def _open(self, known: repository.Answered, digest: bytes) -> bytes:
        """Return an answer that was given before to the same question."""
        if known.request_digest != digest:
            raise IdempotencyKeyReusedError(
                "This Idempotency-Key came with another body; use a new one for each question."
            )
        if known.sealed is None:
            raise AnswerGoneError(
                "This question was answered more than a day ago, or what was told is erased; "
                "ask again with a new Idempotency-Key."
            )
        return self.sealer.open(known.sealed, answer_context(known.check_id))

    async def _keep(
        self,
        session: ReadSession,
        caller: Caller,
        standing: Standing,
        question: Question,
        answer: CheckAnswer,
        body: bytes,
    ) -> Recent:
        """Keep a check and its answer; return what the last 24 hours add up to with it."""
        person = question.check.person
        return await repository.keep(
            session,
            caller,
            repository.Kept(
                answer.check_id,
                standing.agreement_id,
                question.idempotency_key,
                caller.digest_of(question.body),
                answer.result.value,
                person_digest(self.sealer.person_key, person),
                initial(person),
            ),
            self.sealer.seal(body, answer_context(answer.check_id)),
        )

    async def _again(
        self, consultation: Consultation, known: repository.Answered, digest: bytes
    ) -> bytes:
        """Return an answer that was given before, and log that it is given again."""
        answer = self._open(known, digest)
        seen = await still_shown(consultation, known.check_id)
        if seen:
            entry = Entry(EventKind.DISCLOSURE, _REPEAT, consultation.reason, records=seen)
            await append(consultation.session, consultation.visibility.grant_set_id, entry)
        return answer

    async def _answer(
        self, consultation: Consultation, caller: Caller, standing: Standing, question: Question
    ) -> bytes:
        person, check_id = question.check.person, uuid4()
        verdict, pointers = await self._look_up(consultation, person)
        told, disclosures = await self._tell(consultation, standing, verdict, pointers)
        result = result_of(verdict, told=bool(told))
        answer = CheckAnswer(
            check_id=check_id,
            result=result,
            agreement=standing.reference,
            purpose=question.check.purpose,
            ask_for=ask_for(person, result),
            records=told,
        )
        body = rfc8785.dumps(answer.document())
        recent = await self._keep(consultation.session, caller, standing, question, answer, body)
        if disclosures:
            await disclose(
                consultation, caller, _DISCLOSE, disclosures, self.sealer, check_id=check_id
            )
        await limits.watch(
            consultation.session, caller.partner, standing.agreement_id, recent, self.thresholds
        )
        return body

    async def _look_up(
        self, consultation: Consultation, person: PersonAsked
    ) -> tuple[Verdict, Sequence[tuple[TenantId, telling.Pointer]]]:
        """Return who was found, and which forces hold a record that is shown as a pointer.

        Pointers are looked for by name and whole date of birth, never by name alone; and also where
        nobody has the name, so that the work doesn't tell whether somebody has.
        """
        query = understand(asked(person))
        plan, ranked = await self.searcher.look_up(consultation, query)
        verdict = judge(ranked)
        pointed: Sequence[tuple[TenantId, telling.Pointer]] = []
        wanted = query.born is not None and consultation.visibility.has_pointers
        if wanted and plan is not None:
            rows = await look_ups.pointers(consultation, plan.pointers, ())
            views = ((owner, consultation.visibility.pointer(label)) for owner, label in rows)
            pointed = [(owner, view) for owner, view in views if view is not None]
        return verdict, pointed

    async def _tell(
        self,
        consultation: Consultation,
        standing: Standing,
        verdict: Verdict,
        pointers: Sequence[tuple[TenantId, telling.Pointer]],
    ) -> tuple[list[RecordDisclosed], list[Disclosure]]:
        """Return the records as they are told, and as the ledger keeps them."""
        told: list[RecordDisclosed] = []
        disclosures: list[Disclosure] = []
        directory = self.searcher.directory
        keys = [(match.owner_force, match.nominal_id) for match in verdict.matches]
        known = set()
        for record in await nominals.read_to_tell(consultation, keys):
            owner, nominal_id = record.key
            shown = telling.record(record, standing, directory.by_id(owner))
            told.append(shown)
            disclosures.append(disclosure_of(shown, owner, nominal_id))
            known.add(owner)
        for owner, view in pointers:
            if owner not in known:
                shown = telling.pointer(view, standing, directory.by_id(owner))
                told.append(shown)
                disclosures.append(disclosure_of(shown, owner, None))
        return told, disclosures


def person_digest(key: bytes, person: PersonAsked) -> bytes:
    """Return a keyed hash of who is asked about, the same for the same names and date."""
    born = person.date_of_birth.isoformat() if person.date_of_birth else ""
    parts = (person.family_name, person.given_names)
    text = "/".join((*(" ".join(part.casefold().split()) for part in parts), born))
    return hmac.digest(key, text.encode(), "sha256")


def initial(person: PersonAsked) -> str:
    """Return the first letter of the family name as names are compared, or nothing."""
    return next((token[:1] for token in surname_tokens(person.family_name)), "")


async def still_shown(consultation: Consultation, check_id: UUID) -> list[RecordSeen]:
    """Return what a check told, to be logged as told again.

    AnswerGoneError unless everything that it told would still be told today.
    """
    told = await repository.told(consultation.session, check_id)
    labels = await repository.labels(consultation, [item.key for item in told]) if told else {}
    for item in told:
        label = labels.get(item.key)
        view = None if label is None else consultation.visibility.view(label, item.key)
        if view is None or not view.groups.issuperset(groups_of(item.fields)):
            raise AnswerGoneError(
                "What was told then isn't all told any more; ask again with a new Idempotency-Key."
            )
    agreement = str(consultation.subject.agreement)
    return [RecordSeen(*item.key, item.level, agreement, groups_of(item.fields)) for item in told]


def answer_context(check_id: UUID) -> str:
    """Return what a sealed answer is bound to."""
    return f"answer/{check_id}"
