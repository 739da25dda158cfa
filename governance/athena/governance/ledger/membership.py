"""Who takes part in a charge: joining it, and ending a part in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from athena.governance.apportionment.money import FinancialYear, show_day
from athena.governance.ledger import repository
from athena.governance.ledger.desk import Desk
from athena.governance.ledger.models import Charge, ChargeKind, JournalKind, Participation
from athena.platform.kernel.database import ReadSession
from athena.platform.kernel.errors import ConflictError, InvalidInputError
from athena.platform.kernel.identity import TenantId
from athena.tenants.directory.models import Tenant


async def joined(
    session: ReadSession,
    forces: Mapping[TenantId, Tenant],
    charge: Charge,
    tenant: TenantId,
    joined_on: date,
) -> Charge:
    """Return a charge with one more force, until it withdraws where it gave notice."""
    name = forces[tenant].name
    FinancialYear.of(joined_on)
    before = [each for each in charge.taking_part if each.tenant_id == tenant]
    if charge.kind is ChargeKind.ONE_OFF and before:
        raise ConflictError(f"{name} takes part in {charge.reference} already.")
    if any(each.last_day is None or each.last_day >= joined_on for each in before):
        raise ConflictError(
            f"{name} takes part in {charge.reference} on {show_day(joined_on)} already."
        )
    if charge.kind is ChargeKind.ANNUAL and joined_on > charge.last_year.last_day:
        raise InvalidInputError(
            f"{charge.reference} ends on {show_day(charge.last_year.last_day)}.",
            field="/joined_on",
        )
    ends = [
        each.last_day for each in await repository.withdrawals(session) if each.tenant_id == tenant
    ]
    if ends and ends[0] < joined_on:
        raise ConflictError(f"{name} withdraws from the consortium on {show_day(ends[0])}.")
    last_day = ends[0] if ends and charge.kind is ChargeKind.ANNUAL else None
    joining = Participation(tenant, joined_on, last_day)
    return replace(charge, taking_part=[*charge.taking_part, joining])


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
