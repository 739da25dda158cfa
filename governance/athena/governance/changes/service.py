"""What is done with change requests, one function for each act.

`Desk.taking` locks the change and checks the step; what stands here is what a step asks besides.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from athena.governance.acting import Acting, Office
from athena.governance.bodies import repository as bodies
from athena.governance.changes import costing, repository, settling
from athena.governance.changes.desk import Desk, Open, move_on, read
from athena.governance.changes.document import ChangeDocument, parse_change
from athena.governance.changes.machine import Actor, Kind, State, Step, check
from athena.governance.changes.models import (
    ASSESSING_WORKING_DAYS,
    Change,
    WholeChange,
)
from athena.governance.changes.schemas import (
    Closing,
    Finish,
    NewAssessment,
    NewAttachment,
    NewChange,
    NewComment,
    NewPreview,
    NewQuote,
    NewVersion,
    Scheduling,
    Submission,
)
from athena.governance.changes.standing import (
    EntryKind,
    beyond_tolerance,
    check_no_open_vote,
)
from athena.platform.kernel.clock import today
from athena.platform.kernel.clocks.service import working_days_later
from athena.platform.kernel.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    RefusedError,
)
from athena.platform.kernel.identity import Subject, TenantKind
from athena.policies.agreements.signing import digest_of
from athena.policies.roles.actions import Action


async def every(office: Office, subject: Subject) -> list[Change]:
    """Return every change that the member's tenant may see, the newest first."""
    async with office.reading(subject, "changes.list") as reading:
        return await repository.changes(reading.session)


async def raise_change(desk: Desk, subject: Subject, new: NewChange) -> WholeChange:
    """Store a new request as a draft, which its raiser's tenant and oversight alone can see."""
    change_id = uuid4()
    content = {"change": str(change_id)}
    async with desk.office.acting(
        subject, Action.GOVERNANCE_RAISE, "changes.raise", new.reason, content
    ) as acting:
        document = parse_change(new.document)
        await _check_affected(acting, document)
        body_id = None
        if new.body is not None:
            body = await bodies.body(acting.session, new.body)
            if body is None:
                raise NotFoundError("There is no such body; raise it without one.")
            appointed = await bodies.appointments(acting.session, body.body_id)
            if not any(
                item.member_id == subject.member_id and item.in_term(today()) for item in appointed
            ):
                raise RefusedError("Only who sits on a body raises a change for it.")
            body_id = body.body_id
        session = acting.session
        await repository.add_change(session, subject, change_id, document.kind, body_id)
        stored = document.model_dump(mode="json")
        await repository.add_version(session, subject, change_id, 1, stored, digest_of(stored))
        await repository.add_entry(
            session, subject, change_id, 1, EntryKind.STEP, _told("raise", acting.reason)
        )
        return await read(session, change_id)


async def amend(desk: Desk, subject: Subject, name: str, new: NewVersion) -> WholeChange:
    """Store the next version of a request; assessments of an earlier one no longer count."""
    async with desk.taking(subject, name, Step.AMEND, new.reason) as opened:
        document = parse_change(new.document)
        change = opened.whole.change
        if document.kind is not change.kind:
            raise InvalidInputError(
                "A change keeps its kind; withdraw it and raise another.", field="/document/kind"
            )
        await _check_affected(opened.acting, document)
        stored = document.model_dump(mode="json")
        if digest_of(stored) == opened.whole.newest.digest:
            raise InvalidInputError("The amendment changes nothing.", field="/document")
        session, version = opened.acting.session, change.version + 1
        await repository.add_version(
            session, subject, change.change_id, version, stored, digest_of(stored)
        )
        await repository.add_entry(
            session,
            subject,
            change.change_id,
            version,
            EntryKind.STEP,
            _told("amend", opened.acting.reason),
        )
        return await read(session, change.change_id)


