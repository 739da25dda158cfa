"""Nominals turned into columns, so that a whole batch goes into each table by one statement.

PostgreSQL refuses COPY into a table with row-level security (docs/adr/0014). Arrays of whole
columns are the next best: no row is parsed, and a policy is asked once for a statement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from athena.platform.kernel.identity import LabelId, NominalId
from athena.records.names.keys import date_key, day_number, name_key
from athena.records.names.service import TermPair
from athena.records.nominals.models import NOMINAL_COLUMNS, ROW_TABLES, RecordKey, record_key
from athena.records.nominals.schemas import LocationDraft, NameDraft, NominalDraft

_TYPES = {
    "nominal_id": "uuid",
    "row_id": "uuid",
    "label_id": "smallint",
    "location_id": "uuid",
    "record_id": "uuid",
    "name_row_id": "uuid",
    "name_key": "bigint",
    "date_key": "bigint",
    "date_of_birth": "date",
    "date_of_death": "date",
    "valid_from": "date",
    "valid_to": "date",
}
_CASTS = {"vulnerability_factors": "text[]"}
"""Columns that are arrays themselves travel as text: an array of arrays would be flattened."""


@dataclass(slots=True)
class TableColumns:
    """The rows of one table, column by column."""

    name: str
    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]] = field(default_factory=list)

    def type_of(self, column: str) -> str:
        """Return the SQL type in which a column travels."""
        return _TYPES.get(column, "text")

    def cast_of(self, column: str) -> str | None:
        """Return the SQL type that a column becomes where it arrives, if it travels as text."""
        return _CASTS.get(column)

    def arrays(self) -> list[list[Any]]:
        """Return the columns."""
        return [list(column) for column in zip(*self.rows, strict=True)]


_KEY = ("nominal_id", "label_id")
_OWN_ROW_IDS = ("nominal_name",)
"""Tables whose row ids others refer to; the store makes those of the rest."""


@dataclass(frozen=True, slots=True)
class Written:
    """A nominal to write: its id, its label, and what it says."""

    nominal_id: NominalId
    label_id: LabelId
    draft: NominalDraft


def columns_of(
    written: Sequence[Written],
    pairs: Mapping[tuple[str, str], Sequence[TermPair]],
    record_ids: Mapping[RecordKey, UUID],
    location_ids: Mapping[LocationDraft, UUID],
) -> list[TableColumns]:
    """Return the rows of a batch by table, in an order that satisfies every foreign key."""
    nominal = TableColumns("nominal", (*_KEY, *NOMINAL_COLUMNS))
    keys = TableColumns("name_key", (*_KEY, "name_row_id", "name_key", "date_key"))
    children = {
        table.section: TableColumns(
            table.name,
            (*_KEY, *(("row_id",) if table.name in _OWN_ROW_IDS else ()), *table.columns),
        )
        for table in ROW_TABLES
    }
    for item in written:
        key = (item.nominal_id, item.label_id)
        draft = item.draft
        born = draft.date_of_birth
        nominal.rows.append(
            (
                *key,
                draft.sex,
                draft.gender,
                born.earliest if born else None,
                born.precision if born else None,
                draft.date_of_death,
                draft.place_of_birth,
            )
        )
        day = day_number(born.earliest if born else None)
        for name in draft.names:
            row_id = uuid4()
            row = (*key, row_id, name.kind, name.given_names, name.surname)
            children["names"].rows.append(row)
            keys.rows.extend(
                (*key, row_id, name_key(family, given, day), date_key(family, given, day))
                for family, given in pairs[spelt(name)]
            )
        _add_plain(children, key, draft)
        children["addresses"].rows.extend(
            (*key, each.kind, location_ids[each.location], each.valid_from, each.valid_to)
            for each in draft.addresses
        )
        children["involvements"].rows.extend(
            (
                *key,
                record_ids[record_key(each)],
                each.role,
                "{" + ",".join(each.vulnerability_factors) + "}",
            )
            for each in draft.involvements
        )
    return [table for table in (nominal, *children.values(), keys) if table.rows]


def keys_of(draft: NominalDraft, pairs: Mapping[tuple[str, str], Sequence[TermPair]]) -> list[int]:
    """Return the name keys of a nominal whose day of birth is known; of others none."""
    born = draft.date_of_birth
    if born is None or born.day is None:
        return []
    day = day_number(born.earliest)
    return [
        name_key(family, given, day)
        for name in draft.names
        for family, given in pairs[spelt(name)]
        if family and given
    ]


def spelt(name: NameDraft) -> tuple[str, str]:
    """Return a name as the dictionary takes it."""
    return name.given_names, name.surname


def _add_plain(
    children: Mapping[str, TableColumns], key: tuple[NominalId, LabelId], draft: NominalDraft
) -> None:
    """Add the rows that need nothing but the draft."""
    for number in draft.identifiers:
        children["identifiers"].rows.append((*key, number.kind, number.value))
    for contact in draft.contacts:
        children["contacts"].rows.append((*key, contact.kind, contact.value))
    for each in draft.descriptions:
        children["descriptions"].rows.append((*key, each.attribute, each.value))
    for marker in draft.markers:
        children["markers"].rows.append(
            (*key, marker.code, marker.note, marker.valid_from, marker.valid_to)
        )
    for assessment in draft.assessments:
        children["assessments"].rows.append((*key, assessment.basis, assessment.text))
