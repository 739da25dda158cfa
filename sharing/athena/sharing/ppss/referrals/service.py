"""Referring: an officer's act, decided for the partner by the policy, disclosed and told at once.

What is sent is read by the partners' login under the partner's own decision: so the store shows no
more than the agreement allows, whatever the officer may see.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

from athena.platform.kernel.audit import Entry, EventKind, RecordSeen, append
from athena.platform.kernel.errors import ConflictError, InvalidInputError, NotFoundError
from athena.platform.kernel.identity import Level, NominalId, Purpose, Subject, TenantId
from athena.policies.roles.actions import Action
from athena.policies.visibility.models import Consultation
from athena.records.nominals import service as nominals
from athena.sharing.ppss.disclosures.disclosing import disclose, disclosure_of
from athena.sharing.ppss.person_checks import repository as records
from athena.sharing.ppss.person_checks import telling
from athena.sharing.ppss.person_checks.schemas import PersonDisclosed, RecordDisclosed
from athena.sharing.ppss.person_checks.service import PersonChecks
from athena.sharing.ppss.problems import AgreementUnknownError
from athena.sharing.ppss.referrals import repository
from athena.sharing.ppss.referrals.models import (
    New,
    Referral,
    Terms,
    WithdrawnBecause,
    due,
)
from athena.sharing.ppss.referrals.schemas import (
    Preview,
    ReferralDraft,
)
from athena.sharing.ppss.signatures.models import PPSS, Caller, Standing
from athena.sharing.ppss.signatures.repository import run_for

_SENDER_ROLE = "referring officer"
_NOT_THERE = "Your force made no such referral; list them to see what there is."


@dataclass(frozen=True, slots=True)
class _Way:
    """By which way a referral goes: to whom, under which agreement, by which terms."""

    caller: Caller
    standing: Standing
    terms: Terms

    @property
    def subject(self) -> Subject:
        """The partner as the policy is asked about it."""
        return self.caller.subject(self.standing.agreement_id)

    @property
    def purpose(self) -> Purpose:
        """The purpose that the agreement names for this kind."""
        return Purpose(self.terms.purpose)


@dataclass(frozen=True, slots=True)
class Referrals:
    """Referrals over the gate, with what person checks are answered by."""

    checks: PersonChecks

    async def preview(self, subject: Subject, draft: ReferralDraft) -> Preview:
        """Return exactly what would be sent; both who looks and what is shown are logged.

        InvalidInputError names each field that must be sent and isn't there.
        """
        way = await self._way(subject, draft)
        await self._attest(subject, draft, way, "referrals.preview")
        entry = Entry(EventKind.CONSULTATION, "referrals.preview", draft.reason)
        async with self.checks.gate.consult(
            way.subject, Action.REFERRALS_RECEIVE, way.purpose, entry
        ) as consultation:
            await run_for(consultation.session, way.caller.partner.partner_id)
            record = await self._record(consultation, subject.tenant_id, draft, way)
        return Preview(
            partner=draft.partner,
            agreement=draft.agreement,
            kind=draft.kind,
            purpose=way.terms.purpose,
            record=record,
        )

    async def send(self, subject: Subject, draft: ReferralDraft) -> Referral:
        """Refer a person of the own force to a partner, and return the referral.

        The disclosure's event, its line in the ledger, the referral and what the partner is told
        are one transaction. NotFoundError where the record isn't the own force's or isn't shown;
        InvalidInputError names each field that must be sent and isn't there.
        """
        way = await self._way(subject, draft)
        officer_event = await self._attest(subject, draft, way, "referrals.send")
        referral_id = uuid4()
        entry = Entry(EventKind.CONSULTATION, "referrals.prepare", draft.reason)
        async with self.checks.gate.consult(
            way.subject, Action.REFERRALS_RECEIVE, way.purpose, entry
        ) as consultation:
            await run_for(consultation.session, way.caller.partner.partner_id)
            record = await self._record(consultation, subject.tenant_id, draft, way)
            disclosed = disclosure_of(record, subject.tenant_id, NominalId(draft.nominal_id))
            await disclose(
                consultation,
                way.caller,
                "referrals.disclose",
                [disclosed],
                self.checks.sealer,
                content={"referral": str(referral_id)},
            )
            new = New(
                referral_id,
                subject.tenant_id,
                way.caller.partner.partner_id,
                way.standing.agreement_id,
                NominalId(draft.nominal_id),
                disclosed.disclosure_id,
                officer_event,
                draft.kind,
                way.terms.purpose,
                subject.member_id,
                due(datetime.now(UTC)),
            )
            await repository.add(consultation.session, new, disclosed.fields)
            sent = await repository.find_own(consultation.session, new.partner, referral_id)
        assert sent is not None, "what was stored is read in the same transaction"
        return sent

    async def of_force(
        self, subject: Subject, reason: str, most: int, *, open_only: bool
    ) -> list[Referral]:
        """Return the own force's referrals, the most urgent first; it is logged."""
        entry = Entry(EventKind.CONSULTATION, "referrals.list", reason)
        async with self.checks.gate.consult(
            subject, Action.REFERRALS_SEND, Purpose.DATA_QUALITY, entry
        ) as consultation:
            return await repository.of_force(consultation, most, open_only=open_only)

    async def show(self, subject: Subject, referral_id: UUID, reason: str) -> Referral:
        """Return a referral of the own force as it stands; it is logged."""
        content = {"referral": str(referral_id)}
        entry = Entry(EventKind.CONSULTATION, "referrals.show", reason, content)
        async with self.checks.gate.consult(
            subject, Action.REFERRALS_SEND, Purpose.DATA_QUALITY, entry
        ) as consultation:
            found = await repository.find(consultation, referral_id)
        if found is None:
            raise NotFoundError(_NOT_THERE)
        return found

    async def withdraw(
        self, subject: Subject, referral_id: UUID, reason: str, because: WithdrawnBecause
    ) -> Referral:
        """Withdraw a referral and return it; the partner is told because of what.

        ConflictError where it was declined or withdrawn before.
        """
        content = {"referral": str(referral_id), "because": because.value}
        entry = Entry(EventKind.ALTERATION, "referrals.withdraw", reason, content)
        async with self.checks.gate.alter(
            subject, Action.REFERRALS_SEND, Purpose.DATA_QUALITY, entry
        ) as alteration:
            if await repository.find(alteration, referral_id) is None:
                raise NotFoundError(_NOT_THERE)
            await repository.withdraw(alteration, referral_id, because)
            moved = await repository.find(alteration, referral_id)
        assert moved is not None, "nobody deletes a referral of an active force"
        return moved

    async def _way(self, subject: Subject, draft: ReferralDraft) -> _Way:
        """Return by which way a draft goes, or the problem that it has."""
        await self.checks.gate.permit_act(subject, Action.REFERRALS_SEND, draft.reason)
        async with self.checks.gate.database.read(PPSS) as session:
            partner = await repository.partner(session, draft.partner)
        if partner is None or partner.sandbox:
            raise NotFoundError(f"{draft.partner} takes no referrals; ask the AMO who does.")
        caller = Caller(partner, subject.username, _SENDER_ROLE, draft.agreement)
        try:
            standing = await self.checks.door.standing(caller)
        except AgreementUnknownError:
            raise NotFoundError(
                f"{draft.partner} isn't registered under {draft.agreement}; ask the AMO which "
                "agreement covers it."
            ) from None
        documents = await self.checks.door.agreements()
        document = next(item for item in documents if item["reference"] == draft.agreement)
        kinds = document.get("referrals", {})
        if draft.kind not in kinds:
            known = ", ".join(sorted(kinds)) or "none"
            raise InvalidInputError(
                f"The kinds of referral of {draft.agreement} are: {known}.", field="/kind"
            )
        return _Way(caller, standing, Terms.of(kinds[draft.kind]))

    async def _attest(self, subject: Subject, draft: ReferralDraft, way: _Way, action: str) -> UUID:
        """Log that an officer who is shown the own record refers it; return the event.

        The store lets in no referral without this event.
        """
        nominal_id = NominalId(draft.nominal_id)
        key = (subject.tenant_id, nominal_id)
        content = {
            "nominal": str(nominal_id),
            "partner": draft.partner,
            "agreement": draft.agreement,
            "kind": draft.kind,
        }
        entry = Entry(EventKind.CONSULTATION, "referrals.look", draft.reason, content)
        async with self.checks.gate.consult(
            subject, Action.REFERRALS_SEND, way.purpose, entry
        ) as consultation:
            if key not in await records.labels(consultation, [key]):
                raise NotFoundError("Your force has no such record that you can see.")
            seen = [RecordSeen(*key, Level.FULL)]
            acted = Entry(EventKind.CONSULTATION, action, draft.reason, content, seen)
            appended = await append(
                consultation.session, consultation.visibility.grant_set_id, acted
            )
        return appended.event_id

    async def _record(
        self, consultation: Consultation, owner: TenantId, draft: ReferralDraft, way: _Way
    ) -> RecordDisclosed:
        """Return the record as it is sent: what must be, what was chosen, and nothing else."""
        terms = way.terms
        beyond = sorted(set(draft.also) - {*terms.may, *terms.must})
        if beyond:
            raise InvalidInputError(
                f"{draft.agreement} doesn't let these be sent for {draft.kind}: "
                f"{', '.join(beyond)}. Leave them out.",
                field="/also",
            )
        key = (owner, NominalId(draft.nominal_id))
        found = await nominals.read_to_tell(consultation, [key])
        if not found:
            raise ConflictError(
                f"{draft.agreement} doesn't let {draft.partner} be told of this record; ask your "
                "data protection officer."
            )
        await nominals.log_seen(consultation, "nominals.read", [found[0].disclosed])
        record = telling.record(found[0], way.standing, self.checks.searcher.directory.by_id(owner))
        person = record.document().get("person", {})
        missing = [field for field in terms.must if not person.get(field)]
        if missing:
            raise InvalidInputError(
                f"Nothing was sent. These must be sent for {draft.kind} and aren't there: "
                f"{', '.join(missing)}. Record them, or have the agreement let them be told.",
                errors=[
                    {
                        "field": f"/{field}",
                        "detail": "It isn't recorded, or the agreement doesn't let it be told.",
                    }
                    for field in missing
                ],
            )
        chosen = {field for field in (*terms.must, *draft.also) if person.get(field)}
        told = PersonDisclosed.model_validate(
            {field: value for field, value in person.items() if field in chosen}
        )
        return record.model_copy(update={"person": told})
