"""What is done with releases before they roll, and after: planned, approved, reviewed, closed."""

from __future__ import annotations

from uuid import uuid4

from athena.governance.acting import Acting
from athena.governance.bodies import repository as bodies
from athena.governance.bodies.constitution import DecisionClass
from athena.governance.changes import machine as change_machine
from athena.governance.changes.desk import find as find_change
from athena.governance.flags.switching import FEATURES
from athena.governance.releases import repository
from athena.governance.releases.blackouts.repository import black_outs
from athena.governance.releases.bundling import (
    check_way_back,
    move_all,
    move_those_at,
    tell_all,
)
from athena.governance.releases.desk import Desk, Open, read
from athena.governance.releases.document import ReleaseDocument, parse_release
from athena.governance.releases.gates import met_by, shared_features
from athena.governance.releases.machine import State, Step
from athena.governance.releases.models import EntryKind, Release, WholeRelease
from athena.governance.releases.schemas import Confirmation, NewRelease, Review
from athena.governance.releases.voting import answer, cost_pence, matter, must_decide
from athena.governance.votes.opening import open_on_other
from athena.governance.votes.schemas import NewVote
from athena.platform.kernel.errors import ConflictError, InvalidInputError, NotFoundError
from athena.platform.kernel.identity import Subject
from athena.policies.agreements.signing import digest_of
from athena.policies.roles.actions import Action

_GOVERNS = (State.APPROVED, State.ROLLING, State.HELD, State.LIVE)
"""The states of a release in which no other may switch the same feature for the same force."""


async def every(desk: Desk, subject: Subject) -> list[Release]:
    """Return every release, the newest first."""
    async with desk.office.reading(subject, "releases.list") as reading:
        return await repository.releases(reading.session)


async def draft(desk: Desk, subject: Subject, new: NewRelease) -> WholeRelease:
    """Store a new release as a draft."""
    release_id = uuid4()
    async with desk.office.acting(
        subject,
        Action.GOVERNANCE_MANAGE,
        "releases.draft",
        new.reason,
        {"release": str(release_id)},
    ) as acting:
        document = await _parsed(acting, new)
        session = acting.session
        await repository.add_release(session, subject, release_id)
        await repository.add_plan(session, subject, release_id, 1, document, _digest(document))
        await repository.add_entry(
            session,
            subject,
            release_id,
            1,
            EntryKind.STEP,
            {"step": "draft", "from": "draft", "to": "draft", "reason": acting.reason},
        )
        return await read(session, release_id)


async def amend(desk: Desk, subject: Subject, name: str, new: NewRelease) -> WholeRelease:
    """Store the next version of a draft's plan; what was confirmed of an earlier one is open."""
    async with desk.taking(subject, name, Step.AMEND, new.reason) as opened:
        document = await _parsed(opened.acting, new)
        release = opened.whole.release
        await repository.add_plan(
            opened.acting.session,
            subject,
            release.release_id,
            release.version + 1,
            document,
            _digest(document),
        )
        return await _told(opened)


async def plan(desk: Desk, subject: Subject, name: str, reason: str) -> WholeRelease:
    """End drafting: the plan is whole, and no ring is planned into a black-out."""
    async with desk.taking(subject, name, Step.PLAN, reason) as opened:
        whole = opened.whole
        if missing := whole.document.missing():
            raise ConflictError(
                f"Before it can be planned it needs {'; and '.join(missing)}.", missing=missing
            )
        await check_way_back(opened.acting, whole)
        await check_calendar(opened)
        return await opened.follow()


async def revise(desk: Desk, subject: Subject, name: str, reason: str) -> WholeRelease:
    """Take a release back to be amended; its changes lose their date."""
    async with desk.taking(subject, name, Step.REVISE, reason) as opened:
        await _unschedule(desk, opened)
        return await opened.follow()


async def cancel(desk: Desk, subject: Subject, name: str, reason: str) -> WholeRelease:
    """End a release that hasn't begun; its changes lose their date."""
    async with desk.taking(subject, name, Step.CANCEL, reason) as opened:
        await _unschedule(desk, opened)
        return await opened.follow()


async def ask(desk: Desk, subject: Subject, name: str, reason: str) -> WholeRelease:
    """Open a vote in each body that must decide on the release and hasn't been asked."""
    async with desk.taking(subject, name, Step.ASK, reason) as opened:
        whole, asked = opened.whole, 0
        for body in await must_decide(opened):
            if await answer(opened, body) in ("open", "carried"):
                continue
            vote = await open_on_other(
                opened.acting,
                NewVote(
                    reason=opened.acting.reason,
                    body=body.slug,
                    kind="other",
                    reference=matter(whole, body),
                    question=f"Shall {whole.release.reference} be released as it is planned?",
                    decision=DecisionClass.RELEASE,
                    cost_pence=await cost_pence(opened),
                ),
            )
            asked += 1
            await opened.add(EntryKind.VOTE_OPENED, {"vote": str(vote.vote_id), "body": body.slug})
        if not asked:
            raise ConflictError("There is no body left to ask: nobody must vote who hasn't.")
        return await _told(opened)


