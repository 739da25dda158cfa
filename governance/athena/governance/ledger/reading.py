"""Reading the accounts: charges with their shares, statements, the journal, the forecast.

Each reads under its own login: a force sees what everyone agreed to, and the entries of its own
accounts; the client body and oversight see everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from athena.governance.acting import Office
from athena.governance.apportionment.money import FinancialYear
from athena.governance.apportionment.service import forces
from athena.governance.ledger import repository
from athena.governance.ledger.desk import find_charge, share
from athena.governance.ledger.journals import repository as journals
from athena.governance.ledger.models import Charge, Entry, Position, Posted
from athena.governance.ledger.sharing import YearOfCharge
from athena.governance.ledger.statements import (
    Forecast,
    ForecastLine,
    Statement,
    statement,
)
from athena.platform.kernel.errors import NotFoundError
from athena.platform.kernel.identity import Subject, TenantId, TenantKind
from athena.policies.roles.actions import Action
from athena.tenants.directory.models import Tenant

Forces = Mapping[TenantId, Tenant]


@dataclass(frozen=True, slots=True)
class CommittedYear:
    """A year of a charge that is committed: who bears what and why, and how it stands."""

    year: FinancialYear
    shared: YearOfCharge
    position: Position


class Reader:
    """Reads the accounts for members whose roles allow it."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def charges(self, subject: Subject) -> tuple[list[Charge], Forces]:
        """Return every charge, and the forces that may take part."""
        async with self._office.reading(subject, "ledger.charges", Action.LEDGER_READ) as reading:
            return await repository.charges(reading.session), await forces(reading.session)

    async def charge(
        self, subject: Subject, reference: str
    ) -> tuple[Charge, list[CommittedYear], Forces]:
        """Return a charge with each year that is committed; a force sees how it stands itself."""
        async with self._office.reading(subject, "ledger.charge", Action.LEDGER_READ) as reading:
            found = await find_charge(reading.session, reference)
            everyone = await forces(reading.session)
            positions = await journals.positions_of(reading.session, found.charge_id)
            years = [
                CommittedYear(year, await share(reading.session, found, year, everyone), position)
                for year, position in sorted(positions.items())
            ]
            return found, years, everyone

    async def statement(self, subject: Subject, force: str, year: FinancialYear) -> Statement:
        """Return a force's statement; NotFoundError where it isn't the reader's to see."""
        async with self._office.reading(subject, "ledger.statement", Action.LEDGER_READ) as reading:
            own = subject.tenant_kind is not TenantKind.FORCE or subject.tenant == force
            for tenant, each in (await forces(reading.session)).items():
                if own and each.slug == force:
                    posted = await journals.journals(reading.session, year.last_day)
                    return statement(tenant, each.slug, each.name, year, posted)
            raise NotFoundError("There is no such statement that you can see.")

    async def journal(self, subject: Subject, year: FinancialYear) -> tuple[list[Posted], Forces]:
        """Return a year's journals, the first one first, as far as the reader may see them."""
        async with self._office.reading(subject, "ledger.journal", Action.LEDGER_READ) as reading:
            found = await journals.journals(reading.session, year.last_day, year.first_day)
            return found, await forces(reading.session)

    async def balances(self, subject: Subject) -> tuple[list[Entry], Forces]:
        """Return the balance of every account; together, for who sees them all, they are nought."""
        async with self._office.reading(subject, "ledger.balances", Action.LEDGER_READ) as reading:
            return await journals.balances(reading.session), await forces(reading.session)

    async def forecast(self, subject: Subject, year: FinancialYear) -> tuple[Forecast, Forces]:
        """Return what a year is to cost by everything agreed, against its budget."""
        async with self._office.reading(subject, "ledger.forecast", Action.LEDGER_READ) as reading:
            lines, by_force = [], dict[TenantId, int]()
            for charge in await repository.charges(reading.session):
                if not charge.first_year <= year <= charge.last_year:
                    continue
                position = await journals.position(reading.session, charge.charge_id, year)
                lines.append(
                    ForecastLine(
                        charge.reference,
                        charge.title,
                        charge.pence(year),
                        position.total_committed,
                        position.total_invoiced,
                    )
                )
                for part in (position.committed, position.invoiced):
                    for tenant, pence in part.items():
                        by_force[tenant] = by_force.get(tenant, 0) + pence
            budget = await repository.budget(reading.session, year)
            return Forecast(year, budget, tuple(lines), by_force), await forces(reading.session)
