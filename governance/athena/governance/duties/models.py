"""What waits for a force, for the client body or for its finance: pure, from what stands now.

Nothing is stored of it, so a duty is there as soon as there is cause, and goes once it is done.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from athena.governance.bodies.models import Appointment
from athena.governance.changes.machine import Kind, State
from athena.governance.changes.models import WholeChange
from athena.governance.changes.standing import EntryKind
from athena.governance.releases.machine import RingState
from athena.governance.releases.machine import State as ReleaseState
from athena.governance.releases.models import EntryKind as ReleaseEntryKind
from athena.governance.releases.models import WholeRelease
from athena.governance.votes.models import Vote, VoteStatus
from athena.governance.votes.outcome import Ballot
from athena.governance.votes.outcome import Duty as Seat

SOON = timedelta(days=1)
"""How long before its deadline a duty is near it: a choice."""

_NAMESPACE = UUID("6f3f6a52-5a0c-4a4e-9d0e-3b5f0f2b1f40")
_API = "/api/v1/governance"


class DutyKind(enum.StrEnum):
    """What is to be done."""

    ASSESS = "assess"
    CLOSE_VOTE = "close_vote"
    COMMIT = "commit"
    CONFIRM = "confirm"
    OPT_IN = "opt_in"
    PREVIEW = "preview"
    REVIEW_CHANGE = "review_change"
    REVIEW_RELEASE = "review_release"
    SETTLE = "settle"
    VOTE = "vote"


SENTENCES = {
    DutyKind.ASSESS: "File your force's impact assessment.",
    DutyKind.CLOSE_VOTE: "Close the vote: its deadline has passed.",
    DutyKind.COMMIT: "Commit the forces to their shares of this year's cost.",
    DutyKind.CONFIRM: "Say go or no-go of what is open on the release's checklist.",
    DutyKind.OPT_IN: "Say whether your force takes part in this enhancement.",
    DutyKind.PREVIEW: "Preview what each force would pay, before the vote.",
    DutyKind.REVIEW_CHANGE: "Close the change, with what its review found.",
    DutyKind.REVIEW_RELEASE: "Review the release.",
    DutyKind.SETTLE: "Bring the accounts to what the change says now.",
    DutyKind.VOTE: "Cast your force's vote.",
}


class Stage(enum.StrEnum):
    """How near its deadline a duty is."""

    WAITS = "waits"
    SOON = "soon"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Duty:
    """Something to do: about a change, a release, a charge or a vote's matter.

    ``about`` tells this cause from another of the same kind: when a change is sent back and handed
    in again, its assessments are new duties. ``members`` are those who alone can do it, where
    that isn't everyone whose role allows it.
    """

    kind: DutyKind
    tenant: str
    reference: str
    title: str
    since: datetime
    due_at: datetime | None
    about: str
    link: str
    members: frozenset[UUID] | None = None

    @property
    def duty_id(self) -> UUID:
        """The id by which it is known for as long as it waits."""
        return uuid5(_NAMESPACE, f"{self.tenant}/{self.kind.value}/{self.about}")

    def stage(self, now: datetime) -> Stage:
        """Return how near its deadline it is."""
        if self.due_at is None or now < self.due_at - SOON:
            return Stage.WAITS
        return Stage.SOON if now < self.due_at else Stage.LATE


def of_changes(changes: Iterable[WholeChange], force: str) -> list[Duty]:
    """Return what a force has to say on changes that are assessed or voted on."""
    found = []
    for whole in changes:
        change, stands = whole.change, whole.standing()
        if change.state is State.ASSESS and force in stands.waiting_for(whole.document.affected):
            found.append(_of_change(whole, DutyKind.ASSESS, force, "assessments", change.assess_by))
        answered = {*stands.participants, *stands.declined}
        asked = whole.document.optional and change.state in (State.ASSESS, State.AUTHORISE)
        if asked and force not in answered and stands.open_vote is None:
            due = change.assess_by if change.state is State.ASSESS else None
            found.append(_of_change(whole, DutyKind.OPT_IN, force, "opt-in", due))
    return found


def of_votes(
    votes: Iterable[tuple[Vote, Iterable[Ballot]]],
    force: str,
    now: datetime,
    appointed: Mapping[UUID, Iterable[Appointment]],
    substituting: Mapping[UUID, bool],
) -> list[Duty]:
    """Return the open votes in which a force has a seat and hasn't said anything.

    They wait for its member on the body and, by ``substituting`` where the vote's constitution
    lets them vote, for its substitutes. ``appointed`` and ``substituting`` are by the body and by
    the vote.
    """
    return [
        Duty(
            DutyKind.VOTE,
            force,
            vote.matter.reference,
            vote.question,
            vote.opened_at,
            vote.closes_at,
            str(vote.vote_id),
            f"{_API}/votes/{vote.vote_id}/ballots",
            frozenset(
                item.member_id
                for item in appointed[vote.body_id]
                if item.tenant == force
                and (
                    item.duty is Seat.MEMBER
                    or (item.duty is Seat.SUBSTITUTE and substituting[vote.vote_id])
                )
            ),
        )
        for vote, ballots in votes
        if vote.status is VoteStatus.OPEN
        and now < vote.closes_at
        and any(seat.tenant == force for seat in vote.seats)
        and not any(ballot.tenant == force for ballot in ballots)
    ]


def to_close(votes: Iterable[Vote], now: datetime, tenant: str) -> list[Duty]:
    """Return the votes that are over and that nobody has closed."""
    return [
        Duty(
            DutyKind.CLOSE_VOTE,
            tenant,
            vote.matter.reference,
            vote.question,
            vote.closes_at,
            vote.closes_at,
            str(vote.vote_id),
            f"{_API}/votes/{vote.vote_id}/close",
        )
        for vote in votes
        if vote.status is VoteStatus.OPEN and now >= vote.closes_at
    ]


def to_review(changes: Iterable[WholeChange], tenant: str) -> list[Duty]:
    """Return the changes that are done and whose review nobody has written."""
    return [
        _of_change(whole, DutyKind.REVIEW_CHANGE, tenant, "close", None)
        for whole in changes
        if whole.change.state is State.REVIEW
    ]


def to_preview(changes: Iterable[WholeChange], tenant: str) -> list[Duty]:
    """Return the changes that cost something, are to be voted on, and have no shares yet."""
    found = []
    for whole in changes:
        stands = whole.standing()
        if (
            whole.change.state is State.AUTHORISE
            and whole.change.kind is not Kind.STANDARD
            and whole.cost_pence() > 0
            and stands.preview is None
            and stands.open_vote is None
            and (stands.participants or not whole.document.optional)
        ):
            found.append(_of_change(whole, DutyKind.PREVIEW, tenant, "previews", None))
    return found


def to_settle(whole: WholeChange, tenant: str) -> Duty:
    """Return that a change whose accounts say otherwise waits for finance."""
    return _of_change(whole, DutyKind.SETTLE, tenant, "settle", None)


def of_releases(releases: Iterable[WholeRelease], tenant: str) -> list[Duty]:
    """Return the checklists to be gone through before a ring's time, and the reviews to write."""
    found = []
    for whole in releases:
        state = whole.release.state
        if state in (ReleaseState.LIVE, ReleaseState.BACKED_OUT):
            found.append(_of_release(whole, DutyKind.REVIEW_RELEASE, tenant, "review", None))
        if state not in (ReleaseState.APPROVED, ReleaseState.ROLLING, ReleaseState.HELD):
            continue
        for ring in whole.rings:
            if ring.state is RingState.LIVE:
                continue
            if whole.standing().open_items(whole.document.items_of(ring.number)):
                duty = _of_release(whole, DutyKind.CONFIRM, tenant, "confirmations", ring.begins_at)
                found.append(duty)
            break  # a later ring's turn comes after this one
    return found


