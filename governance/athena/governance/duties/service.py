"""What a member has to do, as far as the member's roles let it be done."""

from __future__ import annotations

from athena.governance.acting import Office
from athena.governance.changes.desk import Desk
from athena.governance.duties.deriving import asked, of_client_body, of_finance
from athena.governance.duties.models import Duty, DutyKind, in_order
from athena.governance.duties.schemas import item_of
from athena.platform.kernel.identity import Subject, TenantKind
from athena.platform.kernel.worklist.listing import Waiting
from athena.platform.kernel.worklist.schemas import ShownItem
from athena.policies.roles.actions import Action

DONE_BY = {
    DutyKind.ASSESS: Action.GOVERNANCE_ASSESS,
    DutyKind.CLOSE_VOTE: Action.GOVERNANCE_MANAGE,
    DutyKind.COMMIT: Action.LEDGER_POST,
    DutyKind.CONFIRM: Action.GOVERNANCE_MANAGE,
    DutyKind.OPT_IN: Action.GOVERNANCE_OPT_IN,
    DutyKind.PREVIEW: Action.GOVERNANCE_FINANCE,
    DutyKind.REVIEW_CHANGE: Action.GOVERNANCE_MANAGE,
    DutyKind.REVIEW_RELEASE: Action.GOVERNANCE_MANAGE,
    DutyKind.SETTLE: Action.LEDGER_POST,
    DutyKind.VOTE: Action.GOVERNANCE_VOTE,
}
"""What a member's role must allow, for each kind."""


async def duties(desk: Desk, subject: Subject) -> list[Duty]:
    """Return what a member's force, or the client body, has to do that the member can do."""
    office = desk.office
    async with office.reading(subject, "duties.list") as reading:
        session, found = reading.session, list[Duty]()
        if subject.tenant_kind is TenantKind.FORCE:
            found += (await asked(session)).of(subject.tenant)
        if office.allows(subject, Action.GOVERNANCE_MANAGE):
            found += await of_client_body(session, subject.tenant)
        if office.allows(subject, Action.LEDGER_POST):
            found += await of_finance(session, subject.tenant)
    return in_order(
        duty
        for duty in found
        if office.allows(subject, DONE_BY[duty.kind])
        and (duty.members is None or subject.member_id in duty.members)
    )


def waiting_in(office: Office) -> Waiting:
    """Return how the worklist learns what waits for a member in governance."""
    desk = Desk(office)

    async def waiting(subject: Subject) -> list[ShownItem]:
        if not office.allows(subject, Action.GOVERNANCE_READ):
            return []
        return [item_of(duty) for duty in await duties(desk, subject)]

    return waiting
