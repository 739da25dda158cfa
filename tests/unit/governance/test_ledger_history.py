"""Any history of the accounts: whatever happens in whatever order, the books are right."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from uuid import UUID

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from athena.governance.apportionment.models import Equal
from athena.governance.apportionment.money import FinancialYear
from athena.governance.ledger import posting
from athena.governance.ledger.models import (
    Account,
    Charge,
    ChargeKind,
    Journal,
    JournalKind,
    Participation,
    Position,
    Quote,
)
from athena.governance.ledger.sharing import share_year
from athena.governance.ledger.withdrawing import leaving
from athena.platform.kernel.errors import ConflictError, InvalidInputError
from athena.platform.kernel.identity import TenantId
from support.costs import Participants, formulas, participants

YEARS = [FinancialYear(begins) for begins in (2026, 2027)]
DAYS = st.dates(YEARS[0].first_day, YEARS[1].last_day)
PENCE = st.one_of(st.integers(1, 200), st.integers(1, 10**12))


class Histories(RuleBasedStateMachine):
    """An annual and a one-off charge; joins, withdrawals, re-quotes, credits, payments."""

    forces: Participants
    charges: dict[ChargeKind, Charge]
    journals: list[Journal]
    at: dict[tuple[ChargeKind, FinancialYear], Position]

    @initialize(data=st.data())
    def agree(self, data: st.DataObject) -> None:
        self.forces = data.draw(participants(most=8))
        self.journals, self.at = [], {}
        first = data.draw(st.sampled_from(sorted(self.forces)))
        self.charges = {
            kind: Charge(
                UUID(int=number),
                kind.value,
                kind.value,
                kind,
                "formula",
                1,
                data.draw(formulas(self.forces)) if number else Equal(),
                YEARS[0],
                YEARS[-1] if kind is ChargeKind.ANNUAL else YEARS[0],
                None,
                None,
                [Quote(YEARS[0], data.draw(PENCE))],
                [Participation(first, YEARS[0].first_day)],
            )
            for number, kind in enumerate(ChargeKind)
        }
        for kind in ChargeKind:
            self.commit(kind, YEARS[0])

    def balance(self, account: Account, tenant: TenantId | None = None) -> int:
        """Return the balance of an account, of one force or of all."""
        return sum(
            entry.pence
            for journal in self.journals
            for entry in journal.entries
            if entry.account is account and tenant in (None, entry.tenant_id)
        )

    def post(
        self,
        kind: JournalKind,
        entries: posting.Entries,
        of: tuple[ChargeKind, FinancialYear] | None = None,
    ) -> None:
        """Post entries, which are refused where they don't balance."""
        self.journals.append(Journal(kind, "A test", entries))
        if of is not None:
            self.at[of] = self.at.get(of, Position()).plus(entries)

    def change(self, kind: JournalKind, changed: Charge) -> None:
        """Agree something else, and adjust every year of the charge that is committed."""
        years = [year for charge, year in self.at if charge is changed.kind]
        try:
            adjusted = {
                year: posting.commit(
                    self.at[changed.kind, year], share_year(changed, year, self.forces).by_force()
                )
                for year in years
            }
        except (ConflictError, InvalidInputError):
            return  # refused whole
        self.charges[changed.kind] = changed
        for year, entries in adjusted.items():
            self.post(kind, entries, (changed.kind, year))

    @rule(year=st.sampled_from(YEARS))
    def commit_again(self, year: FinancialYear) -> None:
        self.commit(ChargeKind.ANNUAL, year)

    def commit(self, kind: ChargeKind, year: FinancialYear) -> None:
        """Commit a year; where that was done before it changes nothing."""
        try:
            target = share_year(self.charges[kind], year, self.forces).by_force()
        except (ConflictError, InvalidInputError):
            return
        entries = posting.commit(self.at.get((kind, year), Position()), target)
        self.post(JournalKind.COMMITMENT, entries, (kind, year))

    @rule(kind=st.sampled_from(ChargeKind), data=st.data(), day=DAYS)
    def join(self, kind: ChargeKind, data: st.DataObject, day: date) -> None:
        charge = self.charges[kind]
        joining = [each for each in self.forces if each not in charge.members()]
        if joining:
            tenant = data.draw(st.sampled_from(joining))
            self.change(
                JournalKind.JOINING,
                replace(charge, taking_part=[*charge.taking_part, Participation(tenant, day)]),
            )

    @rule(data=st.data(), day=DAYS)
    def leave(self, data: st.DataObject, day: date) -> None:
        charge = self.charges[ChargeKind.ANNUAL]
        tenant = data.draw(st.sampled_from(charge.members()))
        self.change(JournalKind.LEAVING, leaving(charge, tenant, day))

    @rule(
        kind=st.sampled_from(ChargeKind), year=st.sampled_from(YEARS), pence=st.integers(0, 10**12)
    )
    def requote(self, kind: ChargeKind, year: FinancialYear, pence: int) -> None:
        charge = self.charges[kind]
        if year <= charge.last_year:
            self.change(
                JournalKind.REQUOTE, replace(charge, quotes=[*charge.quotes, Quote(year, pence)])
            )

    @precondition(lambda self: any(each.total_committed for each in self.at.values()))
    @rule(data=st.data())
    def invoice(self, data: st.DataObject) -> None:
        of = data.draw(st.sampled_from([at for at in self.at if self.at[at].total_committed]))
        position = self.at[of]
        entries = posting.invoice(position, data.draw(st.integers(1, position.total_committed)))
        assert all(entry.pence > 0 for entry in entries if entry.account is Account.OWED)
        self.post(JournalKind.INVOICE, entries, of)

    @precondition(lambda self: any(each.total_invoiced for each in self.at.values()))
    @rule(data=st.data())
    def credit(self, data: st.DataObject) -> None:
        of = data.draw(st.sampled_from([at for at in self.at if self.at[at].total_invoiced]))
        position = self.at[of]
        entries = posting.credit(position, data.draw(st.integers(1, position.total_invoiced)))
        assert all(entry.pence < 0 for entry in entries if entry.account is Account.OWED)
        self.post(JournalKind.CREDIT, entries, of)

    @rule(data=st.data(), pence=PENCE)
    def receive(self, data: st.DataObject, pence: int) -> None:
        tenant = data.draw(st.sampled_from(sorted(self.forces)))
        self.post(JournalKind.RECEIPT, posting.receive(tenant, pence))

    @rule(data=st.data(), pence=PENCE)
    def refund(self, data: st.DataObject, pence: int) -> None:
        tenant = data.draw(st.sampled_from(sorted(self.forces)))
        try:
            entries = posting.refund(tenant, self.balance(Account.OWED, tenant), pence)
        except ConflictError:
            return
        self.post(JournalKind.REFUND, entries)
        assert self.balance(Account.OWED, tenant) <= 0

    @rule(pence=PENCE)
    def pay(self, pence: int) -> None:
        try:
            entries = posting.pay(-self.balance(Account.SUPPLIER), pence)
        except ConflictError:
            return
        self.post(JournalKind.PAYMENT, entries)
        assert self.balance(Account.SUPPLIER) <= 0

    @invariant()
    def everything_balances(self) -> None:
        assert sum(self.balance(account) for account in Account) == 0
        assert self.balance(Account.COSTS) == -self.balance(Account.CONTRIBUTIONS)
        assert self.balance(Account.COMMITTED) == -self.balance(Account.COMMITMENTS)
        # What forces owe and what was taken is what the supplier is still owed.
        held = self.balance(Account.OWED) + self.balance(Account.CASH)
        assert held == -self.balance(Account.SUPPLIER)

    @invariant()
    def every_committed_year_is_borne_whole_and_by_who_takes_part(self) -> None:
        for (kind, year), position in self.at.items():
            target = share_year(self.charges[kind], year, self.forces).by_force()
            for tenant in position.forces:
                committed = position.committed.get(tenant, 0)
                invoiced = position.invoiced.get(tenant, 0)
                assert committed >= 0
                assert invoiced >= 0
                assert committed + invoiced == target.get(tenant, 0)
            whole = position.total_committed + position.total_invoiced
            assert whole == self.charges[kind].pence(year)


Histories.TestCase.settings = settings(deadline=None, max_examples=80, stateful_step_count=40)
TestHistories = Histories.TestCase
