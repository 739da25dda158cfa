"""What goes on in governance: changes by state, open votes, costs against budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from athena.governance.acting import Office
from athena.governance.apportionment.money import FinancialYear
from athena.governance.changes import repository as changes
from athena.governance.changes.machine import State
from athena.governance.changes.models import Change
from athena.governance.ledger.reading import Reader
from athena.governance.ledger.statements import Forecast
from athena.governance.votes import repository as votes
from athena.governance.votes.models import Vote, VoteStatus
from athena.platform.kernel.clock import today
from athena.platform.kernel.errors import RefusedError
from athena.platform.kernel.identity import Subject, TenantKind

NEWEST_MINUTES = 10


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything that goes on, at a moment."""

    by_state: dict[State, int]
    changes: Sequence[Change]
    """Those that haven't ended, the newest first."""
    open_votes: Sequence[Vote]
    closed_votes: Sequence[Vote]
    """The newest that have a minute."""
    years: Sequence[Forecast]
    """This financial year and the next."""


async def overview(office: Office, reader: Reader, subject: Subject) -> Overview:
    """Return what goes on, for oversight and for the client body; RefusedError for forces."""
    async with office.reading(subject, "oversight.show") as reading:
        if subject.tenant_kind is TenantKind.FORCE:
            raise RefusedError(
                "This is oversight's view; a force reads changes, votes and its own accounts."
            )
        every = await changes.changes(reading.session)
        asked = await votes.votes(reading.session)
    this_year = FinancialYear.of(today())
    years = [(await reader.forecast(subject, year))[0] for year in (this_year, this_year.next())]
    ended = {State.CLOSED, State.REJECTED, State.WITHDRAWN}
    return Overview(
        {state: sum(item.state is state for item in every) for state in State},
        [item for item in every if item.state not in ended],
        [vote for vote in asked if vote.status is VoteStatus.OPEN],
        [vote for vote in asked if vote.status is VoteStatus.CLOSED][:NEWEST_MINUTES],
        years,
    )
