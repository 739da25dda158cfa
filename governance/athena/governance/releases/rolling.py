"""Rolling a release out: ring after ring, held where it must be, and backed out at any time."""

from __future__ import annotations

from athena.governance.acting import Acting
from athena.governance.changes import machine as change_machine
from athena.governance.health.gate import judge
from athena.governance.releases import repository
from athena.governance.releases.blackouts.repository import black_outs
from athena.governance.releases.bundling import move_all, move_those_at
from athena.governance.releases.desk import Desk, Open, find, read, ring_of
from athena.governance.releases.gates import Judged, hindrances, last_verdict, met_by
from athena.governance.releases.giving_back import left_now
from athena.governance.releases.machine import Actor, RingState, RingStep, State, Step
from athena.governance.releases.models import EntryKind, StoredRing, WholeRelease
from athena.governance.releases.rollout import take
from athena.governance.releases.schemas import Judgement, Rescheduling
from athena.governance.votes.repository import now
from athena.platform.kernel.database import ReadSession
from athena.platform.kernel.errors import ConflictError
from athena.platform.kernel.identity import Subject, TenantKind


async def begin(desk: Desk, subject: Subject, name: str, reason: str) -> WholeRelease:
    """Begin to roll an approved release out: from now on its rings govern its features."""
    async with desk.taking(subject, name, Step.BEGIN, reason) as opened:
        await move_all(desk.changes, opened.acting, opened.whole, change_machine.Step.BEGIN)
        left = await left_now(opened.acting.session, opened.whole)
        return await opened.follow({"left": left} if left else None)


async def hold(desk: Desk, subject: Subject, name: str, reason: str) -> WholeRelease:
    """Let no further ring go live; rings that are live stay so."""
    async with desk.taking(subject, name, Step.HOLD, reason) as opened:
        return await opened.follow()


async def resume(desk: Desk, subject: Subject, name: str, reason: str) -> WholeRelease:
    """Go on with a release that was held."""
    async with desk.taking(subject, name, Step.RESUME, reason) as opened:
        return await opened.follow()


async def back_out(desk: Desk, subject: Subject, name: str, reason: str) -> WholeRelease:
    """Switch every ring off, the last one first, and give the changes back.

    Forces keep what an earlier release left them of the features. It asks for nothing but a
    reason: no vote, no gate, no calendar. The changes that were being made are authorised again,
    to be released another time; others stay where they are.
    """
    async with desk.taking(subject, name, Step.BACK_OUT, reason) as opened:
        after = await opened.follow()
        await move_those_at(
            desk.changes,
            opened.acting,
            opened.whole,
            change_machine.State.IMPLEMENT,
            change_machine.Step.RETURN,
        )
        return after


async def move_ring(
    desk: Desk, subject: Subject, name: str, number: int, step: RingStep, reason: str
) -> WholeRelease:
    """Hold, resume or back out one ring; it asks for nothing but a reason."""
    async with desk.taking_ring(subject, name, number, step, reason) as opened:
        return await opened.follow()


async def notify(desk: Desk, subject: Subject, name: str, number: int, reason: str) -> WholeRelease:
    """Tell a ring's forces that the release comes to them, in its window."""
    async with desk.taking_ring(subject, name, number, RingStep.NOTIFY, reason) as opened:
        ring = ring_of(opened.whole, number)
        await repository.lock_calendar(opened.acting.session)
        await _check_window(opened, ring)
        return await opened.follow()


async def reschedule(
    desk: Desk, subject: Subject, name: str, number: int, new: Rescheduling
) -> WholeRelease:
    """Give a ring another window; its forces must be told again."""
    async with desk.taking_ring(subject, name, number, RingStep.RESCHEDULE, new.reason) as opened:
        session, window = opened.acting.session, new.window
        await repository.lock_calendar(session)
        met = met_by(
            await black_outs(session),
            ring_of(opened.whole, number).forces,
            window.begins,
            window.ends,
        )
        if met:
            raise ConflictError(f"{' '.join(met)} Choose another time.", missing=met)
        await repository.set_window(
            session, opened.whole.release, number, window.begins, window.ends
        )
        return await _told_window(opened, new)


