"""The accounts as the client body's finance keeps them: charges, invoices, payments, credits."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from uuid import uuid4

from athena.governance.acting import Office
from athena.governance.apportionment.money import FinancialYear, check_pence, pounds, show_day
from athena.governance.apportionment.service import stored_formula
from athena.governance.ledger import posting, repository
from athena.governance.ledger.desk import Desk, posting_desk
from athena.governance.ledger.journals import repository as journals
from athena.governance.ledger.models import (
    Account,
    Charge,
    ChargeKind,
    Done,
    JournalKind,
    Participation,
    Quote,
)
from athena.governance.ledger.schemas import NewCharge
from athena.platform.kernel.errors import ConflictError, InvalidInputError
from athena.platform.kernel.identity import Subject, TenantId
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
                charge = await _joined(desk, charge, tenant, joined_on)
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
            charge = await desk.charge(reference)
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
            charge = await desk.charge(reference)
            tenant = desk.force(force, active=True)
            joined = await _joined(desk, charge, tenant, joined_on)
            await repository.add_member(
                desk.session,
                charge.charge_id,
                joined.taking_part[-1],
                subject.username,
                desk.reason,
            )
            told = f"{desk.forces[tenant].name} takes part from {show_day(joined_on)}"
            posted = await desk.adjust(joined, JournalKind.JOINING, told)
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


async def end_participation(
    desk: Desk, charge: Charge, tenant: TenantId, last_day: date
) -> list[int]:
    """End a force's part in an annual charge after a day; return the journals that it posted."""
    name = desk.forces[tenant].name
    if charge.kind is ChargeKind.ONE_OFF:
        raise ConflictError(f"{charge.reference} is borne once; who agreed to it stays bound.")
    current = [
        each for each in charge.taking_part if each.tenant_id == tenant and each.last_day is None
    ]
    if not current:
        raise ConflictError(f"{name} doesn't take part in {charge.reference}, or has left it.")
    if last_day < current[0].joined_on:
        raise InvalidInputError(
            f"{name} takes part from {show_day(current[0].joined_on)}; it can't end before that.",
            field="/last_day",
        )
    left = replace(
        charge,
        taking_part=[
            replace(each, last_day=last_day) if each == current[0] else each
            for each in charge.taking_part
        ],
    )
    await repository.end_membership(desk.session, charge.charge_id, tenant, last_day)
    told = f"{name} takes part until {show_day(last_day)}"
    return await desk.adjust(left, JournalKind.LEAVING, told)


async def _joined(desk: Desk, charge: Charge, tenant: TenantId, joined_on: date) -> Charge:
    """Return a charge with one more force, until it withdraws where it gave notice."""
    name = desk.forces[tenant].name
    FinancialYear.of(joined_on)
    before = [each for each in charge.taking_part if each.tenant_id == tenant]
    if charge.kind is ChargeKind.ONE_OFF and before:
        raise ConflictError(f"{name} takes part in {charge.reference} already.")
    if any(each.last_day is None or each.last_day >= joined_on for each in before):
        raise ConflictError(
            f"{name} takes part in {charge.reference} on {show_day(joined_on)} already."
        )
    if joined_on > charge.last_year.last_day:
        raise InvalidInputError(
            f"{charge.reference} ends on {show_day(charge.last_year.last_day)}.",
            field="/joined_on",
        )
    ends = [
        each.last_day
        for each in await repository.withdrawals(desk.session)
        if each.tenant_id == tenant
    ]
    if ends and ends[0] < joined_on:
        raise ConflictError(f"{name} withdraws from the consortium on {show_day(ends[0])}.")
    last_day = ends[0] if ends and charge.kind is ChargeKind.ANNUAL else None
    joining = Participation(tenant, joined_on, last_day)
    return replace(charge, taking_part=[*charge.taking_part, joining])


def _done(sentence: str, numbers: list[int | None] | list[int]) -> Done:
    return Done(f"{sentence}.", tuple(number for number in numbers if number is not None))
