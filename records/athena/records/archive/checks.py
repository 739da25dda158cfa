"""Lines of an archive become rows again: each is checked as if it were typed in today."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from athena.platform.kernel.errors import InvalidInputError
from athena.records.nominals.models import Row
from athena.records.nominals.schemas import (
    AssessmentDraft,
    ContactDraft,
    DescriptionDraft,
    IdentifierDraft,
    LocationDraft,
    MarkerDraft,
    NameDraft,
)
from athena.records.nominals.values import (
    HandlingCode,
    HandlingCondition,
    Marking,
    Sex,
    SubjectCategory,
)


class LabelLine(BaseModel):
    """A label as a line spells it out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    record_class: str
    marking: Marking
    handling: HandlingCode
    conditions: list[HandlingCondition]
    categories: list[SubjectCategory]
    sensitive: bool
    restricted: bool
    sealed: bool


class _Summary(BaseModel):
    sex: Sex | None


_MODELS: Mapping[str, type[BaseModel]] = {
    "assessment": AssessmentDraft,
    "contact": ContactDraft,
    "description": DescriptionDraft,
    "identifier": IdentifierDraft,
    "location": LocationDraft,
    "marker": MarkerDraft,
    "nominal": _Summary,
    "nominal_name": NameDraft,
}


def parse_lines(table: str, lines: Collection[str], fields: Collection[str]) -> list[Row]:
    """Return the rows of a table's lines; InvalidInputError tells the table and the line."""
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line, parse_constant=_no_constants)
            if not isinstance(row, dict) or row.keys() != set(fields):
                raise ValueError("the fields aren't those of the table")
            if "\\u0000" in line:
                raise ValueError("there is a NUL character")
            _check(table, row)
        except (ValueError, RecursionError):
            raise InvalidInputError(
                f"Line {number} of {table}.jsonl isn't a row that this store can hold; "
                "nothing was loaded."
            ) from None
        rows.append(row)
    return rows


def _check(table: str, row: Row) -> None:
    if "label" in row:
        LabelLine.model_validate(row["label"])
    model = _MODELS.get(table)
    if model is None:
        return
    given: dict[str, Any] = {name: row[name] for name in model.model_fields if name in row}
    checked = model.model_validate(given).model_dump(mode="json")
    if {name: checked[name] for name in given} != given:
        raise ValueError("a value isn't in the form in which it is stored")


def _no_constants(name: str) -> Callable[[], None]:
    raise ValueError(f"{name} isn't JSON")
