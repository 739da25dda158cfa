"""Referrals over HTTP: for officers in the API, for partners in their interface."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from athena.platform.kernel.database import Database
from athena.platform.kernel.identity import Subject
from athena.platform.kernel.permits import Permit
from athena.platform.kernel.web import Caller, ReasonHeader, problems, stated_reason
from athena.sharing.ppss.interface import signed
from athena.sharing.ppss.reading import Admit, Call
from athena.sharing.ppss.referrals.escalating import unanswered
from athena.sharing.ppss.referrals.receiving import ReceivedReferrals
from athena.sharing.ppss.referrals.schemas import (
    MOST_REFERRALS,
    LateReferral,
    OpenedReferral,
    Preview,
    ReferralAnswer,
    ReferralDraft,
    ReferralView,
    Withdrawal,
)
from athena.sharing.ppss.referrals.service import Referrals

Most = Annotated[int, Query(ge=1, le=MOST_REFERRALS)]
OnlyOpen = Annotated[bool, Query(alias="open", description="Only what waits for an answer")]


def make_partner_router(referrals: ReceivedReferrals, admit: Admit) -> APIRouter:
    """Return the routes by which a partner reads and answers what was referred to it."""
    router = APIRouter(tags=["referrals"])

    @router.get("/referrals", responses=problems(404, 413, 415), openapi_extra=signed())
    async def own(
        call: Call = Depends(admit), only_open: OnlyOpen = True, limit: Most = MOST_REFERRALS
    ) -> list[ReferralView]:
        """Return what was referred to your organisation, the most urgent first."""
        found = await referrals.of_partner(call.caller, limit, open_only=only_open)
        return [ReferralView.of(item) for item in found]

    @router.get(
        "/referrals/{referral_id}",
        responses=problems(404, 413, 415),
        response_model_exclude_none=True,
        openapi_extra=signed(),
    )
    async def show(referral_id: UUID, call: Call = Depends(admit)) -> OpenedReferral:
        """Return a referral with what was sent of the person."""
        found, record = await referrals.open(call.caller, referral_id)
        return OpenedReferral(referral=ReferralView.of(found), record=record)

    @router.post(
        "/referrals/{referral_id}/acknowledgement",
        responses=problems(404, 409, 413, 415),
        openapi_extra=signed(ReferralAnswer),
    )
    async def answer(referral_id: UUID, call: Call = Depends(admit)) -> ReferralView:
        """Say that you take a referral on, decline it, or need more."""
        said = call.read(ReferralAnswer)
        return ReferralView.of(await referrals.answer(call.caller, referral_id, said))

    return router


def make_router(referrals: Referrals, caller: Caller) -> APIRouter:
    """Return the routes by which officers refer people and follow what becomes of it."""
    router = APIRouter(prefix="/api/v1/referrals", tags=["referrals"])

    @router.get("", responses=problems())
    async def of_force(
        reason: ReasonHeader = None,
        only_open: OnlyOpen = True,
        limit: Most = MOST_REFERRALS,
        subject: Subject = Depends(caller),
    ) -> list[ReferralView]:
        """Return the own force's referrals, the most urgent first."""
        stated = stated_reason(reason)
        found = await referrals.of_force(subject, stated, limit, open_only=only_open)
        return [ReferralView.of(item) for item in found]

    @router.post("/preview", responses=problems(404, 409), response_model_exclude_none=True)
    async def preview(draft: ReferralDraft, subject: Subject = Depends(caller)) -> Preview:
        """Return exactly what would be sent, and send nothing."""
        return await referrals.preview(subject, draft)

    @router.post("", responses=problems(404, 409))
    async def send(draft: ReferralDraft, subject: Subject = Depends(caller)) -> ReferralView:
        """Refer a person to a partner under an agreement."""
        return ReferralView.of(await referrals.send(subject, draft))

    @router.get("/{referral_id}", responses=problems(404))
    async def show(
        referral_id: UUID, reason: ReasonHeader = None, subject: Subject = Depends(caller)
    ) -> ReferralView:
        """Return a referral of the own force as it stands."""
        stated = stated_reason(reason)
        return ReferralView.of(await referrals.show(subject, referral_id, stated))

    @router.post("/{referral_id}/withdraw", responses=problems(404, 409))
    async def withdraw(
        referral_id: UUID, act: Withdrawal, subject: Subject = Depends(caller)
    ) -> ReferralView:
        """Withdraw a referral; the partner is told because of what."""
        moved = await referrals.withdraw(subject, referral_id, act.reason, act.because)
        return ReferralView.of(moved)

    return router


def make_client_body_router(database: Database, caller: Caller, read: Permit) -> APIRouter:
    """Return the route by which the client body sees what partners leave unanswered."""
    router = APIRouter(prefix="/api/v1/partners", tags=["partners"])

    @router.get("/late-referrals", responses=problems())
    async def late(
        reason: ReasonHeader = None, subject: Subject = Depends(caller)
    ) -> list[LateReferral]:
        """Return referrals late by a further working day: whose they are, never of whom."""
        stated = stated_reason(reason)
        await read(subject, stated)
        async with database.read(subject.login) as session:
            return [LateReferral.of(item) for item in await unanswered(session, subject, stated)]

    return router
