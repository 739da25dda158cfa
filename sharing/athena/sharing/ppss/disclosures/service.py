"""Reading the ledger: a partner its own lines, a force those of its records, auditors all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from athena.platform.kernel import audit
from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.identity import Purpose, Subject, TenantKind
from athena.policies.roles.actions import Action
from athena.policies.visibility.service import Gate
from athena.sharing.ppss.disclosures import repository
from athena.sharing.ppss.disclosures.schemas import Ledger
from athena.sharing.ppss.signatures.models import PPSS, Caller
from athena.sharing.ppss.signatures.repository import run_for
from athena.sharing.ppss.signatures.service import NO_AGREEMENT
from athena.sharing.search.service import Searcher

_READ = "disclosures.read"
_OWN_LINES = "A partner reads what it was told"


@dataclass(frozen=True, slots=True)
class Disclosures:
    """The ledger over the gate; the searcher knows agreements' titles."""

    gate: Gate
    searcher: Searcher

    async def of_partner(self, caller: Caller, before: datetime | None, most: int) -> Ledger:
        """Return what the calling partner was told, whoever of it asked; it is logged."""
        content = {
            "agreement": caller.reference,
            "role": caller.role,
            "before": before.isoformat() if before else None,
        }
        subject = caller.subject(NO_AGREEMENT)
        async with self.gate.database.write(PPSS) as session:
            await run_for(session, caller.partner.partner_id)
            await audit.consult_partner(session, subject, _READ, _OWN_LINES, content)
            lines = await repository.of_partner(session, caller.partner.partner_id, before, most)
        return Ledger.of(lines, most, self.searcher.agreements)

    async def read(
        self, subject: Subject, reason: str, before: datetime | None, most: int
    ) -> Ledger:
        """Return what was told of the own force's records, or to an auditor all; it is logged.

        RefusedError where the member's roles allow neither.
        """
        if subject.tenant_kind is TenantKind.FORCE:
            entry = Entry(EventKind.CONSULTATION, _READ, reason)
            action = Action.DISCLOSURES_READ_OWN_FORCE
            async with self.gate.consult(
                subject, action, Purpose.DATA_QUALITY, entry
            ) as consultation:
                lines = await repository.of_force(consultation, before, most)
        else:
            await self.gate.permit_act(subject, Action.DISCLOSURES_READ, reason)
            async with self.gate.database.read(subject.login) as session:
                await audit.administer(session, subject, _READ, reason, {})
                lines = await repository.of_everyone(session, before, most)
        return Ledger.of(lines, most, self.searcher.agreements)
