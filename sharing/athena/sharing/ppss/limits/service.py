"""Counting calls against their caps, and stopping what is out of the ordinary."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from athena.platform.kernel.clock import LONDON
from athena.platform.kernel.database import Database, ReadSession
from athena.sharing.ppss.limits import repository
from athena.sharing.ppss.limits.models import USUAL, Recent, Thresholds
from athena.sharing.ppss.problems import DailyQuotaError, HourlyQuotaError
from athena.sharing.ppss.signatures.models import PPSS, Caller, Partner, Standing
from athena.sharing.ppss.signatures.repository import Used, run_for


async def count_call(database: Database, caller: Caller, standing: Standing) -> None:
    """Count a call, or refuse it: HourlyQuotaError, DailyQuotaError.

    It is counted in a transaction of its own, whatever becomes of it; a refused one is counted too.
    """
    async with database.write(PPSS) as session:
        await run_for(session, caller.partner.partner_id)
        hour = await repository.count(session, caller.partner, standing, "hour")
        day = await repository.count(session, caller.partner, standing, "day")
    check_caps(standing, Used(hour, day))


def check_caps(standing: Standing, used: Used) -> None:
    """Raise DailyQuotaError or HourlyQuotaError where more calls were made than may be."""
    if used.day > standing.daily_cap:
        raise DailyQuotaError(
            f"Under {standing.reference} you may make {standing.daily_cap} calls a day.",
            retry_after=_seconds_left(day=True),
        )
    if used.hour > standing.hourly_cap:
        raise HourlyQuotaError(
            f"Under {standing.reference} you may make {standing.hourly_cap} calls an hour.",
            retry_after=_seconds_left(day=False),
        )


async def watch(
    session: ReadSession,
    partner: Partner,
    agreement_id: UUID,
    recent: Recent,
    thresholds: Thresholds = USUAL,
) -> None:
    """Stop what comes after a check, in its own transaction, where a pattern is met."""
    cause = thresholds.cause(recent)
    if cause is not None:
        await repository.flag(session, partner.partner_id, agreement_id, cause)


def _seconds_left(*, day: bool) -> int:
    now = datetime.now(LONDON)
    if day:
        ends = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), LONDON)
    else:
        ends = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return max(1, int((ends - now).total_seconds()))
