"""Person checks over HTTP."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Response

from athena.platform.kernel.web import problems
from athena.sharing.ppss.interface import signed
from athena.sharing.ppss.person_checks.schemas import CheckAnswer, PersonCheck
from athena.sharing.ppss.person_checks.service import PersonChecks, Question
from athena.sharing.ppss.reading import Arrive, Arrived


def make_router(checks: PersonChecks, arrive: Arrive) -> APIRouter:
    """Return the routes of person checks."""
    router = APIRouter(tags=["person checks"])

    @router.post(
        "/person-checks",
        response_model=CheckAnswer,
        responses=problems(404, 409, 410, 413, 415, 429),
        openapi_extra=signed(PersonCheck, idempotent=True),
    )
    async def check(arrived: Arrived = Depends(arrive)) -> Response:
        """Ask whether a person is known, as far as the agreement lets the partner know it."""

        def read() -> Question:
            return Question(
                arrived.read(PersonCheck), arrived.idempotency_key, arrived.message.body
            )

        answer = await checks.answer(arrived.arrival, read)
        return Response(answer, media_type="application/json")

    return router
