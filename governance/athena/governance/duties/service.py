"""What a member has to do, as far as the member's roles let it be done."""

from __future__ import annotations

from athena.governance.changes import settling
from athena.governance.changes import repository as changes
from athena.governance.changes.desk import Desk, read
from athena.governance.changes.machine import State
from athena.governance.changes.models import WholeChange
from athena.governance.duties.models import Duty, DutyKind, in_order, of_changes, of_votes
from athena.governance.votes import repository as votes
from athena.governance.votes.models import VoteStatus
from athena.platform.kernel.database import ReadSession
from athena.platform.kernel.identity import Subject, TenantKind
from athena.policies.roles.actions import Action

_DONE_BY = {
    DutyKind.ASSESS: Action.GOVERNANCE_ASSESS,
    DutyKind.OPT_IN: Action.GOVERNANCE_OPT_IN,
    DutyKind.SETTLE: Action.LEDGER_POST,
    DutyKind.VOTE: Action.GOVERNANCE_VOTE,
}


async def duties(desk: Desk, subject: Subject) -> list[Duty]:
    """Return what a member's force, or finance, has to do that the member can do."""
    async with desk.office.reading(subject, "duties.list") as reading:
        session = reading.session
        if subject.tenant_kind is TenantKind.FORCE:
            asked = await _in_states(session, {State.ASSESS, State.AUTHORISE})
            found = of_changes(asked, subject.tenant)
            opened = [
                (vote, await votes.ballots(session, vote.vote_id))
                for vote in await votes.votes(session)
                if vote.status is VoteStatus.OPEN
            ]
            found += of_votes(opened, subject.tenant, await votes.now(session))
        elif desk.office.allows(subject, Action.LEDGER_POST):
            found = [
                Duty(DutyKind.SETTLE, whole.change.reference, whole.change.title, None)
                for whole in await _in_states(session, set(State) - {State.NEW, State.REJECTED})
                if await settling.is_unsettled(session, whole)
            ]
        else:
            found = []
    return in_order(duty for duty in found if desk.office.allows(subject, _DONE_BY[duty.kind]))


async def _in_states(session: ReadSession, states: set[State]) -> list[WholeChange]:
    return [
        await read(session, change.change_id)
        for change in await changes.changes(session)
        if change.state in states
    ]
