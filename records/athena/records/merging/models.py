"""What a merge writes, and where each change made since would go when it is undone: pure values.

The duplicate stays as it was; the survivor gets a copy of each row that it lacks. So undoing takes
copies away, and asks a person only about what was changed in between.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

FIELDS = ("sex", "gender", "date_of_birth", "date_of_death", "place_of_birth")
HANDLING = ("marking", "handling", "conditions", "sensitive", "restricted", "sealed")

Item = tuple[str, str]
"""The section of a row, and its values as canonical text."""


class Change(enum.StrEnum):
    """What happened to the survivor since the merge that a person must place."""

    ADDED = "added"
    REMOVED = "removed"
    ALTERED = "altered"


class Place(enum.StrEnum):
    """Where a change goes when the merge is undone."""

    SURVIVOR = "survivor"
    DUPLICATE = "duplicate"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Nominal:
    """A nominal as it stands: its summary, and each row's id with its item."""

    fields: Mapping[str, object]
    rows: Mapping[UUID, Item]


@dataclass(frozen=True, slots=True)
class Merge:
    """What was merged: the survivor's own rows, the copies, and where each was copied from."""

    own: frozenset[UUID]
    copied: Mapping[UUID, UUID]
    filled: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """A change that a person must place, by a key that stays while nothing else changes."""

    key: str
    change: Change
    section: str
    value: str
    choices: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Parted:
    """The two nominals as they are after the merge is undone."""

    survivor: Sequence[Item]
    duplicate: Sequence[Item]
    emptied: tuple[str, ...]
    """Fields of the survivor's summary that only the duplicate knew, to be emptied again."""
    altered: tuple[str, ...]
    """Fields of the duplicate's summary that take over what was changed at the survivor."""


def questions(survivor: Nominal, duplicate: Nominal, merge: Merge) -> list[Question]:
    """Return what was changed since the merge and isn't plainly one side's."""
    found = []
    lost = _lost(survivor, duplicate, merge)
    for row_id, (section, value) in sorted(survivor.rows.items(), key=lambda row: row[1]):
        if row_id in _added(survivor, duplicate, merge):
            item = (section, value)
            # A nominal has one primary name: the survivor can't give its own away.
            choices = tuple(Place) if item == merge_item(item) else (Place.SURVIVOR, Place.BOTH)
            found.append(Question(str(row_id), Change.ADDED, section, value, choices))
    for source in sorted(lost, key=lambda row_id: duplicate.rows[row_id]):
        section, value = duplicate.rows[source]
        choices = (Place.SURVIVOR, Place.BOTH)
        found.append(Question(str(source), Change.REMOVED, section, value, choices))
    found += [
        Question(field, Change.ALTERED, field, str(survivor.fields[field] or ""), tuple(Place))
        for field in merge.filled
        if survivor.fields[field] != duplicate.fields[field]
    ]
    return found


def part(
    survivor: Nominal, duplicate: Nominal, merge: Merge, placed: Mapping[str, Place]
) -> Parted:
    """Return both nominals as they stand apart; ``placed`` answers every question.

    What was removed goes from the survivor alone, or from both. Nothing is lost but what a person
    says shall be.
    """
    added = _added(survivor, duplicate, merge)
    asked = {question.key for question in questions(survivor, duplicate, merge)}
    assert asked <= placed.keys(), "every question has its answer"
    stays = [
        item
        for row_id, item in survivor.rows.items()
        if row_id in merge.own or (row_id in added and placed[str(row_id)] is not Place.DUPLICATE)
    ]
    moved = [
        item
        for row_id, item in survivor.rows.items()
        if row_id in added and placed[str(row_id)] is not Place.SURVIVOR
    ]
    lost = _lost(survivor, duplicate, merge)
    kept = [
        item
        for row_id, item in duplicate.rows.items()
        if row_id not in lost or placed[str(row_id)] is Place.SURVIVOR
    ]
    emptied, altered = [], []
    for field in merge.filled:
        if field not in asked:
            emptied.append(field)
            continue
        if placed[field] is Place.DUPLICATE:
            emptied.append(field)
        if placed[field] is not Place.SURVIVOR:
            altered.append(field)
    return Parted(
        survivor=tuple(dict.fromkeys(stays)),
        duplicate=tuple(dict.fromkeys([*kept, *moved])),
        emptied=tuple(emptied),
        altered=tuple(altered),
    )


def _copies(survivor: Nominal, duplicate: Nominal, merge: Merge) -> dict[UUID, UUID]:
    """Return the survivor's rows that are copies still, with what each was copied from.

    A row written anew with the same value, as names are with another date of birth, is one too.
    """
    copies = {row: source for row, source in merge.copied.items() if row in survivor.rows}
    gone = {
        merge_item(duplicate.rows[source]): source
        for row, source in merge.copied.items()
        if row not in survivor.rows and source in duplicate.rows
    }
    for row_id, item in survivor.rows.items():
        if row_id not in merge.own and row_id not in copies and item in gone:
            copies[row_id] = gone.pop(item)
    return copies


def _added(survivor: Nominal, duplicate: Nominal, merge: Merge) -> Collection[UUID]:
    copies = _copies(survivor, duplicate, merge)
    return {row for row in survivor.rows if row not in merge.own and row not in copies}


def _lost(survivor: Nominal, duplicate: Nominal, merge: Merge) -> set[UUID]:
    """Return the duplicate's rows whose copy somebody took away from the survivor."""
    there = set(_copies(survivor, duplicate, merge).values())
    return {
        source
        for source in merge.copied.values()
        if source not in there and source in duplicate.rows
    }


def merge_item(item: Item) -> Item:
    """Return a duplicate's row as the survivor gets it: its primary name becomes an alias."""
    section, value = item
    if section == "names":
        value = value.replace('"kind": "primary"', '"kind": "alias"')
    return section, value