async def submit(desk: Desk, subject: Subject, name: str, new: Submission) -> WholeChange:
    """Hand a request in: to be assessed, voted on, or, from the catalogue, to be scheduled."""
    async with desk.taking(subject, name, Step.SUBMIT, new.reason) as opened:
        document = opened.whole.document
        if missing := document.missing():
            raise ConflictError(f"Before it can be submitted it needs {' and '.join(missing)}.")
        assess_by = None
        if document.kind is Kind.NORMAL:
            now = datetime.now(UTC)
            assess_by = new.assess_by or working_days_later(now, ASSESSING_WORKING_DAYS).at
            if assess_by <= now:
                raise InvalidInputError("Assessing can't end in the past.", field="/assess_by")
        elif new.assess_by is not None:
            raise InvalidInputError("Only a normal change is assessed.", field="/assess_by")
        await opened.move(assess_by)
        return await _again(opened)


async def step(desk: Desk, subject: Subject, name: str, taken: Step, reason: str) -> WholeChange:
    """Take a step that asks nothing but its reason."""
    async with desk.taking(subject, name, taken, reason) as opened:
        check_no_open_vote(opened.stands)
        await opened.move()
        after = await _again(opened)
        if taken is Step.WITHDRAW and subject.tenant_kind is TenantKind.CLIENT_BODY:
            await settling.settle_within(opened.acting, after)  # a force can't post
        return after


async def end_assessing(desk: Desk, subject: Subject, name: str, reason: str) -> WholeChange:
    """End assessing: when every force has filed, or at the deadline, with silence recorded."""
    async with desk.taking(subject, name, Step.END_ASSESSING, reason) as opened:
        if not await repository.end_assessing(
            opened.acting.session, subject, opened.whole.change.change_id, opened.acting.reason
        ):
            waiting = ", ".join(opened.stands.waiting_for(opened.whole.document.affected))
            raise ConflictError(
                f"Assessing goes on until its deadline, or until these have filed: {waiting}."
            )
        return await _again(opened)


async def schedule(desk: Desk, subject: Subject, name: str, new: Scheduling) -> WholeChange:
    """Give an authorised change its date."""
    async with desk.taking(subject, name, Step.SCHEDULE, new.reason) as opened:
        await opened.move(more={"window": new.window.model_dump(mode="json")})
        return await _again(opened)


async def finish(desk: Desk, subject: Subject, name: str, new: Finish) -> WholeChange:
    """End the work, implemented or backed out; it is reviewed either way."""
    async with desk.taking(subject, name, Step.FINISH, new.reason) as opened:
        await opened.move(more={"result": new.result})
        return await _again(opened)


async def close(desk: Desk, subject: Subject, name: str, new: Closing) -> WholeChange:
    """Close a reviewed change, with what the review found."""
    async with desk.taking(subject, name, Step.CLOSE, new.reason) as opened:
        await opened.move(more={"review": new.review})
        return await _again(opened)


async def assess(desk: Desk, subject: Subject, name: str, new: NewAssessment) -> WholeChange:
    """File an affected force's assessment; the last one that was missing ends assessing."""
    async with desk.taking(subject, name, Step.ASSESS, new.reason) as opened:
        await opened.add(EntryKind.ASSESSMENT, new.assessment.model_dump(mode="json"))
        await repository.end_assessing(
            opened.acting.session,
            subject,
            opened.whole.change.change_id,
            "Every affected force has filed its assessment.",
        )
        return await _again(opened)


