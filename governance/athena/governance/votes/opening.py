"""Opening a vote: what it is about, by which rule it is taken, and who has a seat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from athena.governance.acting import Acting
from athena.governance.bodies import repository as bodies
from athena.governance.bodies.constitution import DecisionClass
from athena.governance.bodies.models import Body, ConstitutionVersion, seats_on
from athena.governance.changes import repository as changes
from athena.governance.changes.catalogue import CatalogueStatus
from athena.governance.changes.desk import Open
from athena.governance.changes.machine import Kind
from athena.governance.changes.standing import EntryKind, check_no_open_vote
from athena.governance.votes import repository
from athena.governance.votes.models import Matter, Vote
from athena.governance.votes.outcome import Seat
from athena.governance.votes.schemas import NewVote
from athena.platform.kernel.clock import today
from athena.platform.kernel.errors import ConflictError, InvalidInputError, NotFoundError

_OF_CHANGES = {
    Kind.NORMAL: DecisionClass.CHANGE_NORMAL,
    Kind.EMERGENCY: DecisionClass.CHANGE_EMERGENCY,
}
_STATED = (DecisionClass.OTHER, DecisionClass.RELEASE)
"""The classes of decisions on matters that nothing here knows more of."""


@dataclass(frozen=True, slots=True)
class _Terms:
    """A body and the constitution that its votes are opened under now."""

    body: Body
    version: ConstitutionVersion


async def open_on_change(acting: Acting, new: NewVote, opened: Open) -> Vote:
    """Open a vote on a change that is to be authorised, by its version as it is now."""
    _state_nothing(new)
    check_no_open_vote(opened.stands)
    await _check_payers(acting, opened)
    change = opened.whole.change
    matter = Matter(
        kind="change",
        reference=change.reference,
        decision=_OF_CHANGES[change.kind],
        cost_pence=opened.whole.cost_pence(),
        subject_id=change.change_id,
        version=change.version,
        digest=opened.whole.newest.digest,
    )
    vote = await _open(acting, new, matter, opened)
    await opened.add(EntryKind.VOTE_OPENED, {"vote": str(vote.vote_id), "body": new.body})
    return vote


async def open_on_other(acting: Acting, new: NewVote) -> Vote:
    """Open a vote on a catalogue entry, a constitution's text, or another matter."""
    if new.kind == "other":
        if new.decision not in _STATED or new.cost_pence is None:
            raise InvalidInputError(
                "For another matter state the decision's class, "
                f"{' or '.join(item.value for item in _STATED)}, and its cost in pence.",
                field="/decision",
            )
        matter = Matter("other", new.reference, new.decision, new.cost_pence)
        return await _open(acting, new, matter, None)
    _state_nothing(new)
    if new.kind == "constitution":
        if len(new.reference) != 64 or not set(new.reference) <= set("0123456789abcdef"):
            raise InvalidInputError(
                "Name the constitution's text by its digest, 64 hexadecimal digits.",
                field="/reference",
            )
        matter = Matter("constitution", new.reference, DecisionClass.CONSTITUTION, 0)
        return await _open(acting, new, matter, None)
    entries = {entry.slug: entry for entry in await changes.catalogue(acting.session)}
    entry = entries.get(new.reference)
    if entry is None or entry.status is not CatalogueStatus.PROPOSED:
        raise NotFoundError("There is no such proposed entry of the catalogue.")
    matter = Matter("catalogue", entry.slug, DecisionClass.CATALOGUE, entry.largest_pence)
    return await _open(acting, new, matter, None)


async def _open(acting: Acting, new: NewVote, matter: Matter, opened: Open | None) -> Vote:
    terms = await _terms(acting, new.body)
    law = terms.version.constitution
    if law.rule_for(matter.decision, matter.cost_pence) is None:
        raise InvalidInputError(
            f"The constitution of {terms.body.name} has no rule, so no quorum, for decisions of "
            f"the class '{matter.decision.value}'; amend it first, or ask another body.",
            field="/body",
        )
    _check_previewed(terms, matter, opened)
    now = await repository.now(acting.session)
    vote = Vote(
        vote_id=uuid4(),
        body_id=terms.body.body_id,
        body=terms.body.slug,
        constitution_version=terms.version.version,
        matter=matter,
        question=new.question,
        seats=await _seats(acting, terms, opened),
        opened_at=now,
        closes_at=now + timedelta(hours=law.deadline_hours),
        opened_by=acting.subject.username,
    )
    await repository.open_vote(acting.session, vote)
    return vote


async def _terms(acting: Acting, slug: str) -> _Terms:
    body = await bodies.body(acting.session, slug)
    if body is None:
        raise NotFoundError("There is no such body; `athena governance bodies list` names them.")
    return _Terms(body, (await bodies.constitutions(acting.session, body.body_id))[-1])


async def _seats(acting: Acting, terms: _Terms, opened: Open | None) -> Sequence[Seat]:
    law = terms.version.constitution
    tenants = set(seats_on(await bodies.appointments(acting.session, terms.body.body_id), today()))
    optional = opened is not None and opened.whole.document.optional
    if opened is not None and optional and law.optional_changes == "participants":
        tenants &= set(opened.stands.participants)
    if not tenants:
        raise ConflictError(
            f"Nobody has a seat in {terms.body.name} for this; forces appoint their members first."
        )
    if law.weighting == "one_each":
        return [Seat(tenant) for tenant in sorted(tenants)]
    preview = opened.stands.preview if opened is not None else None
    if preview is None:
        raise ConflictError(
            "Votes weigh by share of the cost in this body, so the shares must be previewed first."
        )
    return [Seat(tenant, preview.weight(tenant)) for tenant in sorted(tenants)]


def _check_previewed(terms: _Terms, matter: Matter, opened: Open | None) -> None:
    asks = terms.version.constitution.shares_before_vote and matter.cost_pence > 0
    if asks and opened is not None and opened.stands.preview is None:
        raise ConflictError(
            f"{terms.body.name} votes on what costs something once every force's share was "
            "previewed; preview the shares first."
        )


async def _check_payers(acting: Acting, opened: Open) -> None:
    """Refuse to vote on shares of forces that wouldn't be the ones to pay."""
    preview = opened.stands.preview
    if preview is None:
        return
    optional = opened.whole.document.optional
    payers = opened.stands.participants if optional else await bodies.active_forces(acting.session)
    if set(preview.shares_pence) != set(payers):
        raise ConflictError(
            "Other forces take part now than when the shares were previewed; preview them again."
        )


def _state_nothing(new: NewVote) -> None:
    if new.decision is not None or new.cost_pence is not None:
        raise InvalidInputError(
            "The class of the decision and its cost follow from what is voted on; leave them out.",
            field="/decision",
        )
