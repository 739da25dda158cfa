"""What the API answers about everything that goes on."""

from __future__ import annotations

from pydantic import BaseModel

from athena.governance.changes.machine import State
from athena.governance.changes.schemas import ChangeOverview
from athena.governance.oversight.service import Overview
from athena.governance.votes.schemas import VoteOverview


class YearView(BaseModel):
    """What a year is to cost, what of it is committed and invoiced, and the budget."""

    financial_year: str
    sentence: str
    budget_pence: int | None
    forecast_pence: int
    committed_pence: int
    invoiced_pence: int


class OverviewView(BaseModel):
    """Everything that goes on in governance; it holds nothing of any record."""

    by_state: dict[State, int]
    changes: list[ChangeOverview]
    open_votes: list[VoteOverview]
    closed_votes: list[VoteOverview]
    years: list[YearView]

    @classmethod
    def of(cls, found: Overview) -> OverviewView:
        """Return it as the API answers."""
        return cls(
            by_state=found.by_state,
            changes=[ChangeOverview.of(item) for item in found.changes],
            open_votes=[VoteOverview.of(vote) for vote in found.open_votes],
            closed_votes=[VoteOverview.of(vote) for vote in found.closed_votes],
            years=[
                YearView(
                    financial_year=str(each.year),
                    sentence=each.sentence(),
                    budget_pence=each.budget,
                    forecast_pence=each.total,
                    committed_pence=sum(line.committed for line in each.lines),
                    invoiced_pence=sum(line.invoiced for line in each.lines),
                )
                for each in found.years
            ],
        )
