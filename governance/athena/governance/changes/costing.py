"""What a change costs each force: worked out before the vote, bound in the accounts by it.

A preview that the platform works out names a version of a formula and a year whose bases are
frozen; neither ever changes, so what is bound is what was previewed, to the penny. The vote's
outcome binds it by rule: whoever closes the vote decides nothing about the money.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date
from uuid import uuid4

from athena.governance.acting import Acting
from athena.governance.apportionment.money import FinancialYear, pounds
from athena.governance.apportionment.service import forces, stored_formula
from athena.governance.changes import repository
from athena.governance.changes.desk import Desk, find, read
from athena.governance.changes.document import Preview
from athena.governance.changes.machine import State
from athena.governance.changes.models import Change, WholeChange
from athena.governance.ledger import posting
from athena.governance.ledger import repository as ledger
from athena.governance.ledger.desk import Desk as PostingDesk
from athena.governance.ledger.desk import desk_of, find_charge, share
from athena.governance.ledger.membership import joined
from athena.governance.ledger.models import (
    OF_CHANGES,
    Charge,
    ChargeKind,
    Done,
    JournalKind,
    Participation,
    Position,
    Quote,
)
from athena.platform.kernel.clock import LONDON, today
from athena.platform.kernel.database import ReadSession
from athena.platform.kernel.errors import ConflictError, InvalidInputError
from athena.platform.kernel.identity import Subject, TenantId
from athena.policies.roles.actions import Action
from athena.tenants.directory.models import Tenant

Everyone = Mapping[TenantId, Tenant]


async def work_out(
    session: ReadSession, whole: WholeChange, formula: str, year: str, payers: Collection[str]
) -> Preview:
    """Return what each payer would bear of the one-off cost; what isn't frozen can't bind."""
    if not payers:
        raise InvalidInputError("No force takes part yet, so there is nobody to share the cost.")
    everyone = await forces(session)
    charge = await _charge(session, whole, formula, FinancialYear.parse(year), payers, everyone)
    shared = (await share(session, charge, charge.first_year, everyone)).by_force()
    return Preview(
        formula=f"{charge.formula_reference}/{charge.formula_version}",
        financial_year=str(charge.first_year),
        shares_pence={everyone[tenant].slug: pence for tenant, pence in sorted(shared.items())},
    )


async def bind(acting: Acting, whole: WholeChange) -> str | None:
    """Commit the forces to the shares that they voted on; return the charge's reference.

    None where the change costs nothing once, or nobody had the platform work the shares out.
    """
    preview, pence = whole.standing().preview, whole.one_off_pence()
    if preview is None or preview.financial_year is None or pence == 0:
        return None
    desk = await desk_of(acting)
    year = FinancialYear.parse(preview.financial_year)
    charge = await _charge(
        acting.session, whole, preview.formula, year, preview.shares_pence, desk.forces
    )
    shared = (await desk.share(charge, year)).by_force()
    if {desk.forces[tenant].slug: share for tenant, share in shared.items()} != dict(
        preview.shares_pence
    ):
        raise ConflictError(
            "The previewed shares aren't what the formula gives: they were written past this "
            "platform. Cancel the vote, and preview the shares again."
        )
    reference = await _next_reference(acting.session, whole.change)
    charge = replace(charge, reference=reference)
    await ledger.store_charge(acting.session, charge, acting.subject.username, acting.reason)
    told = f"{reference} {year}: committed by vote, {pounds(pence)}"
    entries = posting.commit(Position(), shared)
    await desk.post(JournalKind.COMMITMENT, told, entries, (charge, year))
    await acting.tell("ledger.commit", {"charge": reference, "year": str(year), "pence": pence})
    return reference


async def requote(acting: Acting, reference: str, pence: int, why: str) -> list[int]:
    """Bring a bound charge to another cost, nought where it is released; return the journals.

    ConflictError where more was invoiced: the supplier's credit note comes first.
    """
    desk = await desk_of(acting)
    charge = await desk.charge(reference)
    if charge.pence(charge.first_year) == pence:
        return []
    return await _requote(desk, charge, pence, why)


async def check_joining(session: ReadSession, whole: WholeChange, tenant: TenantId) -> None:
    """Refuse a force that couldn't share a bound cost, before it says that it takes part."""
    bound = whole.bound_charge()
    if bound is None:
        return
    charge = await find_charge(session, bound)
    everyone = await forces(session)
    for each, day in (*_waiting(whole, charge, everyone), (tenant, today())):
        charge = await joined(session, everyone, charge, each, day)
    await share(session, charge, charge.first_year, everyone)


