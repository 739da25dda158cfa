"""Merging a force's own duplicates, and undoing it: nothing is deleted, every step is logged.

The duplicate stays whole under its own id and is kept from change while the merge holds, so that
what was copied from it can be told from what was added since.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

from athena.platform.kernel.audit import Entry, EventKind, RecordSeen, append
from athena.platform.kernel.errors import ConflictError, NotFoundError, RefusedError
from athena.platform.kernel.identity import Level, NominalId, Purpose, Subject
from athena.policies.roles.actions import Action
from athena.policies.visibility.models import Alteration, Consultation
from athena.policies.visibility.service import Gate
from athena.records.merging import repository
from athena.records.merging.models import (
    FIELDS,
    HANDLING,
    Item,
    Merge,
    Nominal,
    merge_item,
    part,
    questions,
)
from athena.records.merging.schemas import Conflict, Merged, NewMerge, Undo, Undoing, Undone
from athena.records.names.service import NameRegister
from athena.records.nominals import service as nominals
from athena.records.nominals.drafts import DRAFTS, canonical, row_value
from athena.records.nominals.models import ROW_TABLES, Row
from athena.records.nominals.schemas import Disclosed, NominalDraft

_NO_MERGE = "There is no such merge of your force that you may see."


@dataclass(frozen=True, slots=True)
class _Whole:
    """A nominal read whole, with its handling and its version."""

    nominal_id: NominalId
    version: int
    handling: Mapping[str, Any]
    nominal: Nominal

    def draft(self, items: Iterable[Item], fields: Mapping[str, object]) -> NominalDraft:
        """Return a draft with these rows and fields under the nominal's own handling."""
        sections: dict[str, list[Any]] = {table.section: [] for table in ROW_TABLES}
        for section, value in items:
            sections[section].append(json.loads(value))
        return NominalDraft.model_validate({**sections, **fields, **self.handling})


@dataclass(frozen=True, slots=True)
class _Planned:
    """A merge as it will be written."""

    survivor: _Whole
    copies: Mapping[Item, UUID]
    filled: tuple[str, ...]
    draft: NominalDraft


@dataclass(frozen=True, slots=True)
class _Apart:
    """Both nominals as they will stand apart; the duplicate has no draft where it stays as is."""

    survivor: _Whole
    merged: _Whole
    survivor_draft: NominalDraft
    merged_draft: NominalDraft | None


async def merged_into(consultation: Consultation, nominal_id: NominalId) -> NominalId | None:
    """Return the nominal that stands for this one, where it is a merged duplicate, and log it.

    None alike where it isn't merged, where it is another force's, and where the member may not
    see both of the two.
    """
    survivor = await repository.survivor_of(consultation, nominal_id)
    if survivor is None:
        return None
    owner = consultation.subject.tenant_id
    entry = Entry(
        EventKind.CONSULTATION,
        "merges.read",
        consultation.reason,
        records=[RecordSeen(owner, survivor, Level.SUMMARY)],
    )
    await append(consultation.session, consultation.visibility.grant_set_id, entry)
    return survivor


async def read_marked(consultation: Consultation, nominal_id: NominalId) -> Disclosed:
    """Return one nominal as `nominals.read` does, marked where it is a merged duplicate."""
    record = await nominals.read(consultation, nominal_id)
    survivor = await merged_into(consultation, nominal_id)
    return record.model_copy(update={"merged_into": survivor})


async def survivors_of(
    consultation: Consultation, nominals: Collection[NominalId]
) -> dict[NominalId, NominalId]:
    """Return which of some own nominals are merged duplicates, each with what stands for it.

    Only where the member may see both. Whoever shows the two logs that they were seen.
    """
    return await repository.survivors_of(consultation, nominals) if nominals else {}


async def merge(
    gate: Gate,
    register: NameRegister,
    subject: Subject,
    purpose: Purpose,
    reason: str,
    survivor_id: NominalId,
    new: NewMerge,
) -> Merged:
    """Let a nominal of the own force stand for a duplicate; it gets a copy of what it lacks.

    ConflictError where they are handled differently, were changed meanwhile or are merged already.
    """
    content = {"nominal": str(survivor_id), "duplicate": str(new.merged_id)}
    entry = Entry(EventKind.ALTERATION, "nominals.merge", reason, content)
    await gate.permit(subject, Action.NOMINALS_MERGE, purpose, entry)
    looking = replace(entry, kind=EventKind.CONSULTATION)
    async with gate.consult(subject, Action.NOMINALS_MERGE, purpose, looking) as consultation:
        planned = await _plan(consultation, survivor_id, new)
    await nominals.prepare(gate.database, register, subject, planned.draft)
    async with gate.alter(subject, Action.NOMINALS_MERGE, purpose, entry) as alteration:
        return await _merge(alteration, register, survivor_id, new)


