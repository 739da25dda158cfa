"""What members do with links: look at them, decide, and put what waits on the worklist.

Everything follows from the pairs visible to the member: a person across forces is what those
pairs join, so two members may see two different persons, and neither a number of one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID

from athena.platform.kernel.audit import Entry, EventKind, RecordSeen, administer, append
from athena.platform.kernel.clocks.service import working_days_later
from athena.platform.kernel.database import ReadSession, WriteSession
from athena.platform.kernel.errors import InvalidInputError, NotFoundError, RefusedError
from athena.platform.kernel.features import LINK_SUGGESTIONS, Features, NotLiveError
from athena.platform.kernel.identity import Level, NominalId, Role, Subject
from athena.platform.kernel.worklist import service as worklist
from athena.platform.kernel.worklist.models import (
    STILL_TO_DO,
    Assignee,
    ItemKind,
    RecordReference,
)
from athena.policies.visibility.models import Alteration, Consultation
from athena.records.nominals import repository as nominal_rows
from athena.records.nominals import service as nominals
from athena.records.nominals.schemas import Disclosed
from athena.sharing.linking import repository
from athena.sharing.linking.models import TOTAL, Key, Seen, SeenStep, Verdict
from athena.sharing.linking.schemas import (
    Decided,
    Link,
    Links,
    NewThresholds,
    Pointer,
    SetThresholds,
    Step,
    Waiting,
)
from athena.tenants.directory.service import Directory

MOST_IN_PERSON = 200
"""How far a person is followed: more nominals than that are a fault to be looked into."""

MOST_WAITING = 200
DAYS_TO_DECIDE = 20
"""Working days to decide a suggestion: a choice of ours, no rule."""

SUGGESTED = "suggested"
ReadPairs = Callable[[Consultation, int, int], Awaitable[Sequence[Seen]]]
_NOT_VISIBLE = "There is no such nominal, or none that you may see for this purpose."


def require_live(features: Features, subject: Subject) -> None:
    """Refuse what is about suggestions where the member's force doesn't have them."""
    if not features.on(LINK_SUGGESTIONS, subject.tenant_id):
        raise NotLiveError(
            "Link suggestions aren't live for your force; decide on two nominals that you have "
            "found yourself. What was decided stays."
        )


async def links_of(
    consultation: Consultation, directory: Directory, features: Features, nominal_id: NominalId
) -> Links:
    """Return the visible links of a nominal with what each field said, and log what was seen.

    Where the member's force has no suggestions, only pairs that somebody decided are returned.
    NotFoundError alike for a nominal that isn't there and for one that may not be seen.
    """
    key = await _key(consultation, nominal_id)
    live = features.on(LINK_SUGGESTIONS, consultation.subject.tenant_id)
    pairs = await repository.pairs_of(consultation, [key])
    if not live:
        pairs = [pair for pair in pairs if pair.verdict is not None]
    steps = await repository.steps(consultation, pairs)
    shown = await nominals.read_summaries(consultation, [pair.other for pair in pairs])
    links = []
    for pair in pairs:
        disclosed = shown.get(pair.other[1])
        if disclosed is not None:
            links.append(_link(pair, disclosed, steps.get(pair.other, [])))
    await nominals.log_seen(consultation, "links.read", list(shown.values()))
    links.sort(key=lambda link: (link.decision is Verdict.NOT_SAME, -(link.probability or 0)))
    return Links(
        links=links,
        suggestions_live=live,
        pointers=await _pointers(consultation, directory, key) if live else [],
        person=[joined for _, joined in await person(consultation, key, decided_only=not live)],
    )


async def person(
    consultation: Consultation,
    key: Key,
    without: Key | None = None,
    *,
    decided_only: bool = False,
) -> list[Key]:
    """Return the nominals that stand for one person, by the pairs visible to the member.

    ``without`` leaves out the pair of the nominal and another, to see what else joins them;
    ``decided_only`` leaves out what nobody decided.
    """
    found, frontier = [key], [key]
    while frontier and len(found) < MOST_IN_PERSON:
        pairs = await repository.pairs_of(consultation, frontier)
        skipped = {(key, without), (without, key)}
        frontier = [
            other
            for other in dict.fromkeys(
                pair.other
                for pair in pairs
                if pair.joined
                and (pair.key, pair.other) not in skipped
                and (pair.verdict is not None or not decided_only)
            )
            if other not in found
        ]
        found += frontier
    return found


async def waiting(
    consultation: Consultation, directory: Directory, features: Features, limit: int = 50
) -> list[Waiting]:
    """Return the own force's undecided suggestions that the member may see, and log them."""
    require_live(features, consultation.subject)
    pairs = await repository.waiting(consultation, min(limit, MOST_WAITING))
    await _log(consultation, EventKind.CONSULTATION, "links.waiting", pairs)
    return [
        Waiting(
            id=pair.key[1],
            other_id=pair.other[1],
            other_force=directory.by_id(pair.other[0]).slug,
            suggested_at=pair.made_at,
        )
        for pair in pairs
    ]


