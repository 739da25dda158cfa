"""How many persons a second a batch of person checks gets through, where one process answers it.

The batch is taken in, answered and told of by the code that serves partners, over the store alone.
Answering is what is timed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

from athena.platform.kernel.settings import Settings
from athena.platform.kernel.store import Store
from athena.platform.runtime import Runtime, running
from athena.sharing.ppss.batches import repository
from athena.sharing.ppss.batches.schemas import MOST_ITEMS, Batch
from athena.sharing.ppss.batches.service import PersonCheckBatches
from athena.sharing.ppss.batches.worker import BatchWorker
from athena.sharing.ppss.onboarding import service as onboarding
from athena.sharing.ppss.problems import UnderReviewError
from athena.sharing.ppss.signatures.models import PPSS, Caller
from athena.sharing.ppss.signatures.repository import run_for
from athena.sharing.ppss.signatures.signing import Asker
from athena.tenants.directory.service import load_directory
from athena.tenants.members.service import subject_by_username

_REASON = "The measurement goes on"


async def time_batch(
    store: Store,
    settings: Settings,
    asker: Asker,
    partner: str,
    administrator: str,
    checks: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Ask a partner's person checks, of one purpose and reason, in one batch; return the rate.

    Checks beyond the most that a batch may have are left out. RuntimeError where not all is
    answered.
    """
    batch = _batch(checks[:MOST_ITEMS])
    async with running(store, settings) as runtime:
        caller = await runtime.checks.door.resume(
            (await load_directory(runtime.database)).by_slug(partner).tenant_id,
            asker.key_id,
            asker.user,
            asker.role,
            asker.agreement,
        )
        batches, worker = PersonCheckBatches(runtime.checks), BatchWorker(runtime.checks)
        question = (uuid4().hex, batch.model_dump_json().encode())
        await _lift(runtime, administrator)
        now, seconds = await batches.submit(caller, batch, question), 0.0
        await _stop(runtime, administrator, partner, asker.agreement)
        while True:
            begun = time.perf_counter()
            await worker.answer_waiting()
            seconds += time.perf_counter() - begun
            now = await batches.progress(caller, now.batch_id)
            if now.paused_because != UnderReviewError.slug:
                break
            await _lift(runtime, administrator)
            await _resume(runtime, caller, now.batch_id)
    if now.answered < now.received:
        raise RuntimeError(
            f"Of a batch of {now.received} checks {now.refused} were refused, and {now.left} are "
            f"left ({now.paused_because})."
        )
    return {"persons": now.received, "persons_per_second": round(now.received / seconds, 1)}


def _batch(checks: Sequence[Mapping[str, Any]]) -> Batch:
    return Batch.model_validate(
        {
            "purpose": checks[0]["purpose"],
            "reason": checks[0]["reason"],
            "checks": [
                {
                    "reference": f"bench-{place}",
                    "person": check["person"],
                    "case_reference": check["case_reference"],
                }
                for place, check in enumerate(checks)
            ],
        }
    )


async def _stop(runtime: Runtime, administrator: str, partner: str, reference: str) -> None:
    """Stop calls, as the client body may: patterns are counted anew from when that is lifted."""
    subject = await subject_by_username(runtime.database, administrator)
    async with runtime.database.write(subject.login) as session:
        await onboarding.stop(session, subject, partner, reference, _REASON)


async def _lift(runtime: Runtime, administrator: str) -> None:
    """End the reviews: ours, and those that so many checks, or a weekend's, bring about."""
    subject = await subject_by_username(runtime.database, administrator)
    async with runtime.database.write(subject.login) as session:
        for review in await onboarding.list_reviews(session, subject, _REASON):
            if review.lifted_at is None:
                await onboarding.lift(session, subject, review.review_id, _REASON)


async def _resume(runtime: Runtime, caller: Caller, batch_id: UUID) -> None:
    """Let a batch that waits for the end of a review go on at once."""
    async with runtime.database.write(PPSS) as session:
        await run_for(session, caller.partner.partner_id)
        await repository.pause(session, batch_id, 0, UnderReviewError.slug)
