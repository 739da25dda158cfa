"""Simulations over HTTP: what changed agreements would show. A changed policy isn't taken here."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Depends

from athena.platform.kernel.identity import Subject
from athena.platform.kernel.web import Caller, problems
from athena.policies.simulations.schemas import AskedToSimulate, Report
from athena.policies.simulations.service import asking, simulate
from athena.policies.visibility.service import Gate
from athena.policies.visibility.stated import parse_reason


def make_router(gate: Gate, caller: Caller) -> APIRouter:
    """Return the route of simulations."""
    router = APIRouter(prefix="/api/v1/agreements", tags=["agreements"])
    one_at_a_time = asyncio.Lock()  # each takes a core for seconds, which searches need too

    @router.post("/simulations", responses=problems())
    async def foresee(asked: AskedToSimulate, subject: Subject = Depends(caller)) -> Report:
        """Foresee what agreements would show as they would be; nothing is changed but the log.

        For AMO administrators and auditors. No record is read: labels and consultations are
        counted.
        """
        reason = parse_reason(asked.reason)
        question = asking(asked.agreements, asked.on, asked.roles, asked.last)
        async with one_at_a_time:
            return await simulate(gate, subject, question, reason)

    return router