async def undoing(consultation: Consultation, merge_id: UUID) -> Undoing:
    """Return what was changed since a merge that a person must place before it is undone."""
    survivor, merged, made = await _found(consultation, merge_id)
    return Undoing(
        merge_id=merge_id,
        survivor_id=survivor.nominal_id,
        merged_id=merged.nominal_id,
        version=survivor.version,
        conflicts=_conflicts(survivor, merged, made),
    )


async def undo(
    gate: Gate,
    register: NameRegister,
    subject: Subject,
    purpose: Purpose,
    reason: str,
    merge_id: UUID,
    told: Undo,
) -> Undone:
    """Undo a merge after whatever was changed since; each such change goes where it is told.

    ConflictError with the conflicts where one has no place, or the survivor was changed meanwhile.
    """
    entry = Entry(EventKind.ALTERATION, "nominals.unmerge", reason, {"merge": str(merge_id)})
    await gate.permit(subject, Action.NOMINALS_MERGE, purpose, entry)
    looking = replace(entry, kind=EventKind.CONSULTATION)
    async with gate.consult(subject, Action.NOMINALS_MERGE, purpose, looking) as consultation:
        apart = _apart(*await _found(consultation, merge_id), told)
    for draft in (apart.survivor_draft, apart.merged_draft):
        if draft is not None:
            await nominals.prepare(gate.database, register, subject, draft)
    async with gate.alter(subject, Action.NOMINALS_MERGE, purpose, entry) as alteration:
        apart = _apart(*await _found(alteration, merge_id), told)
        if not await repository.undo(alteration, merge_id):
            raise ConflictError("Somebody has undone this merge already.")
        survivor, merged = apart.survivor, apart.merged
        version = await nominals.amend(
            alteration, register, survivor.nominal_id, survivor.version, apart.survivor_draft
        )
        merged_version = merged.version
        if apart.merged_draft is not None:
            merged_version = await nominals.amend(
                alteration, register, merged.nominal_id, merged.version, apart.merged_draft
            )
        await _log(alteration, "nominals.unmerge", merge_id, survivor.nominal_id, merged.nominal_id)
    return Undone(survivor_version=version, merged_version=merged_version)


async def _plan(consultation: Consultation, survivor_id: NominalId, new: NewMerge) -> _Planned:
    merged_id = NominalId(new.merged_id)
    if merged_id == survivor_id:
        raise ConflictError("A nominal can't be merged with itself; name the duplicate.")
    survivor, merged = await _read(consultation, survivor_id), await _read(consultation, merged_id)
    if (survivor.version, merged.version) != (new.version, new.merged_version):
        raise ConflictError("Somebody changed one of the two meanwhile; read both again.")
    if survivor.handling != merged.handling:
        raise ConflictError(
            "The two are marked or handled differently; give both the same handling first."
        )
    if await repository.standing(consultation, merged_id):
        raise ConflictError("The duplicate takes part in a merge already; undo that first.")
    if any(
        standing.merged_id == survivor_id
        for standing in await repository.standing(consultation, survivor_id)
    ):
        raise ConflictError("The nominal was merged itself; merge into the one it stands under.")
    copies = {merge_item(item): row_id for row_id, item in merged.nominal.rows.items()}
    fields, others = survivor.nominal.fields, merged.nominal.fields
    filled = tuple(name for name in FIELDS if fields[name] is None and others[name] is not None)
    draft = survivor.draft(
        dict.fromkeys([*survivor.nominal.rows.values(), *copies]),
        {**fields, **{name: others[name] for name in filled}},
    )
    return _Planned(survivor, copies, filled, draft)


async def _merge(
    alteration: Alteration, register: NameRegister, survivor_id: NominalId, new: NewMerge
) -> Merged:
    planned = await _plan(alteration, survivor_id, new)
    version = await nominals.amend(alteration, register, survivor_id, new.version, planned.draft)
    after = await _read(alteration, survivor_id)
    before = set(planned.survivor.nominal.rows.values())
    present = after.nominal.rows.items()
    made = Merge(
        own=frozenset(row_id for row_id, item in present if item in before),
        copied={row_id: planned.copies[item] for row_id, item in present if item not in before},
        filled=planned.filled,
    )
    merge_id, merged_id = uuid4(), NominalId(new.merged_id)
    await repository.add(alteration, merge_id, survivor_id, merged_id, made)
    await _log(alteration, "nominals.merge", merge_id, survivor_id, merged_id)
    return Merged(merge_id=merge_id, survivor_id=survivor_id, merged_id=merged_id, version=version)


