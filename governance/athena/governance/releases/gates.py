"""What stands in the way of a ring, and who must vote on a release. Pure functions."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from athena.governance.bodies.models import Body, BodyKind
from athena.governance.releases.machine import RingState
from athena.governance.releases.models import BlackOut, EntryKind, StoredRing, WholeRelease
from athena.platform.kernel.clock import show_time

Judged = tuple[bool, str]
"""Whether the ring ahead passes its health gate, and the sentence that says why."""


def met_by(
    black_outs: Iterable[BlackOut], forces: Sequence[str], begins: datetime, ends: datetime
) -> list[str]:
    """Return the black-outs that a time of some forces meets, as sentences."""
    return [f"{item.sentence}." for item in black_outs if item.meets(forces, begins, ends)]


def hindrances(
    whole: WholeRelease,
    ring: StoredRing,
    black_outs: Iterable[BlackOut],
    now: datetime,
    judged: Judged | None,
) -> list[str]:
    """Return what keeps a ring from going live now, each in a sentence; nothing where it may.

    ``judged`` is what the health gate says of the ring ahead; None where there is none to judge.
    """
    standing = whole.standing()
    found = [
        f"Ring {other.number} is ahead of it and isn't live."
        for other in whole.rings
        if other.number < ring.number and other.state is not RingState.LIVE
    ]
    if judged is not None and not judged[0]:
        found.append(f"The ring ahead doesn't pass its health gate: {judged[1]}")
    if now < ring.begins_at:
        found.append(f"Its time begins at {show_time(ring.begins_at)}; reschedule it to be sooner.")
    if now >= ring.ends_at:
        found.append(f"Its time ended at {show_time(ring.ends_at)}; reschedule it.")
    found += [
        f"{item.tenant} has a black-out now, '{item.title}', until {show_time(item.ends_at)}."
        for item in black_outs
        if item.withdrawn_at is None
        and item.tenant in ring.forces
        and item.begins_at <= now < item.ends_at
    ]
    found += [
        f"The checklist's item '{item.item}' ({item.environment.replace('_', '-')}) isn't "
        "confirmed as a go."
        for item in standing.open_items(whole.document.items_of(ring.number))
    ]
    found += [
        f"{force} objects: {reason}"
        for force, reason in sorted(standing.objections.items())
        if force in ring.forces
    ]
    return found


def last_verdict(whole: WholeRelease, ring: StoredRing) -> tuple[str, str]:
    """Return the outcome and sentence of the last verdict on a ring since it is live."""
    for entry in reversed(whole.entries):
        if (
            entry.kind is EntryKind.VERDICT
            and entry.document["ring"] == ring.number
            and ring.live_at is not None
            and entry.at >= ring.live_at
        ):
            return str(entry.document["outcome"]), str(entry.document["sentence"])
    return "too_little", "the AMO hasn't had it judged yet."


def deciding(
    bodies: Iterable[Body], modules: Collection[str], forces: Collection[str]
) -> list[Body]:
    """Return the bodies that a release concerns; those decide whose constitutions say so.

    Boards and advisory boards are concerned by every release, a user group by one that brings a
    change of its module, and an alliance's group by one that goes to a force of its.
    """
    return [
        body
        for body in bodies
        if body.kind in (BodyKind.STRATEGIC_BOARD, BodyKind.CHANGE_ADVISORY_BOARD)
        or (body.kind is BodyKind.USER_GROUP and body.module in modules)
        or (body.kind is BodyKind.ALLIANCE_GROUP and not set(body.forces or ()).isdisjoint(forces))
    ]


def shared_features(one: WholeRelease, other: WholeRelease) -> list[str]:
    """Return the features that two releases would both switch for the same force."""
    if set(one.document.forces).isdisjoint(other.document.forces):
        return []
    return sorted(set(one.document.features) & set(other.document.features))