async def fill_worklist(alteration: Alteration, features: Features) -> int:
    """Put suggestions and contradictions that the member sees on the worklist; return how many.

    The member's own view fills it, so an item never tells of a record that policy hides. What is
    there already is passed over; one call opens `MOST_WAITING` items at most, the oldest first.
    """
    require_live(features, alteration.subject)
    there = await _there(alteration)
    opened = 0
    async for pair in _pages(alteration, repository.waiting):
        if opened >= MOST_WAITING:
            return opened
        opened += await _open_once(alteration, ItemKind.LINK_SUGGESTION, pair.key, there)
    async for pair in _pages(alteration, repository.refused_pairs):
        if opened >= MOST_WAITING:
            return opened
        if (ItemKind.LINK_CONFLICT.value, pair.key[1]) in there:
            continue
        if pair.other in await person(alteration, pair.key, without=pair.other):
            opened += await _open_once(alteration, ItemKind.LINK_CONFLICT, pair.key, there)
    return opened


async def _there(alteration: Alteration) -> set[tuple[str, UUID]]:
    """Return of which records the worklist has an item still to do, by its kind."""
    there: set[tuple[str, UUID]] = set()
    seen = 0
    while True:
        items = await worklist.list_items(alteration, STILL_TO_DO, worklist.MOST_ITEMS, seen)
        there |= {(item.kind, item.record.record_id) for item in items if item.record}
        seen += len(items)
        if len(items) < worklist.MOST_ITEMS:
            return there


async def _pages(alteration: Alteration, read: ReadPairs) -> AsyncIterator[Seen]:
    """Yield all pairs that a look-up returns page by page."""
    after = 0
    while True:
        pairs = await read(alteration, MOST_WAITING, after)
        for pair in pairs:
            yield pair
        after += len(pairs)
        if len(pairs) < MOST_WAITING:
            return


async def decide(
    alteration: Alteration, nominal_id: NominalId, other_id: NominalId, verdict: Verdict
) -> Decided:
    """Keep what the member decides of two nominals; it outranks scores as long as both exist.

    One of the two must be of the member's own force, and both visible. Where a chain of links
    still joins what is decided not to be one person, that is queued. The items of the worklist
    that the decision answers are closed with it, unless a colleague has claimed them.
    """
    if nominal_id == other_id:
        raise InvalidInputError("A nominal is always itself; name two.", field="/other_id")
    key, other = await _key(alteration, nominal_id), await _key(alteration, other_id)
    own = alteration.subject.tenant_id
    if key[0] != own:
        key, other = other, key
    if key[0] != own:
        raise RefusedError(
            "One of the two must be of your own force; ask the forces that own them."
        )
    await repository.decide(alteration, key, other, verdict)
    pair = Seen(key, other, None, None, None, verdict)
    await _log(alteration, EventKind.ALTERATION, f"links.{verdict.value}", [pair])
    await _settle(alteration, [side for side in (key, other) if side[0] == own], verdict)
    chain = await person(alteration, key, without=other)
    if verdict is Verdict.SAME or other not in chain:
        return Decided(verdict=verdict, contradicted_by=[])
    if not await worklist.is_to_do(alteration, ItemKind.LINK_CONFLICT, _record(key)):
        await _open_once(alteration, ItemKind.LINK_CONFLICT, key, set())
    between: list[UUID] = [joined for _, joined in chain if joined not in (key[1], other[1])]
    return Decided(verdict=verdict, contradicted_by=between)