def _apart(survivor: _Whole, merged: _Whole, made: Merge, told: Undo) -> _Apart:
    if survivor.version != told.version:
        raise ConflictError("Somebody changed the nominal meanwhile; look at the conflicts again.")
    open_ones = [
        conflict
        for conflict in _conflicts(survivor, merged, made)
        if told.placed.get(conflict.key) not in conflict.choices
    ]
    if open_ones:
        raise ConflictError(
            "Say where each change goes that was made since the merge.",
            conflicts=[conflict.model_dump(mode="json") for conflict in open_ones],
        )
    parted = part(survivor.nominal, merged.nominal, made, told.placed)
    kept = {**survivor.nominal.fields, **dict.fromkeys(parted.emptied)}
    moved = {name: survivor.nominal.fields[name] for name in parted.altered}
    draft = None
    if moved or set(parted.duplicate) != set(merged.nominal.rows.values()):
        items = _one_primary(parted.duplicate)
        draft = merged.draft(items, {**merged.nominal.fields, **moved})
    return _Apart(survivor, merged, survivor.draft(parted.survivor, kept), draft)


def _one_primary(items: Iterable[Item]) -> list[Item]:
    """Return items whose primary name is the first of them; another one becomes an alias."""
    found: list[Item] = []
    for item in items:
        primary = item != merge_item(item)
        there = any(other != merge_item(other) for other in found)
        found.append(merge_item(item) if primary and there else item)
    return list(dict.fromkeys(found))


def _conflicts(survivor: _Whole, merged: _Whole, made: Merge) -> list[Conflict]:
    return [
        Conflict(
            key=question.key,
            change=question.change,
            section=question.section,
            value=json.loads(question.value) if question.section in DRAFTS else question.value,
            choices=list(question.choices),
        )
        for question in questions(survivor.nominal, merged.nominal, made)
    ]


async def _found(consultation: Consultation, merge_id: UUID) -> tuple[_Whole, _Whole, Merge]:
    row = await repository.find(consultation, merge_id)
    if row is None:
        raise NotFoundError(_NO_MERGE)
    if row.undone_at is not None:
        raise ConflictError("This merge was undone already.")
    made = Merge(
        own=frozenset(row.survivor_rows),
        copied=dict(zip(row.copied_rows, row.source_rows, strict=True)),
        filled=tuple(row.filled),
    )
    survivor = await _read(consultation, NominalId(row.survivor_id))
    return survivor, await _read(consultation, NominalId(row.merged_id)), made


async def _read(consultation: Consultation, nominal_id: NominalId) -> _Whole:
    """Read a nominal of the own force whole, and log it; RefusedError where a part is hidden."""
    stored = await nominals.read_stored(consultation, nominal_id)
    if stored.owner != consultation.subject.tenant_id:
        raise RefusedError("Only the force that owns nominals merges them; contact that force.")
    if stored.disclosed.withheld:
        raise RefusedError("A part of the nominal isn't shown to you; ask a records manager.")
    view = stored.disclosed.nominal
    label = consultation.visibility.view(stored.row["label_id"]).label
    return _Whole(
        nominal_id=nominal_id,
        version=view.version,
        handling={name: getattr(label, name) for name in HANDLING},
        nominal=Nominal(
            fields={name: getattr(view, name) for name in FIELDS}, rows=_items(stored.sections)
        ),
    )


def _items(sections: Mapping[str, Sequence[Row]]) -> dict[UUID, Item]:
    if any(item["record_class"] is None for item in sections["involvements"]):
        raise RefusedError("It has a part in a record that you can't see; ask a records manager.")
    return {
        UUID(row["row_id"]): (section, _value(section, row))
        for section, found in sections.items()
        for row in found
    }


def _value(section: str, row: Row) -> str:
    return canonical(row_value(DRAFTS[section], row))


async def _log(
    alteration: Alteration, action: str, merge_id: UUID, survivor: NominalId, merged: NominalId
) -> None:
    content = {"merge": str(merge_id), "nominals": [str(survivor), str(merged)]}
    entry = Entry(EventKind.ALTERATION, action, alteration.reason, content)
    await append(alteration.session, alteration.visibility.grant_set_id, entry)
