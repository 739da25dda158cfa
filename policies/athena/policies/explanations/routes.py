"""Explanations over HTTP. The purpose and the reason of asking come in headers."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Depends

from athena.platform.kernel.identity import NominalId, Subject
from athena.platform.kernel.web import Caller, problems
from athena.policies.explanations.schemas import AskedOfNominal, Explanation
from athena.policies.explanations.service import Explainer
from athena.policies.visibility.service import Gate
from athena.policies.visibility.stated import Stated


def make_router(gate: Gate, caller: Caller) -> APIRouter:
    """Return the routes of past decisions."""
    router = APIRouter(prefix="/api/v1/decisions", tags=["decisions"])
    explainer = Explainer(gate)

    @router.get("/{decision_id}", responses=problems(404))
    async def explain(
        decision_id: UUID,
        stated: Stated,
        subject: Subject = Depends(caller),
    ) -> Explanation:
        """Explain a past decision: role, agreement, rule, grant, label, and what would show more.

        A member may ask of his own decisions, a data protection officer of those of his force,
        an auditor of all.
        """
        return await explainer.decision(subject, decision_id, stated.purpose, stated.reason)

    @router.post("/explanations", responses=problems(404))
    async def explain_nominal(
        asked: AskedOfNominal,
        stated: Stated,
        subject: Subject = Depends(caller),
    ) -> Explanation:
        """Explain what a nominal shows now: to oneself, or to another member where one may ask.

        An auditor names a member; a data protection officer may. Of a nominal that the caller
        can't see there is no explanation, as if it didn't exist, unless he is an auditor.
        """
        purpose, reason = stated.purpose, stated.reason
        member = (
            await explainer.member(subject, asked.member, purpose, reason) if asked.member else None
        )
        nominal_id = NominalId(asked.nominal_id)
        return await explainer.nominal(subject, nominal_id, purpose, reason, member)

    return router