async def go_live(
    desk: Desk, subject: Subject, name: str, number: int, reason: str
) -> WholeRelease:
    """Switch the release's features on for a ring's forces, or say everything that is missing."""
    async with desk.taking_ring(subject, name, number, RingStep.GO_LIVE, reason) as opened:
        await repository.lock_calendar(opened.acting.session)
        missing = await _hindrances(opened.acting.session, opened.whole, number)
        if missing:
            raise ConflictError(
                f"Ring {number} can't go live. {' '.join(missing)}", missing=missing
            )
        return await opened.follow()


async def look(desk: Desk, subject: Subject, name: str, number: int) -> list[str]:
    """Return what keeps a ring from going live now, beside its own state."""
    async with desk.office.reading(subject, "releases.ring") as reading:
        whole = await read(reading.session, await find(reading.session, name))
        return await _hindrances(
            reading.session, whole, number, counts=subject.tenant_kind is not TenantKind.FORCE
        )


async def judge_ring(
    desk: Desk, subject: Subject, name: str, number: int, reason: str
) -> Judgement:
    """Let the health gate judge a live ring, and keep its verdict; a spent budget holds."""
    async with desk.taking(subject, name, Step.JUDGE, reason) as opened:
        ring = ring_of(opened.whole, number)
        if ring.state is not RingState.LIVE:
            raise ConflictError(f"Ring {number} isn't live, so there is nothing to judge yet.")
        outcome, sentence = await _verdict(opened.acting.session, opened.whole, ring)
        judgement = Judgement(ring=number, outcome=outcome, sentence=sentence)
        await opened.add(EntryKind.VERDICT, judgement.model_dump())
        if outcome == "hold" and opened.whole.release.state is State.ROLLING:
            await _hold_by_rule(opened.acting, opened.whole, sentence)
        return judgement


async def _hold_by_rule(acting: Acting, whole: WholeRelease, sentence: str) -> None:
    taken = take(whole.rollout, Step.HOLD, {Actor.PLATFORM})
    held = Open(acting, whole, Step.HOLD, taken)
    await held.follow({"by": "the health gate", "sentence": sentence})


async def _hindrances(
    session: ReadSession, whole: WholeRelease, number: int, *, counts: bool = True
) -> list[str]:
    """Return what keeps a ring from going live; who can't count every force's gets the last word.

    A force sees its own requests alone, so it is told the verdict that the AMO last kept.
    """
    ring = ring_of(whole, number)
    judged: Judged | None = None
    if number > 1 and (ahead := ring_of(whole, number - 1)).state is RingState.LIVE:
        if counts:
            outcome, sentence = await _verdict(session, whole, ahead)
        else:
            outcome, sentence = last_verdict(whole, ahead)
        judged = outcome == "pass", sentence
    return hindrances(whole, ring, await black_outs(session), await now(session), judged)


async def _verdict(session: ReadSession, whole: WholeRelease, ring: StoredRing) -> tuple[str, str]:
    """Return the outcome and the sentence of the health gate on a live ring, since it is live."""
    health = whole.document.health
    assert health is not None  # nothing is planned without one
    assert ring.live_at is not None  # the store holds that a live ring has it
    forces = await repository.tenants_of(session, ring.forces)
    verdict = await judge(session, forces, ring.live_at, health.budget())
    return verdict.outcome.value, verdict.sentence


async def _check_window(opened: Open, ring: StoredRing) -> None:
    met = met_by(await black_outs(opened.acting.session), ring.forces, ring.begins_at, ring.ends_at)
    if met:
        raise ConflictError(f"{' '.join(met)} Reschedule the ring.", missing=met)


async def _told_window(opened: Open, new: Rescheduling) -> WholeRelease:
    state = opened.whole.release.state.value
    assert opened.ring is not None
    await opened.add(
        EntryKind.STEP,
        {
            "step": opened.step.value,
            "from": state,
            "to": state,
            "reason": opened.acting.reason,
            "ring": opened.ring.number,
            "window": new.window.model_dump(mode="json"),
        },
    )
    return await read(opened.acting.session, opened.whole.release.release_id)