async def approve(desk: Desk, subject: Subject, name: str, reason: str) -> WholeRelease:
    """Approve a planned release: the bodies that must have carried it, its changes are dated."""
    async with desk.taking(subject, name, Step.APPROVE, reason) as opened:
        whole, session = opened.whole, opened.acting.session
        waiting = [
            body.name
            for body in await must_decide(opened)
            if await answer(opened, body) != "carried"
        ]
        if waiting:
            raise ConflictError(
                f"Its plan must be carried by a vote first, of: {', '.join(waiting)}; "
                "ask them, and close their votes.",
                missing=waiting,
            )
        await repository.lock_calendar(session)
        await check_calendar(opened)
        for other in await repository.releases(session):
            if other.state not in _GOVERNS or other.release_id == whole.release.release_id:
                continue
            if shared := shared_features(whole, await read(session, other.release_id)):
                raise ConflictError(
                    f"{other.reference} isn't through and switches for the same forces: "
                    f"{', '.join(shared)}. Wait until it is reviewed, or take it back.",
                    release=other.reference,
                )
        window = whole.document.window.model_dump(mode="json")
        await move_all(
            desk.changes,
            opened.acting,
            whole,
            change_machine.Step.SCHEDULE,
            {"window": window},
        )
        return await opened.follow()


async def confirm(desk: Desk, subject: Subject, name: str, new: Confirmation) -> WholeRelease:
    """Say go or no-go of an item of the checklist; the last word counts."""
    async with desk.taking(subject, name, Step.CONFIRM, new.reason) as opened:
        known = [item.item for item in opened.whole.document.checklist]
        if new.item not in known:
            raise NotFoundError(f"The checklist has no such item; it has: {', '.join(known)}.")
        if new.answer == "go" and new.sha256 is None and new.link is None:
            raise InvalidInputError(
                "A go needs its evidence: a file's checksum, or a link.", field="/link"
            )
        told = new.model_dump(mode="json", exclude_none=True)
        await opened.add(EntryKind.CONFIRMATION, told)
        return await read(opened.acting.session, opened.whole.release.release_id)


async def object_to(desk: Desk, subject: Subject, name: str, reason: str) -> WholeRelease:
    """File one's own force's no-go: its ring doesn't go live until it is withdrawn."""
    async with desk.taking(subject, name, Step.OBJECT, reason) as opened:
        if subject.tenant in opened.whole.standing().objections:
            raise ConflictError("Your force objects already; withdraw that first.")
        await opened.add(EntryKind.OBJECTION, {"reason": opened.acting.reason})
        return await read(opened.acting.session, opened.whole.release.release_id)


async def withdraw_objection(desk: Desk, subject: Subject, name: str, reason: str) -> WholeRelease:
    """Take one's own force's no-go back."""
    async with desk.taking(subject, name, Step.WITHDRAW_OBJECTION, reason) as opened:
        if subject.tenant not in opened.whole.standing().objections:
            raise ConflictError("Your force doesn't object, so there is nothing to withdraw.")
        await opened.add(EntryKind.OBJECTION_WITHDRAWN, {"reason": opened.acting.reason})
        return await read(opened.acting.session, opened.whole.release.release_id)


async def review(desk: Desk, subject: Subject, name: str, new: Review) -> WholeRelease:
    """Look back on a release: its changes are finished, and what was found is told in each."""
    async with desk.taking(subject, name, Step.REVIEW, new.reason) as opened:
        if opened.whole.release.state is State.LIVE:
            await move_those_at(
                desk.changes,
                opened.acting,
                opened.whole,
                change_machine.State.IMPLEMENT,
                change_machine.Step.FINISH,
                {"result": "implemented"},
            )
        await tell_all(desk.changes, opened.acting, opened.whole, new.findings)
        return await opened.follow({"findings": new.findings})


async def close(desk: Desk, subject: Subject, name: str, reason: str) -> WholeRelease:
    """Close a release that was reviewed."""
    async with desk.taking(subject, name, Step.CLOSE, reason) as opened:
        return await opened.follow()


async def check_calendar(opened: Open) -> None:
    """Refuse rings whose time meets a black-out of one of their forces."""
    filed = await black_outs(opened.acting.session)
    met = [
        f"Ring {ring.number}: {sentence}"
        for ring in opened.whole.rings
        for sentence in met_by(filed, ring.forces, ring.begins_at, ring.ends_at)
    ]
    if met:
        raise ConflictError(f"{' '.join(met)} Choose another time.", missing=met)


async def _parsed(acting: Acting, new: NewRelease) -> ReleaseDocument:
    document = parse_release(new.document)
    absent = await bodies.absent_forces(acting.session, document.forces)
    if absent:
        raise InvalidInputError(
            f"No force that takes part: {', '.join(absent)}.", field="/document/rings"
        )
    unknown = sorted(set(document.features) - set(FEATURES))
    if unknown:
        raise InvalidInputError(
            f"No feature that can be switched: {', '.join(unknown)}. "
            f"There are: {', '.join(sorted(FEATURES))}.",
            field="/document/features",
        )
    for name in document.changes:
        try:
            await find_change(acting.session, name)
        except NotFoundError:
            raise InvalidInputError(
                f"There is no change request {name} that you can see.", field="/document/changes"
            ) from None
    return document


def _digest(document: ReleaseDocument) -> bytes:
    return digest_of(document.model_dump(mode="json"))


async def _told(opened: Open) -> WholeRelease:
    """Tell a step that leaves the release where it is, under the plan that holds now."""
    whole = await read(opened.acting.session, opened.whole.release.release_id)
    state = whole.release.state.value
    await repository.add_entry(
        opened.acting.session,
        opened.acting.subject,
        whole.release.release_id,
        whole.release.version,
        EntryKind.STEP,
        {
            "step": opened.step.value,
            "from": state,
            "to": state,
            "reason": opened.acting.reason,
        },
    )
    return await read(opened.acting.session, whole.release.release_id)


async def _unschedule(desk: Desk, opened: Open) -> None:
    if opened.whole.release.state is State.APPROVED:
        await move_those_at(
            desk.changes,
            opened.acting,
            opened.whole,
            change_machine.State.SCHEDULED,
            change_machine.Step.UNSCHEDULE,
        )