async def quote(desk: Desk, subject: Subject, name: str, new: NewQuote) -> WholeChange:
    """File the supplier's next quote; beyond the tolerance of a carried vote it reopens that."""
    async with desk.taking(subject, name, Step.QUOTE, new.reason) as opened:
        check_no_open_vote(opened.stands)
        carried = opened.stands.carried
        await opened.add(EntryKind.QUOTE, new.quote.model_dump(mode="json"))
        after = await _again(opened)
        change = after.change
        if carried is None or change.state not in (State.AUTHORISED, State.SCHEDULED):
            return after
        percent, unbound = carried.tolerance_percent, settling.is_unbound(opened.whole, after)
        if not unbound and not beyond_tolerance(carried.cost_pence, after.cost_pence(), percent):
            if after.bound_charges():
                await settling.follow_quote(opened.acting, after)
            return after
        if after.bound_charges():
            why = "released, the vote is reopened"
            await settling.release(opened.acting, after.bound_charges(), why)
        target = check(change.kind, change.state, Step.REOPEN, {Actor.PLATFORM})
        await move_on(
            opened.acting,
            after,
            Step.REOPEN,
            target,
            "The quote asks a sort of cost that nobody voted on."
            if unbound
            else f"The quote differs by more than {percent} % from what was voted on.",
        )
        return await _again(opened)


async def preview(desk: Desk, subject: Subject, name: str, new: NewPreview) -> WholeChange:
    """Store what each force would pay, by which formula; a vote binds it."""
    async with desk.taking(subject, name, Step.PREVIEW, new.reason) as opened:
        check_no_open_vote(opened.stands)
        payers = opened.stands.participants if opened.whole.document.optional else None
        session, asked = opened.acting.session, new.preview
        forces = await bodies.active_forces(session) if payers is None else set(payers)
        if asked.financial_year is None:
            found = await costing.state(opened.acting, opened.whole, asked, forces)
        else:
            found = await costing.work_out(
                session,
                opened.whole,
                asked.formula,
                asked.financial_year,
                forces,
                asked.annual_until,
            )
            for field in ("shares_pence", "annual_shares_pence"):
                if getattr(asked, field) not in (None, getattr(found, field)):
                    raise InvalidInputError(
                        "The formula gives other shares; leave them out to have them worked out.",
                        field=f"/preview/{field}",
                    )
        await opened.add(EntryKind.PREVIEW, found.model_dump(mode="json", exclude_none=True))
        return await _again(opened)


async def comment(desk: Desk, subject: Subject, name: str, new: NewComment) -> WholeChange:
    """Contribute to the discussion."""
    async with desk.taking(subject, name, Step.COMMENT, new.reason) as opened:
        await opened.add(EntryKind.COMMENT, new.comment.model_dump(mode="json"))
        return await _again(opened)


async def attach(desk: Desk, subject: Subject, name: str, new: NewAttachment) -> WholeChange:
    """Name a file that belongs to the request, by its checksum."""
    async with desk.taking(subject, name, Step.ATTACH, new.reason) as opened:
        if any(item.sha256 == new.attachment.sha256 for item in opened.stands.attachments):
            raise ConflictError("A file with this checksum is attached already.")
        await opened.add(EntryKind.ATTACHMENT, new.attachment.model_dump(mode="json"))
        return await _again(opened)


async def opt(desk: Desk, subject: Subject, name: str, taken: Step, reason: str) -> WholeChange:
    """Let the member's force take part in an optional enhancement, or say that it won't."""
    async with desk.taking(subject, name, taken, reason) as opened:
        check_no_open_vote(opened.stands)
        joining = taken is Step.OPT_IN
        said = opened.stands.participants if joining else opened.stands.declined
        if subject.tenant in said:
            raise ConflictError(
                "Your force takes part already." if joining else "Your force takes no part already."
            )
        kind = EntryKind.OPT_IN if joining else EntryKind.OPT_OUT
        await opened.add(kind, {"reason": opened.acting.reason})
        after = await _again(opened)
        if joining:
            await settling.join(opened.acting, after)
        return after


async def _again(opened: Open) -> WholeChange:
    return await read(opened.acting.session, opened.whole.change.change_id)


async def _check_affected(acting: Acting, document: ChangeDocument) -> None:
    absent = await bodies.absent_forces(acting.session, document.affected)
    if absent:
        raise InvalidInputError(
            f"No force that takes part: {', '.join(absent)}.", field="/document/impacts"
        )


def _told(name: str, reason: str) -> Mapping[str, Any]:
    return {"step": name, "from": "new", "to": "new", "reason": reason}
