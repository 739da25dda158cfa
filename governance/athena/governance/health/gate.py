"""The gate before the next ring: it passes, it holds, or there is too little to tell."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from athena.governance.health import repository
from athena.governance.health.models import (
    BOUNDS,
    Budget,
    Counts,
    Figures,
    Outcome,
    Verdict,
)
from athena.platform.kernel.database import ReadSession
from athena.platform.kernel.identity import TenantId

__all__ = ["Budget", "Figures", "Outcome", "Verdict", "judge", "weigh"]


async def judge(
    session: ReadSession, forces: Sequence[TenantId], since: datetime, budget: Budget
) -> Verdict:
    """Judge what every process has answered these forces since a moment.

    ``since`` is the store's time of the switch: requests from before it never count. The session
    must be the client body's or oversight's, because a force's sees its own counts alone.
    """
    return weigh(await repository.total(session, forces, since), budget)


def weigh(counts: Counts, budget: Budget) -> Verdict:
    """Return what counts come to under a budget: a pure function of both."""
    figures = Figures(counts.requests, counts.errors, counts.p95())
    if counts.requests < budget.minimum_requests:
        said = (
            f"Held: {counts.requests:,} requests are too few to judge by; "
            f"it takes {budget.minimum_requests:,}."
        )
        return Verdict(Outcome.TOO_LITTLE, said, figures)
    failed = counts.errors > budget.rate * counts.requests
    p95 = figures.p95_milliseconds
    slow = p95 is None or p95 > budget.p95_milliseconds
    took = f"more than {BOUNDS[-1]:,.0f}" if p95 is None else f"at most {p95:,.0f}"
    said = (
        f"{'Held' if failed or slow else 'Passed'}: {counts.requests:,} requests, of which "
        f"{counts.errors:,} failed ({_percent(counts.errors / counts.requests)}; the budget is "
        f"{_percent(float(budget.rate))}), and 95 in 100 took {took} milliseconds (the budget is "
        f"{budget.p95_milliseconds:,})."
    )
    return Verdict(Outcome.HOLD if failed or slow else Outcome.PASS, said, figures)


def _percent(share: float) -> str:
    return f"{share * 100:.2f}".rstrip("0").rstrip(".") + " %"
