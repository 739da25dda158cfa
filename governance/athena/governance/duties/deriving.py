"""What waits, worked out within an open transaction from what its login sees of governance."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, time
from uuid import UUID

from athena.governance.apportionment.money import FinancialYear
from athena.governance.bodies import repository as bodies
from athena.governance.bodies.models import Appointment
from athena.governance.changes import repository as changes
from athena.governance.changes import settling
from athena.governance.changes.desk import read
from athena.governance.changes.machine import State
from athena.governance.changes.models import WholeChange
from athena.governance.duties.models import (
    Duty,
    DutyKind,
    of_changes,
    of_releases,
    of_votes,
    to_close,
    to_preview,
    to_review,
    to_settle,
)
from athena.governance.ledger import repository as ledger
from athena.governance.ledger.journals import repository as journals
from athena.governance.ledger.models import ChargeKind
from athena.governance.releases import repository as releases
from athena.governance.releases.desk import read as read_release
from athena.governance.releases.machine import State as ReleaseState
from athena.governance.votes import repository as votes
from athena.governance.votes.models import Vote, VoteStatus
from athena.governance.votes.outcome import Ballot
from athena.platform.kernel.clock import LONDON, today
from athena.platform.kernel.database import ReadSession

_ENDED = {ReleaseState.CLOSED, ReleaseState.CANCELLED, ReleaseState.REVIEWED}


@dataclass(frozen=True, slots=True)
class Asked:
    """What forces are asked now: the changes to be answered, and the open votes."""

    changes: list[WholeChange]
    votes: list[tuple[Vote, list[Ballot]]]
    appointed: dict[UUID, list[Appointment]]
    """By the body; those in term today."""
    substituting: dict[UUID, bool]
    """By the vote, whether its constitution lets substitutes vote."""
    now: datetime

    def of(self, force: str) -> list[Duty]:
        """Return what a force has to do."""
        answers = of_changes(self.changes, force)
        ballots = of_votes(self.votes, force, self.now, self.appointed, self.substituting)
        return [*answers, *ballots]


async def asked(session: ReadSession) -> Asked:
    """Return what forces are asked, as the session sees it; ballots are its own force's or all."""
    found = await _in_states(session, {State.ASSESS, State.AUTHORISE})
    opened = await _open(session)
    appointed: dict[UUID, list[Appointment]] = {}
    substituting: dict[UUID, bool] = {}
    for vote in opened:
        if vote.body_id not in appointed:
            everyone = await bodies.appointments(session, vote.body_id)
            appointed[vote.body_id] = [item for item in everyone if item.in_term(today())]
        laws = await bodies.constitutions(session, vote.body_id)
        substituting[vote.vote_id] = laws[vote.constitution_version - 1].constitution.substitutes
    ballots = [(vote, await votes.ballots(session, vote.vote_id)) for vote in opened]
    return Asked(found, ballots, appointed, substituting, await votes.now(session))


async def of_client_body(session: ReadSession, tenant: str) -> list[Duty]:
    """Return what the client body's administrators have to do."""
    now = await votes.now(session)
    current = [
        await read_release(session, each.release_id)
        for each in await releases.releases(session)
        if each.state not in _ENDED
    ]
    return [
        *to_close(await _open(session), now, tenant),
        *to_review(await _in_states(session, {State.REVIEW}), tenant),
        *of_releases(current, tenant),
    ]


async def of_finance(session: ReadSession, tenant: str) -> list[Duty]:
    """Return what the client body's finance has to do."""
    found = await _in_states(session, set(State) - {State.NEW, State.REJECTED})
    unsettled = [whole for whole in found if await settling.is_unsettled(session, whole)]
    return [
        *to_preview(found, tenant),
        *(to_settle(whole, tenant) for whole in unsettled),
        *await _to_commit(session, tenant),
    ]


async def _to_commit(session: ReadSession, tenant: str) -> list[Duty]:
    """Return the charges that run this year, cost something, and aren't committed for it."""
    year = FinancialYear.of(today())
    found = []
    for charge in await ledger.charges(session):
        runs = charge.first_year <= year <= charge.last_year and charge.taking_part
        if charge.kind is not ChargeKind.ANNUAL or not runs or charge.pence(year) == 0:
            continue
        if year not in await journals.positions_of(session, charge.charge_id):
            duty = Duty(
                DutyKind.COMMIT,
                tenant,
                charge.reference,
                charge.title,
                datetime.combine(year.first_day, time(), LONDON),
                None,
                f"{charge.charge_id}/{year}",
                f"/api/v1/governance/ledger/charges/{charge.reference}/commit",
            )
            found.append(duty)
    return found


async def _open(session: ReadSession) -> list[Vote]:
    return [vote for vote in await votes.votes(session) if vote.status is VoteStatus.OPEN]


async def _in_states(session: ReadSession, states: Collection[State]) -> list[WholeChange]:
    return [
        await read(session, change.change_id)
        for change in await changes.changes(session)
        if change.state in states
    ]
