"""Notice of withdrawal: what it would cost the others, and taking it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from athena.governance.acting import Office
from athena.governance.apportionment import repository as costs
from athena.governance.apportionment.models import Bases, measures_of
from athena.governance.apportionment.money import FinancialYear, show_day, twelve_months_after
from athena.governance.apportionment.service import forces
from athena.governance.apportionment.stored import standing
from athena.governance.ledger import repository
from athena.governance.ledger.desk import posting_desk
from athena.governance.ledger.journals import repository as journals
from athena.governance.ledger.membership import end_participation
from athena.governance.ledger.models import Account, Charge, ChargeKind, Done, Withdrawal
from athena.governance.ledger.reading import Forces
from athena.governance.ledger.withdrawing import Effect, effect, sentence
from athena.platform.kernel.clock import today
from athena.platform.kernel.database import ReadSession
from athena.platform.kernel.errors import ConflictError, InvalidInputError
from athena.platform.kernel.identity import Subject, TenantId
from athena.policies.roles.actions import Action


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What a withdrawal would change, year by year and charge by charge."""

    tenant_id: TenantId
    notice_on: date
    last_day: date
    effects: tuple[Effect, ...]
    still_owed: int
    still_committed: int

    def change(self, tenant: TenantId) -> int:
        """Return what a force bears more, or less where it is negative, over all of it."""
        return sum(each.change.get(tenant, 0) for each in self.effects)

    def sentence(self, name: str) -> str:
        """Return it in one sentence."""
        others = {
            tenant
            for each in self.effects
            for tenant in each.change
            if tenant != self.tenant_id and self.change(tenant) > 0
        }
        return sentence(name, self.last_day, -self.change(self.tenant_id), len(others))


class Withdrawals:
    """Foresees withdrawals and takes notice of them, for members whose roles allow it."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def every(self, subject: Subject) -> tuple[list[Withdrawal], Forces]:
        """Return every notice that was given."""
        async with self._office.reading(
            subject, "ledger.withdrawals", Action.LEDGER_READ
        ) as reading:
            return await repository.withdrawals(reading.session), await forces(reading.session)

    async def foresee(
        self, subject: Subject, force: str, notice_on: date | None = None
    ) -> tuple[Foreseen, Forces]:
        """Return what it would cost the others if a force gave notice on a day; nothing changes.

        It looks at the year of the last day and the one after, as charges and bases stand now: a
        year without bases of its own is shared by the newest before it.
        """
        async with self._office.reading(
            subject, "ledger.withdrawals", Action.LEDGER_READ
        ) as reading:
            everyone = await forces(reading.session)
            tenant = next((key for key, each in everyone.items() if each.slug == force), None)
            if tenant is None:
                raise InvalidInputError(f"{force} is no force.", field="/force")
            notice = notice_on or today()
            FinancialYear.of(notice)
            last_day = twelve_months_after(notice)
            first = FinancialYear.of(last_day)
            effects = []
            for charge in await repository.charges(reading.session):
                if charge.kind is ChargeKind.ONE_OFF or tenant not in charge.members():
                    continue
                for year in (first, first.next()):
                    if charge.first_year <= year <= charge.last_year:
                        bases = await _nearest(reading.session, charge, year, everyone)
                        effects.append(effect(charge, tenant, last_day, year, bases))
            owed = await journals.balance(reading.session, Account.OWED, tenant)
            committed = await journals.balance(reading.session, Account.COMMITTED, tenant)
            return Foreseen(tenant, notice, last_day, tuple(effects), owed, committed), everyone

    async def give(
        self, subject: Subject, force: str, notice_on: date, day: date | None, reason: str
    ) -> Done:
        """Take a force's notice: it leaves every annual charge after twelve months."""
        content = {"force": force, "notice_on": notice_on.isoformat()}
        async with posting_desk(self._office, subject, "withdraw", reason, day, content) as desk:
            tenant = desk.force(force)
            name = desk.forces[tenant].name
            if notice_on > today():
                raise InvalidInputError(
                    "Notice counts from the day on which it is given.", field="/notice_on"
                )
            known = {each.tenant_id for each in await repository.withdrawals(desk.session)}
            if tenant in known:
                raise ConflictError(f"{name} gave notice already.")
            FinancialYear.of(notice_on)
            last_day = twelve_months_after(notice_on)
            await repository.store_withdrawal(
                desk.session, tenant, notice_on, last_day, subject.username, desk.reason
            )
            posted: list[int] = []
            for charge in await repository.charges(desk.session):
                if charge.kind is ChargeKind.ANNUAL and any(
                    each.tenant_id == tenant
                    and each.last_day is None
                    and each.joined_on <= last_day
                    for each in charge.taking_part
                ):
                    posted += await end_participation(desk, charge, tenant, last_day)
            return Done(
                f"{name} gave notice; it takes part until {show_day(last_day)}.", tuple(posted)
            )


async def _nearest(
    session: ReadSession, charge: Charge, year: FinancialYear, everyone: Forces
) -> dict[TenantId, Bases]:
    """Return what members are measured by in a year, or else in the newest year before it."""
    stored = standing(await costs.basis_sets(session))
    wanted = charge.bases_of(year)
    sets = {
        measure: stored[max(found)]
        for measure in measures_of(charge.formula)
        if (found := [key for key in stored if key[1] is measure and key[0] <= wanted])
    }
    return {
        tenant: Bases(
            everyone[tenant].slug,
            everyone[tenant].name,
            {key: each.values[tenant] for key, each in sets.items() if tenant in each.values},
        )
        for tenant in charge.members()
    }
