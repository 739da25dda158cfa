"""The accounts follow a change after the vote: its quotes, who joins it, its withdrawal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from athena.governance.acting import Acting
from athena.governance.apportionment.money import pounds
from athena.governance.apportionment.service import forces
from athena.governance.changes import repository
from athena.governance.changes.costing import Everyone
from athena.governance.changes.desk import Desk, find, read
from athena.governance.changes.machine import State
from athena.governance.changes.models import Change, WholeChange
from athena.governance.ledger import joining
from athena.governance.ledger import repository as ledger
from athena.governance.ledger.desk import Desk as PostingDesk
from athena.governance.ledger.desk import desk_of, find_charge, share
from athena.governance.ledger.journals import repository as journals
from athena.governance.ledger.membership import joined
from athena.governance.ledger.models import Charge, ChargeKind, Done, JournalKind, Quote
from athena.platform.kernel.clock import LONDON, today
from athena.platform.kernel.database import ReadSession
from athena.platform.kernel.identity import Subject, TenantId
from athena.policies.roles.actions import Action


async def follow_quote(acting: Acting, whole: WholeChange) -> None:
    """Bring the bound charges to a new quote; ConflictError where more was invoiced."""
    desk = await desk_of(acting)
    for reference in whole.bound_charges():
        charge = await desk.charge(reference)
        pence = _cost(whole, charge)
        await _requote(desk, charge, pence, f"new quote, {pounds(pence)}")


async def release(acting: Acting, references: Iterable[str], why: str) -> list[int]:
    """Bring bound charges to nought; return the journals that were posted.

    ConflictError where more was invoiced: the supplier's credit note comes first.
    """
    desk = await desk_of(acting)
    numbers: list[int] = []
    for reference in references:
        numbers += await _requote(desk, await desk.charge(reference), 0, why)
    return numbers


def is_unbound(before: WholeChange, after: WholeChange) -> bool:
    """Whether a quote asks a sort of cost that was none when the forces were bound."""
    carried = before.standing().carried
    if carried is None or not carried.charges:
        return False
    once = carried.charge is None and before.one_off_pence() == 0 < after.one_off_pence()
    yearly = carried.annual_charge is None and before.annual_pence() == 0 < after.annual_pence()
    return once or yearly


async def join(acting: Acting, whole: WholeChange) -> None:
    """Let the force that just opted in bear its share of every bound charge, and credit the others.

    In the transaction of opting in: what can't be shared refuses that too.
    """
    tenant, session = acting.subject.tenant_id, acting.session
    everyone = await forces(session)
    for reference in whole.bound_charges():
        await ledger.lock(session)
        charge = await find_charge(session, reference)
        if _is_over(charge, today()):
            continue
        after = await joined(session, everyone, charge, tenant, _first_day(charge, today()))
        targets = {
            year: (await share(session, after, year, everyone)).by_force()
            for year in charge.first_year.to(charge.last_year)
        }
        posted = await joining.post(acting, whole.change.change_id, after, targets)
        await acting.tell("ledger.join", {"charge": reference, "journals": posted})


async def is_unsettled(session: ReadSession, whole: WholeChange) -> bool:
    """Whether the accounts say otherwise than the change, so that finance must settle it."""
    carried = whole.standing().carried
    if carried is None:
        return False
    if whole.change.state is State.WITHDRAWN:
        charges = [await find_charge(session, reference) for reference in carried.charges]
        return any(charge.pence(charge.first_year) != 0 for charge in charges)
    if not whole.document.optional:
        return False
    everyone = await forces(session)
    for reference in whole.bound_charges():
        charge = await find_charge(session, reference)
        if _waiting(whole, charge, everyone):
            return True
        for year, position in (await journals.positions_of(session, charge.charge_id)).items():
            shared = (await share(session, charge, year, everyone)).by_force()
            if any(position.total_of(tenant) != shared.get(tenant, 0) for tenant in everyone):
                return True
    return False


async def settle(desk: Desk, subject: Subject, name: str, reason: str) -> Done:
    """Bring the accounts to what a change says now.

    Forces that opted in and aren't in the accounts yet pay their shares and the earlier ones are
    credited; a change that was withdrawn costs nobody anything more.
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
    if carried is None or not carried.charges:
        return Done(f"{change.reference} has no cost that a vote has bound.", ())
    if change.state is State.WITHDRAWN:
        posted = await release(acting, carried.charges, "released, the change was withdrawn")
        return _settled(change, posted)
    if not whole.bound_charges():
        return Done(f"{change.reference} waits for another vote, so nothing is bound.", ())
    desk = await desk_of(acting)
    numbers: list[int] = []
    for reference in whole.bound_charges():
        numbers += await _settle_charge(desk, whole, await desk.charge(reference))
    return _settled(change, numbers)


async def _settle_charge(desk: PostingDesk, whole: WholeChange, charge: Charge) -> list[int]:
    told, session, acting = "brought to what was agreed", desk.session, desk.acting
    for tenant, day in _waiting(whole, charge, desk.forces):
        charge = await joined(session, desk.forces, charge, tenant, _first_day(charge, day))
        await ledger.add_member(
            session,
            charge.charge_id,
            charge.taking_part[-1],
            acting.subject.username,
            acting.reason,
        )
        told = f"{desk.forces[tenant].name} takes part"
    return await desk.adjust(charge, JournalKind.JOINING, told)


def _settled(change: Change, posted: list[int]) -> Done:
    if not posted:
        return Done(f"{change.reference} is settled already.", ())
    return Done(f"{change.reference} is settled.", tuple(posted))


def _waiting(whole: WholeChange, charge: Charge, everyone: Everyone) -> list[tuple[TenantId, date]]:
    """Return who opted in to a bound charge and isn't in the accounts yet, the earliest first."""
    numbers = {each.slug: tenant for tenant, each in everyone.items()}
    members = set(charge.members())
    opted = [
        (numbers[slug], at.astimezone(LONDON).date())
        for slug, at in sorted(whole.standing().participants.items(), key=lambda item: item[1])
        if whole.document.optional
    ]
    return [
        (tenant, day)
        for tenant, day in opted
        if tenant not in members and not _is_over(charge, day)
    ]


def _is_over(charge: Charge, day: date) -> bool:
    """Whether nobody joins a charge any more on a day: the last year of its cost has passed."""
    return charge.kind is ChargeKind.ANNUAL and day > charge.last_year.last_day


def _first_day(charge: Charge, day: date) -> date:
    """Return from which day a force that opts in on a day bears a charge."""
    return day if charge.kind is ChargeKind.ONE_OFF else max(day, charge.first_year.first_day)


def _cost(whole: WholeChange, charge: Charge) -> int:
    annual = charge.kind is ChargeKind.ANNUAL
    return whole.annual_pence() if annual else whole.one_off_pence()


async def _requote(desk: PostingDesk, charge: Charge, pence: int, why: str) -> list[int]:
    if charge.pence(charge.first_year) == pence:
        return []
    quote = Quote(charge.first_year, pence)
    await ledger.add_quote(
        desk.session, charge.charge_id, quote, desk.acting.subject.username, desk.reason
    )
    await desk.acting.tell("ledger.requote", {"charge": charge.reference, "pence": pence})
    quoted = replace(charge, quotes=[*charge.quotes, quote])
    return await desk.adjust(quoted, JournalKind.REQUOTE, why)
