"""Explanations over HTTP. The purpose and the reason of asking come in headers."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header

from athena.platform.kernel.identity import Subject
from athena.platform.kernel.web import Caller, header_text, problems
from athena.policies.explanations.schemas import Explanation
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

    return router