def in_order(duties: Iterable[Duty]) -> list[Duty]:
    """Return duties, the most urgent first; those without a time come last."""
    return sorted(
        duties,
        key=lambda duty: (
            duty.due_at is None,
            duty.due_at.timestamp() if duty.due_at else 0,
            duty.reference,
            duty.kind,
        ),
    )


def _of_change(
    whole: WholeChange, kind: DutyKind, tenant: str, path: str, due_at: datetime | None
) -> Duty:
    change = whole.change
    steps = [entry.at for entry in whole.entries if entry.kind is EntryKind.STEP]
    return Duty(
        kind,
        tenant,
        change.reference,
        change.title,
        steps[-1] if steps else change.raised_at,
        due_at,
        f"{change.change_id}/{change.version}/{change.assess_by}",
        f"{_API}/changes/{change.reference}/{path}",
    )


def _of_release(
    whole: WholeRelease, kind: DutyKind, tenant: str, path: str, due_at: datetime | None
) -> Duty:
    release = whole.release
    steps = [entry.at for entry in whole.entries if entry.kind is ReleaseEntryKind.STEP]
    return Duty(
        kind,
        tenant,
        release.reference,
        release.title,
        steps[-1] if steps else release.created_at,
        due_at,
        f"{release.release_id}/{release.version}/{due_at}",
        f"{_API}/releases/{release.reference}/{path}",
    )
