"""The calendar: rings, black-outs and deadlines of votes, by the days of London."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Literal

from pydantic import BaseModel

from athena.governance.acting import Office
from athena.governance.releases import repository
from athena.governance.releases.blackouts.repository import black_outs
from athena.governance.releases.models import BlackOut, Release, StoredRing
from athena.governance.releases.times import day_of, midnight
from athena.governance.votes import repository as votes
from athena.governance.votes.models import Vote, VoteStatus
from athena.platform.kernel.clock import today
from athena.platform.kernel.errors import InvalidInputError
from athena.platform.kernel.identity import Subject

SHOWN_DAYS = 92
"""How much the calendar shows unless another last day is asked for."""

MOST_DAYS = 731


class Happening(BaseModel):
    """Something in the calendar: times are UTC, days are London's."""

    kind: Literal["ring", "black_out", "vote"]
    begins: datetime
    ends: datetime
    first_day: date
    last_day: date
    title: str
    forces: list[str]
    release: str | None = None
    ring: int | None = None
    state: str | None = None


class Calendar(BaseModel):
    """What happens from a day to another, both included."""

    first_day: date
    last_day: date
    happenings: list[Happening]


async def calendar(
    office: Office, subject: Subject, first: date | None = None, last: date | None = None
) -> Calendar:
    """Return what happens from a day in London to another; from today for a quarter of a year."""
    first = first or today()
    last = last or first + timedelta(days=SHOWN_DAYS)
    if not 0 <= (last - first).days <= MOST_DAYS:
        raise InvalidInputError(
            f"The calendar shows up to {MOST_DAYS} days; the last day comes after the first.",
            field="/last",
        )
    begins, ends = midnight(first), midnight(last + timedelta(days=1))
    async with office.reading(subject, "releases.calendar") as reading:
        session = reading.session
        found = [
            *(of_ring(*item) for item in await repository.rings_ahead(session, begins, ends)),
            *(of_black_out(item) for item in await black_outs(session, begins, ends)),
            *(of_vote(item) for item in await votes.votes(session) if _closes(item, begins, ends)),
        ]
    return Calendar(first_day=first, last_day=last, happenings=in_order(found))


def of_ring(release: Release, ring: StoredRing) -> Happening:
    """Return a ring as the calendar shows it."""
    return Happening(
        kind="ring",
        begins=ring.begins_at,
        ends=ring.ends_at,
        first_day=day_of(ring.begins_at),
        last_day=last_day(ring.ends_at),
        title=f"{release.title}: {ring.name}",
        forces=list(ring.forces),
        release=release.reference,
        ring=ring.number,
        state=ring.state.value,
    )


def of_black_out(item: BlackOut) -> Happening:
    """Return a black-out as the calendar shows it."""
    return Happening(
        kind="black_out",
        begins=item.begins_at,
        ends=item.ends_at,
        first_day=day_of(item.begins_at),
        last_day=last_day(item.ends_at),
        title=item.title,
        forces=[item.tenant],
    )


def of_vote(vote: Vote) -> Happening:
    """Return the deadline of an open vote."""
    return Happening(
        kind="vote",
        begins=vote.closes_at,
        ends=vote.closes_at,
        first_day=day_of(vote.closes_at),
        last_day=day_of(vote.closes_at),
        title=vote.question,
        forces=[seat.tenant for seat in vote.seats],
        state=vote.status.value,
    )


def last_day(ends: datetime) -> date:
    """Return the last day in London that a time touches; one that ends at midnight ends before."""
    return day_of(ends - timedelta(microseconds=1))


def in_order(happenings: Iterable[Happening]) -> list[Happening]:
    """Return happenings by when they begin."""
    return sorted(happenings, key=lambda item: (item.begins, item.kind, item.title))


def _closes(vote: Vote, begins: datetime, ends: datetime) -> bool:
    return vote.status is VoteStatus.OPEN and begins <= vote.closes_at < ends
