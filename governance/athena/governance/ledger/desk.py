"""The desk at which journals are posted: one at a time, each from what all before it came to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from athena.governance.acting import Acting, Office
from athena.governance.apportionment.models import measures_of
from athena.governance.apportionment.money import FinancialYear
from athena.governance.apportionment.service import bases_of, forces
from athena.governance.ledger import posting, repository
from athena.governance.ledger.journals import repository as journals
from athena.governance.ledger.models import Charge, Journal, JournalKind
from athena.governance.ledger.sharing import YearOfCharge, share_year
from athena.platform.kernel.clock import today
from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.errors import ConflictError, InvalidInputError, NotFoundError
from athena.platform.kernel.identity import Subject, TenantId
from athena.policies.roles.actions import Action
from athena.tenants.directory.models import Tenant, TenantStatus


@dataclass(slots=True)
class Desk:
    """An open, logged transaction in which nobody else posts."""

    acting: Acting
    day: date
    forces: Mapping[TenantId, Tenant]

    @property
    def session(self) -> WriteSession:
        """The transaction."""
        return self.acting.session

    @property
    def reason(self) -> str:
        """Why it is done."""
        return self.acting.reason

    async def charge(self, reference: str) -> Charge:
        """Return the charge of a reference, or NotFoundError."""
        return await find_charge(self.session, reference)

    def force(self, slug: str, *, active: bool = False) -> TenantId:
        """Return the number of a force; InvalidInputError where there is none, or it has left."""
        for tenant, each in self.forces.items():
            if each.slug == slug:
                if active and each.status is not TenantStatus.ACTIVE:
                    raise ConflictError(f"{each.name} doesn't take part in the consortium now.")
                return tenant
        raise InvalidInputError(
            f"{slug} is no force; `athena tenants list` names them.", field="/force"
        )

    async def post(
        self,
        kind: JournalKind,
        narrative: str,
        entries: posting.Entries,
        charge: tuple[Charge, FinancialYear] | None = None,
        document: str = "",
    ) -> int | None:
        """Append a journal and return its number; None where there is nothing to post."""
        if not entries:
            return None
        return await journals.post(
            self.session,
            Journal(kind, narrative, entries),
            self.day,
            None if charge is None else (charge[0].charge_id, charge[1]),
            document,
            self.acting.subject.username,
            self.reason,
        )

    async def share(self, charge: Charge, year: FinancialYear) -> YearOfCharge:
        """Return who bears how much of a year by bases that are frozen, as binding needs."""
        return await share(self.session, charge, year, self.forces)

    async def adjust(self, charge: Charge, kind: JournalKind, told: str) -> list[int]:
        """Bring every committed year of a charge to what was agreed now; return the journals."""
        posted = []
        for year, position in sorted(
            (await journals.positions_of(self.session, charge.charge_id)).items()
        ):
            entries = posting.commit(position, (await self.share(charge, year)).by_force())
            number = await self.post(
                kind, f"{charge.reference} {year}: {told}", entries, (charge, year)
            )
            posted += [] if number is None else [number]
        return posted


@asynccontextmanager
async def posting_desk(
    office: Office,
    subject: Subject,
    name: str,
    reason: str,
    day: date | None,
    content: Mapping[str, Any],
) -> AsyncIterator[Desk]:
    """Open a transaction in which journals are posted for a day, today unless told otherwise."""
    async with office.acting(
        subject, Action.LEDGER_POST, f"ledger.{name}", reason, content
    ) as acting:
        yield await desk_of(acting, day)


async def desk_of(acting: Acting, day: date | None = None) -> Desk:
    """Let an open act post journals for a day, today unless told otherwise; nobody else can now."""
    on = day or today()
    if on > today():
        raise InvalidInputError("Nothing is posted for a day to come.", field="/day")
    FinancialYear.of(on)  # which refuses a day that no year here holds
    await repository.lock(acting.session)
    return Desk(acting, on, await forces(acting.session))


async def find_charge(session: ReadSession, reference: str) -> Charge:
    """Return the charge of a reference, or NotFoundError."""
    found = await repository.charges(session, reference)
    if not found:
        raise NotFoundError(f"There is no charge {reference[:40]}.")
    return found[0]


async def share(
    session: ReadSession, charge: Charge, year: FinancialYear, everyone: Mapping[TenantId, Tenant]
) -> YearOfCharge:
    """Return who bears how much of a charge in a year, by frozen bases alone."""
    basis_year = charge.bases_of(year)
    bases, sets = await bases_of(session, basis_year, charge.members(), everyone, frozen_only=True)
    loose = sorted(measures_of(charge.formula) - set(sets))
    if loose:
        raise ConflictError(
            f"The {loose[0].words} of {basis_year} isn't frozen; what is binding needs that first."
        )
    return share_year(charge, year, bases)
