"""What a partner does with referrals to it: reads them, opens one, and answers it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from athena.platform.kernel.audit import Entry, EventKind, RecordSeen, append
from athena.platform.kernel.database import ReadSession
from athena.platform.kernel.errors import NotFoundError
from athena.platform.kernel.identity import Purpose
from athena.policies.roles.actions import Action
from athena.sharing.ppss.disclosures.models import context_of, groups_of
from athena.sharing.ppss.person_checks import repository as records
from athena.sharing.ppss.person_checks.schemas import RecordDisclosed
from athena.sharing.ppss.person_checks.service import PersonChecks
from athena.sharing.ppss.referrals import repository
from athena.sharing.ppss.referrals.models import Referral, ReferralState
from athena.sharing.ppss.referrals.schemas import ReferralAnswer
from athena.sharing.ppss.signatures.models import PPSS, Caller
from athena.sharing.ppss.signatures.repository import run_for

_NOT_YOURS = "Your organisation was sent no such referral."


@dataclass(frozen=True, slots=True)
class ReceivedReferrals:
    """Referrals to the calling partner, with what person checks are answered by."""

    checks: PersonChecks

    async def of_partner(self, caller: Caller, most: int, *, open_only: bool) -> list[Referral]:
        """Return the referrals to the calling partner, the most urgent first, without the words."""
        async with self.checks.gate.database.write(PPSS) as session:
            await run_for(session, caller.partner.partner_id)
            return await repository.of_partner(
                session, caller.partner.partner_id, most, open_only=open_only
            )

    async def open(
        self, caller: Caller, referral_id: UUID
    ) -> tuple[Referral, RecordDisclosed | None]:
        """Return a referral to the calling partner with what was sent; it is logged as told again.

        The record is None once the referral is over, the record is erased, or the agreement
        doesn't let all of it be told any more.
        """
        standing = await self.checks.door.standing(caller)
        async with self.checks.gate.database.write(PPSS) as session:
            await run_for(session, caller.partner.partner_id)
            found = await _own(session, caller, referral_id)
        if found.agreement_id != standing.agreement_id:
            raise NotFoundError(_NOT_YOURS)
        if found.state in (ReferralState.WITHDRAWN, ReferralState.DECLINED):
            return found, None
        subject, purpose = caller.subject(standing.agreement_id), Purpose(found.purpose)
        content = {"referral": str(referral_id), "asked_by": caller.user}
        entry = Entry(EventKind.CONSULTATION, "referrals.open", "Opening a referral", content)
        async with self.checks.gate.consult(
            subject, Action.REFERRALS_RECEIVE, purpose, entry
        ) as consultation:
            await run_for(consultation.session, caller.partner.partner_id)
            key = (found.owner, found.nominal_id)
            label = (await records.labels(consultation, [key])).get(key)
            view = None if label is None else consultation.visibility.view(label, key)
            if view is None or not view.groups.issuperset(groups_of(found.fields)):
                return found, None
            sealed = await repository.words(consultation.session, found)
            if sealed is None:
                return found, None
            seen = [RecordSeen(*key, view.level, str(found.agreement_id), groups_of(found.fields))]
            told = Entry(EventKind.DISCLOSURE, "referrals.repeat", entry.reason, content, seen)
            await append(consultation.session, consultation.visibility.grant_set_id, told)
        payload = self.checks.sealer.open(sealed, context_of(found.disclosure_id))
        return found, RecordDisclosed.model_validate_json(payload)

    async def answer(self, caller: Caller, referral_id: UUID, said: ReferralAnswer) -> Referral:
        """Note what a partner says of a referral to it, and return the referral.

        The same said twice is once; ConflictError where it was answered otherwise or withdrawn,
        NotFoundError alike for another partner's referral and for none.
        """
        partner = caller.partner.partner_id
        async with self.checks.gate.database.write(PPSS) as session:
            await run_for(session, partner)
            found = await _own(session, caller, referral_id)
            asked = (said.status, said.because, tuple(said.ask_for))
            if (found.state, found.declined_because, found.asked_for) != asked:
                await repository.answer(session, partner, referral_id, caller.user, said)
                found = await _own(session, caller, referral_id)
        return found


async def _own(session: ReadSession, caller: Caller, referral_id: UUID) -> Referral:
    found = await repository.find_own(session, caller.partner.partner_id, referral_id)
    if found is None:
        raise NotFoundError(_NOT_YOURS)
    return found
