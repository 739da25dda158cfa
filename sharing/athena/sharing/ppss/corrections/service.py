"""Reading corrections and acknowledging them; who still holds what of a record."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from athena.platform.kernel.audit import Entry, EventKind
from athena.platform.kernel.errors import ConflictError, NotFoundError
from athena.platform.kernel.identity import NominalId, Purpose, Subject
from athena.policies.roles.actions import Action
from athena.policies.visibility.service import Gate
from athena.sharing.ppss.corrections import repository
from athena.sharing.ppss.corrections.models import Correction, Done, Holding
from athena.sharing.ppss.signatures.models import PPSS, Caller
from athena.sharing.ppss.signatures.repository import run_for


@dataclass(frozen=True, slots=True)
class Corrections:
    """Corrections over the gate."""

    gate: Gate

    async def of_partner(self, caller: Caller, most: int, *, open_only: bool) -> list[Correction]:
        """Return what the calling partner was told to correct, the oldest first."""
        async with self.gate.database.write(PPSS) as session:
            await run_for(session, caller.partner.partner_id)
            return await repository.of_partner(
                session, caller.partner.partner_id, most, open_only=open_only
            )

    async def acknowledge(self, caller: Caller, correction_id: UUID, done: Done) -> Correction:
        """Note what the calling partner did about a correction, and return it.

        The same said twice is once; ConflictError where something else was said before,
        NotFoundError alike for a correction of another partner and for none.
        """
        partner = caller.partner.partner_id
        async with self.gate.database.write(PPSS) as session:
            await run_for(session, partner)
            await repository.acknowledge(session, partner, correction_id, caller.user, done)
            found = await repository.find_own(session, partner, correction_id)
        if found is None:
            raise NotFoundError("You were told no such correction.")
        if found.done is not done:
            raise ConflictError("The correction was acknowledged otherwise before.")
        return found

    async def of_force(
        self, subject: Subject, reason: str, most: int, *, open_only: bool
    ) -> list[Correction]:
        """Return the corrections of the own force's records, the oldest first; it is logged."""
        entry = Entry(EventKind.CONSULTATION, "corrections.read", reason)
        async with self.gate.consult(
            subject, Action.DISCLOSURES_READ_OWN_FORCE, Purpose.DATA_QUALITY, entry
        ) as consultation:
            return await repository.of_force(consultation, most, open_only=open_only)

    async def holdings(self, subject: Subject, nominal_id: NominalId, reason: str) -> list[Holding]:
        """Return who was given what of an own record and what it still holds; it is logged.

        A record that was erased is asked about by the id it had: who holds it still matters.
        """
        content = {"nominal": str(nominal_id)}
        entry = Entry(EventKind.CONSULTATION, "corrections.holdings", reason, content)
        async with self.gate.consult(
            subject, Action.DISCLOSURES_READ_OWN_FORCE, Purpose.DATA_QUALITY, entry
        ) as consultation:
            return await repository.holdings(consultation, nominal_id)