async def _settle(alteration: Alteration, sides: Sequence[Key], verdict: Verdict) -> None:
    """Close the items that nothing is left of; an item is of a nominal, so of all its pairs."""
    for key in sides:
        pairs = await repository.pairs_of(alteration, [key])
        if not any(pair.verdict is None and pair.outcome == SUGGESTED for pair in pairs):
            await worklist.settle(alteration, ItemKind.LINK_SUGGESTION, _record(key), verdict.value)
        if not await _contradicted(alteration, pairs):
            await worklist.settle(alteration, ItemKind.LINK_CONFLICT, _record(key), "decided")


async def _contradicted(alteration: Alteration, pairs: Sequence[Seen]) -> bool:
    for pair in pairs:
        if pair.verdict is Verdict.NOT_SAME and pair.other in await person(
            alteration, pair.key, without=pair.other
        ):
            return True
    return False


async def set_thresholds(session: WriteSession, subject: Subject, new: NewThresholds) -> None:
    """Set the thresholds for all forces, from the next comparison on; logged with the reason."""
    content = {"suggested_from": new.suggested_from, "linked_from": new.linked_from}
    await administer(session, subject, "linking.thresholds", new.reason, content)
    await repository.set_thresholds(
        session, new.suggested_from, new.linked_from, subject.username, new.reason
    )


async def thresholds(session: ReadSession) -> SetThresholds:
    """Return the thresholds that hold, with who set them and why."""
    row = await repository.thresholds(session)
    return SetThresholds.model_validate(row, from_attributes=True)


async def _key(consultation: Consultation, nominal_id: NominalId) -> Key:
    owner = await nominal_rows.find_owner(consultation, nominal_id)
    if owner is None:
        raise NotFoundError(_NOT_VISIBLE)
    return owner, nominal_id


def _link(pair: Seen, disclosed: Disclosed, steps: Sequence[SeenStep]) -> Link:
    total = next((step.bits for step in steps if step.field == TOTAL), None)
    return Link(
        id=pair.other[1],
        owner_force=disclosed.owner_force,
        outcome=pair.outcome,
        decision=pair.verdict,
        probability=None if total is None else _probability(total),
        steps=[
            Step(field=step.field, level=step.level, bits=round(step.bits, 2))
            for step in steps
            if step.field != TOTAL
        ],
        nominal=disclosed,
    )


def _probability(bits: float) -> float:
    odds = 2.0 ** min(bits, 60.0)
    return float(round(odds / (1 + odds), 6))


async def _pointers(consultation: Consultation, directory: Directory, key: Key) -> list[Pointer]:
    if key[0] != consultation.subject.tenant_id:
        return []
    found = await repository.pointers(consultation, key)
    forces = [directory.by_id(owner) for owner, _ in found]
    return [
        Pointer(owner_force=force.slug, unit=force.contact_unit, telephone=force.contact_telephone)
        for force in forces
    ]


async def _open_once(
    alteration: Alteration, kind: ItemKind, key: Key, there: set[tuple[str, UUID]]
) -> int:
    if (kind.value, key[1]) in there:
        return 0
    there.add((kind.value, key[1]))
    await worklist.open_item(
        alteration,
        kind,
        Assignee(role=Role.RECORDS_MANAGER),
        working_days_later(datetime.now(UTC), DAYS_TO_DECIDE),
        _record(key),
    )
    return 1


def _record(key: Key) -> RecordReference:
    return RecordReference("nominal", key[0], key[1])


async def _log(
    consultation: Consultation, kind: EventKind, action: str, pairs: Sequence[Seen]
) -> None:
    records = [
        RecordSeen(owner, nominal_id, Level.SUMMARY)
        for owner, nominal_id in dict.fromkeys(
            key for pair in pairs for key in (pair.key, pair.other)
        )
    ]
    entry = Entry(kind, action, consultation.reason, records=records)
    await append(consultation.session, consultation.visibility.grant_set_id, entry)
