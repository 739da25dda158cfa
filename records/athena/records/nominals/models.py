"""Rows of the tables of records, as the repository writes them in bulk.

``ROW_TABLES`` is the one list of a nominal's child tables: the section of a draft that fills each,
its columns, and the scope (level or field group) under which the store shows it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID, uuid4

from athena.platform.kernel.identity import FieldGroup, LabelId, NominalId, TenantId
from athena.records.names.keys import day_number
from athena.records.nominals.schemas import (
    AddressDraft,
    InvolvementDraft,
    LocationDraft,
    NominalDraft,
)

if TYPE_CHECKING:  # who lays out rows alone needn't load what speaks with the store
    from athena.records.names.service import NameRegister

Row = dict[str, Any]

RecordKey = tuple[str, str]
"""The class and the number of a record, which name it within its force."""


@dataclass(frozen=True, slots=True)
class RowTable:
    """A child table of a nominal."""

    name: str
    section: str
    columns: Sequence[str]
    group: FieldGroup | None
    """The group whose scope shows it; None is the summary."""


ROW_TABLES = (
    RowTable("nominal_name", "names", ("kind", "given_names", "surname"), None),
    RowTable("identifier", "identifiers", ("kind", "value"), FieldGroup.IDENTIFIERS),
    RowTable("contact", "contacts", ("kind", "value"), FieldGroup.CONTACTS),
    RowTable(
        "address",
        "addresses",
        ("kind", "location_id", "valid_from", "valid_to"),
        FieldGroup.ADDRESSES,
    ),
    RowTable("description", "descriptions", ("attribute", "value"), FieldGroup.DESCRIPTIONS),
    RowTable("marker", "markers", ("code", "note", "valid_from", "valid_to"), FieldGroup.MARKERS),
    RowTable("assessment", "assessments", ("basis", "text"), FieldGroup.ASSESSMENTS),
    RowTable(
        "involvement",
        "involvements",
        ("record_id", "role", "vulnerability_factors"),
        FieldGroup.INVOLVEMENTS,
    ),
)

NOMINAL_COLUMNS = (
    "sex",
    "gender",
    "date_of_birth",
    "date_of_birth_precision",
    "date_of_death",
    "place_of_birth",
)


@dataclass(slots=True)
class RowBatch:
    """Rows to insert, by table; the order of `TABLES` satisfies every foreign key."""

    rows: dict[str, list[Row]] = field(default_factory=dict)

    TABLES = (
        "nominal",
        *(table.name for table in ROW_TABLES),
        "name_key",
    )

    def add(self, table: str, row: Row) -> None:
        """Add a row of a table."""
        self.rows.setdefault(table, []).append(row)

    def __len__(self) -> int:
        return sum(len(rows) for rows in self.rows.values())


@dataclass(frozen=True, slots=True)
class RowWriter:
    """Turns drafts of one owner into rows."""

    owner: TenantId
    register: NameRegister
    record_ids: Mapping[RecordKey, UUID]
    """The ids of the record headers, by class and number."""
    location_ids: Mapping[LocationDraft, UUID]
    """The ids of the places."""

    def nominal_row(self, nominal_id: NominalId, label_id: LabelId, draft: NominalDraft) -> Row:
        """Return the row of the summary level."""
        return {
            **self._key(nominal_id),
            "label_id": label_id,
            **nominal_values(draft),
        }

    def add_nominal(
        self, batch: RowBatch, nominal_id: NominalId, label_id: LabelId, draft: NominalDraft
    ) -> None:
        """Add a nominal with all its child rows."""
        batch.add("nominal", self.nominal_row(nominal_id, label_id, draft))
        for table in ROW_TABLES:
            for item in getattr(draft, table.section):
                self.add_child(batch, table, nominal_id, label_id, item, draft)

    def add_child(
        self,
        batch: RowBatch,
        table: RowTable,
        nominal_id: NominalId,
        label_id: LabelId,
        item: Any,
        draft: NominalDraft,
        row_id: UUID | None = None,
    ) -> None:
        """Add one child row, with its name keys where it has them.

        ``row_id`` is that of a row of the same value that was written anew.
        """
        own = {"row_id": str(row_id or uuid4()), "label_id": label_id}
        row: Row = {**self._key(nominal_id), **own}
        row |= item.model_dump(mode="json", include=set(table.columns))
        if isinstance(item, AddressDraft):
            row["location_id"] = str(self.location_ids[item.location])
        elif isinstance(item, InvolvementDraft):
            row["record_id"] = str(self.record_ids[record_key(item)])
        batch.add(table.name, row)
        if table.section == "names":
            born = draft.date_of_birth.earliest if draft.date_of_birth else None
            self._add_name_keys(batch, row, day_number(born))

    def _add_name_keys(self, batch: RowBatch, name: Row, day: int) -> None:
        keys = self.register.keys_of(name["given_names"], name["surname"], day)
        for by_name, by_date in keys:
            batch.add(
                "name_key",
                {
                    "owner_force": self.owner,
                    "nominal_id": name["nominal_id"],
                    "row_id": str(uuid4()),
                    "label_id": name["label_id"],
                    "name_row_id": name["row_id"],
                    "name_key": by_name,
                    "date_key": by_date,
                },
            )

    def _key(self, nominal_id: NominalId) -> Row:
        return {"owner_force": self.owner, "nominal_id": str(nominal_id)}


class LabelParts(NamedTuple):
    """What the label of a nominal depends on, as the store takes it."""

    marking: str
    handling: str
    conditions: tuple[str, ...]
    categories: tuple[str, ...]
    sensitive: bool
    restricted: bool
    sealed: bool


def label_parts(draft: NominalDraft) -> LabelParts:
    """Return what the label of a draft depends on."""
    return LabelParts(
        str(draft.marking),
        str(draft.handling),
        tuple(sorted(map(str, draft.conditions))),
        tuple(map(str, draft.categories)),
        draft.sensitive,
        draft.restricted,
        draft.sealed,
    )


def record_key(involvement: InvolvementDraft) -> RecordKey:
    """Return what names the record of an involvement."""
    return involvement.record_class.value, involvement.record_number


def nominal_values(draft: NominalDraft) -> Row:
    """Return the columns of `NOMINAL_COLUMNS` for a draft."""
    born = draft.date_of_birth
    return {
        "sex": draft.sex,
        "gender": draft.gender,
        "date_of_birth": born.earliest.isoformat() if born else None,
        "date_of_birth_precision": born.precision.value if born else None,
        "date_of_death": draft.date_of_death.isoformat() if draft.date_of_death else None,
        "place_of_birth": draft.place_of_birth,
    }
