"""The accounts as the client body's finance keeps them: charges, invoices, payments, credits."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from uuid import uuid4

from athena.governance.acting import Office
from athena.governance.apportionment.money import FinancialYear, check_pence, pounds, show_day
from athena.governance.apportionment.service import stored_formula
from athena.governance.ledger import posting, repository
from athena.governance.ledger.desk import Desk, posting_desk
from athena.governance.ledger.journals import repository as journals
from athena.governance.ledger.membership import end_participation, joined
from athena.governance.ledger.models import (
    OF_CHANGES,
    Account,
    Charge,
    ChargeKind,
    Done,
    JournalKind,
    Quote,
)
from athena.governance.ledger.schemas import NewCharge
from athena.platform.kernel.errors import ConflictError, InvalidInputError
from athena.platform.kernel.identity import Subject
from athena.policies.roles.actions import Action


class Ledger:
    """Acts on the accounts, for members whose roles allow it; reading them is `ledger.reading`."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def agree(self, subject: Subject, new: NewCharge) -> Charge:
        """Store a charge that forces agreed to share; nothing is posted until it is committed."""
        content = {"charge": new.reference, "pence": new.amount_pence}
        async with posting_desk(self._office, subject, "agree", new.reason, None, content) as desk:
            formula = await stored_formula(desk.session, new.formula)
            first = FinancialYear.parse(new.first_year)
            last = FinancialYear.parse(new.last_year or new.first_year)
            if last < first or (new.kind is ChargeKind.ONE_OFF and last != first):
                raise InvalidInputError(
                    "A charge ends no earlier than it begins, and a one-off one in the same year.",
                    field="/last_year",
                )
            if re.fullmatch(OF_CHANGES, new.reference):
                raise InvalidInputError(
                    "A change's reference is for the charge that a vote on it binds; choose "
                    "another.",
                    field="/reference",
                )
            if await repository.charges(desk.session, new.reference):
                raise ConflictError(f"{new.reference} exists; choose another reference.")
            joined_on = new.joined_on or first.first_day
            charge = Charge(
                uuid4(),
                new.reference,
                new.title,
                new.kind,
                formula.reference,
                formula.version,
                formula.formula,
                first,
                last,
                None if new.basis_year is None else FinancialYear.parse(new.basis_year),
                new.change,
                [Quote(first, check_pence(new.amount_pence))],
                [],
            )
            for slug in sorted(set(new.forces)):
                tenant = desk.force(slug, active=True)
                charge = await joined(desk.session, desk.forces, charge, tenant, joined_on)
            await repository.store_charge(desk.session, charge, subject.username, desk.reason)
            return charge

    async def commit(
        self, subject: Subject, reference: str, year: FinancialYear, day: date | None, reason: str
    ) -> Done:
        """Commit the forces to their shares of a charge in a year; its bases must be frozen."""
        content = {"charge": reference, "year": str(year)}
        async with posting_desk(self._office, subject, "commit", reason, day, content) as desk:
            charge = await desk.charge(reference)
            if year in await journals.positions_of(desk.session, charge.charge_id):
                raise ConflictError(f"{reference} is committed for {year} already.")
            shared = await desk.share(charge, year)
            if shared.pence == 0:
                raise ConflictError(f"{reference} costs nothing in {year}; there is no share.")
            told = f"{reference} {year}: committed, {pounds(shared.pence)}"
            entries = posting.commit(
                await journals.position(desk.session, charge.charge_id, year), shared.by_force()
            )
            return _done(
                told, [await desk.post(JournalKind.COMMITMENT, told, entries, (charge, year))]
            )

    async def requote(
        self,
        subject: Subject,
        reference: str,
        from_year: FinancialYear,
        pence: int,
        day: date | None,
        reason: str,
    ) -> Done:
        """Take a new quote from a year on; committed years are adjusted, or it is refused whole."""
        content = {"charge": reference, "year": str(from_year), "pence": pence}
        async with posting_desk(self._office, subject, "requote", reason, day, content) as desk:
            charge = await _of_its_own(desk, reference, from_year)
            charge.pence(from_year)  # which refuses a year outside the charge's
            quote = Quote(from_year, check_pence(pence))
            requoted = replace(charge, quotes=[*charge.quotes, quote])
            await repository.add_quote(
                desk.session, charge.charge_id, quote, subject.username, desk.reason
            )
            told = f"new quote from {from_year}, {pounds(pence)}"
            posted = await desk.adjust(requoted, JournalKind.REQUOTE, told)
            return _done(f"{reference}: {told}", posted)

    async def join(
        self,
        subject: Subject,
        reference: str,
        force: str,
        joined_on: date,
        day: date | None,
        reason: str,
    ) -> Done:
        """Let a force join: it pays its share, and those who came before are credited."""
        content = {"charge": reference, "force": force, "joined_on": joined_on.isoformat()}
        async with posting_desk(self._office, subject, "join", reason, day, content) as desk:
            charge = await _of_its_own(desk, reference)
            tenant = desk.force(force, active=True)
            after = await joined(desk.session, desk.forces, charge, tenant, joined_on)
            await repository.add_member(
                desk.session,
                charge.charge_id,
                after.taking_part[-1],
                subject.username,
                desk.reason,
            )
            told = f"{desk.forces[tenant].name} takes part from {show_day(joined_on)}"
            posted = await desk.adjust(after, JournalKind.JOINING, told)
            return _done(f"{reference}: {told}", posted)

    async def leave(
        self,
        subject: Subject,
        reference: str,
        force: str,
        last_day: date,
        day: date | None,
        reason: str,
    ) -> Done:
        """Let a force leave an annual charge after a day; the others bear it from then on."""
        content = {"charge": reference, "force": force, "last_day": last_day.isoformat()}
        async with posting_desk(self._office, subject, "leave", reason, day, content) as desk:
            charge = await desk.charge(reference)
            tenant = desk.force(force)
            posted = await end_participation(desk, charge, tenant, last_day)
            name = desk.forces[tenant].name
            return _done(f"{reference}: {name} takes part until {show_day(last_day)}", posted)

    async def invoice(
        self,
        subject: Subject,
        reference: str,
        year: FinancialYear,
        pence: int,
        document: str,
        day: date | None,
        reason: str,
    ) -> Done:
        """Enter a supplier's invoice, and invoice the forces for what they are committed to."""
        return await self._move(
            subject, JournalKind.INVOICE, reference, year, pence, document, day, reason
        )

    async def credit(
        self,
        subject: Subject,
        reference: str,
        year: FinancialYear,
        pence: int,
        document: str,
        day: date | None,
        reason: str,
    ) -> Done:
        """Enter a supplier's credit note, and credit the forces for what they were invoiced."""
        return await self._move(
            subject, JournalKind.CREDIT, reference, year, pence, document, day, reason
        )

    async def _move(
        self,
        subject: Subject,
        kind: JournalKind,
        reference: str,
        year: FinancialYear,
        pence: int,
        document: str,
        day: date | None,
        reason: str,
    ) -> Done:
        content = {"charge": reference, "year": str(year), "pence": pence}
        async with posting_desk(self._office, subject, kind.value, reason, day, content) as desk:
            charge = await desk.charge(reference)
            position = await journals.position(desk.session, charge.charge_id, year)
            check_pence(pence)
            is_invoice = kind is JournalKind.INVOICE
            entries = (posting.invoice if is_invoice else posting.credit)(position, pence)
            what = "invoice" if is_invoice else "credit note"
            told = f"{reference} {year}: {what} of {pounds(pence)}"
            return _done(told, [await desk.post(kind, told, entries, (charge, year), document)])

    async def receive(
        self,
        subject: Subject,
        force: str,
        pence: int,
        document: str,
        day: date | None,
        reason: str,
    ) -> Done:
        """Enter what a force paid."""
        content = {"force": force, "pence": pence}
        async with posting_desk(self._office, subject, "receive", reason, day, content) as desk:
            tenant = desk.force(force)
            entries = posting.receive(tenant, check_pence(pence))
            told = f"{desk.forces[tenant].name} paid {pounds(pence)}"
            return _done(
                told, [await desk.post(JournalKind.RECEIPT, told, entries, document=document)]
            )

    async def refund(
        self,
        subject: Subject,
        force: str,
        pence: int,
        document: str,
        day: date | None,
        reason: str,
    ) -> Done:
        """Pay a force back what stands to its credit."""
        content = {"force": force, "pence": pence}
        async with posting_desk(self._office, subject, "refund", reason, day, content) as desk:
            tenant = desk.force(force)
            owed = await journals.balance(desk.session, Account.OWED, tenant)
            entries = posting.refund(tenant, owed, check_pence(pence))
            told = f"{pounds(pence)} paid back to {desk.forces[tenant].name}"
            return _done(
                told, [await desk.post(JournalKind.REFUND, told, entries, document=document)]
            )

    async def pay(
        self, subject: Subject, pence: int, document: str, day: date | None, reason: str
    ) -> Done:
        """Enter what was paid to the supplier; never more than is owed to it."""
        async with posting_desk(
            self._office, subject, "pay", reason, day, {"pence": pence}
        ) as desk:
            owed = -await journals.balance(desk.session, Account.SUPPLIER)
            entries = posting.pay(owed, check_pence(pence))
            told = f"{pounds(pence)} paid to the supplier"
            return _done(
                told, [await desk.post(JournalKind.PAYMENT, told, entries, document=document)]
            )

    async def set_budget(
        self, subject: Subject, year: FinancialYear, pence: int, reason: str
    ) -> None:
        """Set what the board means to spend in a year; earlier budgets stay in the store."""
        content = {"year": str(year), "pence": pence}
        async with self._office.acting(
            subject, Action.LEDGER_POST, "ledger.budget", reason, content
        ) as acting:
            await repository.lock(acting.session)
            await repository.set_budget(
                acting.session, year, check_pence(pence), subject.username, reason.strip()
            )


async def _of_its_own(desk: Desk, reference: str, from_year: FinancialYear | None = None) -> Charge:
    """Return a charge that doesn't follow a change in what is to be done.

    What a change costs each year goes on when the change is done: forces that come to the
    consortium later join that, and it is quoted anew for the years after the one voted on.
    """
    charge = await desk.charge(reference)
    goes_on = charge.kind is ChargeKind.ANNUAL and (
        from_year is None or from_year > charge.first_year
    )
    if re.fullmatch(OF_CHANGES, reference) and not goes_on:
        raise ConflictError(
            f"{reference} follows its change: forces opt in to that, quotes are filed with it, "
            "and `athena governance changes settle` brings the accounts to it."
        )
    return charge


def _done(sentence: str, numbers: list[int | None] | list[int]) -> Done:
    return Done(f"{sentence}.", tuple(number for number in numbers if number is not None))
