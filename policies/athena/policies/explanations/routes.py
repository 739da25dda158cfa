"""Explanations over HTTP. The purpose and the reason of asking come in headers."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header

from athena.platform.kernel.identity import NominalId, Subject
from athena.platform.kernel.web import Caller, header_text, problems
from athena.policies.explanations.schemas import AskedOfNominal, Explanation
from athena.policies.explanations.service import Explainer
from athena.policies.visibility.service import Gate, parse_purpose, parse_reason


def make_router(gate: Gate, caller: Caller) -> APIRouter:
    """Return the routes of past decisions."""
    router = APIRouter(prefix="/api/v1/decisions", tags=["decisions"])
    explainer = Explainer(gate)

    @router.get("/{decision_id}", responses=problems(404))
    async def explain(
        decision_id: UUID,
        purpose: Annotated[str | None, Header(alias="Athena-Purpose")] = None,
        reason: Annotated[str | None, Header(alias="Athena-Reason")] = None,
        subject: Subject = Depends(caller),
    ) -> Explanation:
        """Explain a past decision: role, agreement, rule, grant, label, and what would show more.

        A member may ask of his own decisions, a data protection officer of those of his force,
        an auditor of all.
        """
        return await explainer.decision(
            subject, decision_id, parse_purpose(purpose), parse_reason(header_text(reason))
        )

    @router.post("/explanations", responses=problems(404))
    async def explain_nominal(
        asked: AskedOfNominal,
        purpose: Annotated[str | None, Header(alias="Athena-Purpose")] = None,
        reason: Annotated[str | None, Header(alias="Athena-Reason")] = None,
        subject: Subject = Depends(caller),
    ) -> Explanation:
        """Explain what a nominal shows now: to oneself, or to another member where one may ask.

        An auditor names a member; a data protection officer may. Of a nominal that the caller
        can't see there is no explanation, as if it didn't exist, unless he is an auditor.
        """
        stated, why = parse_purpose(purpose), parse_reason(header_text(reason))
        member = (
            await explainer.member(subject, asked.member, stated, why) if asked.member else None
        )
        nominal_id = NominalId(asked.nominal_id)
        return await explainer.nominal(subject, nominal_id, stated, why, member)

    return router