async def is_unsettled(session: ReadSession, whole: WholeChange) -> bool:
    """Whether the accounts say otherwise than the change, so that finance must settle it."""
    carried = whole.standing().carried
    if carried is None or carried.charge is None:
        return False
    if whole.change.state is State.WITHDRAWN:
        charge = await find_charge(session, carried.charge)
        return charge.pence(charge.first_year) != 0
    if whole.bound_charge() is None or not whole.document.optional:
        return False
    charge = await find_charge(session, carried.charge)
    return bool(_waiting(whole, charge, await forces(session)))


async def settle(desk: Desk, subject: Subject, name: str, reason: str) -> Done:
    """Bring the accounts to what a change says now.

    Forces that opted in after the vote pay their shares and the earlier ones are credited; a
    change that was withdrawn costs nobody anything more.
    """
    async with desk.office.acting(
        subject, Action.LEDGER_POST, "changes.settle", reason, {"change": name}
    ) as acting:
        change_id = await find(acting.session, name)
        await repository.lock(acting.session, change_id)
        return await settle_within(acting, await read(acting.session, change_id))


async def settle_within(acting: Acting, whole: WholeChange) -> Done:
    """Settle a change that is locked, in the transaction of another act on it."""
    change, carried = whole.change, whole.standing().carried
    if carried is None or carried.charge is None:
        return Done(f"{change.reference} has no cost that a vote has bound.", ())
    if change.state is State.WITHDRAWN:
        posted = await requote(acting, carried.charge, 0, "released, the change was withdrawn")
        return _settled(change, posted)
    if whole.bound_charge() is None:
        return Done(f"{change.reference} waits for another vote, so nothing is bound.", ())
    posting_desk = await desk_of(acting)
    charge = await posting_desk.charge(carried.charge)
    numbers: list[int] = []
    for tenant, day in _waiting(whole, charge, posting_desk.forces):
        charge = await joined(acting.session, posting_desk.forces, charge, tenant, day)
        await ledger.add_member(
            acting.session,
            charge.charge_id,
            charge.taking_part[-1],
            acting.subject.username,
            acting.reason,
        )
        told = f"{posting_desk.forces[tenant].name} takes part"
        numbers += await posting_desk.adjust(charge, JournalKind.JOINING, told)
    return _settled(change, numbers)


def _settled(change: Change, posted: list[int]) -> Done:
    if not posted:
        return Done(f"{change.reference} is settled already.", ())
    return Done(f"{change.reference} is settled.", tuple(posted))


def _waiting(whole: WholeChange, charge: Charge, everyone: Everyone) -> list[tuple[TenantId, date]]:
    """Return who opted in to a bound charge and isn't in the accounts yet, the earliest first."""
    numbers = {each.slug: tenant for tenant, each in everyone.items()}
    members = set(charge.members())
    return [
        (numbers[slug], at.astimezone(LONDON).date())
        for slug, at in sorted(whole.standing().participants.items(), key=lambda item: item[1])
        if whole.document.optional and numbers[slug] not in members
    ]


async def _requote(desk: PostingDesk, charge: Charge, pence: int, why: str) -> list[int]:
    quote = Quote(charge.first_year, pence)
    await ledger.add_quote(
        desk.session, charge.charge_id, quote, desk.acting.subject.username, desk.reason
    )
    await desk.acting.tell("ledger.requote", {"charge": charge.reference, "pence": pence})
    quoted = replace(charge, quotes=[*charge.quotes, quote])
    return await desk.adjust(quoted, JournalKind.REQUOTE, why)


async def _charge(
    session: ReadSession,
    whole: WholeChange,
    formula: str,
    year: FinancialYear,
    payers: Collection[str],
    everyone: Everyone,
) -> Charge:
    stored = await stored_formula(session, formula)
    numbers = {each.slug: tenant for tenant, each in everyone.items()}
    return Charge(
        uuid4(),
        whole.change.reference,
        whole.change.title,
        ChargeKind.ONE_OFF,
        stored.reference,
        stored.version,
        stored.formula,
        year,
        year,
        None,
        whole.change.reference,
        [Quote(year, whole.one_off_pence())],
        [Participation(numbers[slug], today()) for slug in sorted(payers)],
    )


async def _next_reference(session: ReadSession, change: Change) -> str:
    """Return the change's own reference, or with a number where a vote on it bound one before."""
    before = [
        each
        for each in await ledger.charges(session)
        if re.fullmatch(OF_CHANGES, each.reference)
        and each.reference.split("-")[:2] == change.reference.split("-")
    ]
    return f"{change.reference}-{len(before) + 1}" if before else change.reference
