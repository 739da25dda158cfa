"""Stored rows as the values they were written from, and values as text that compares exactly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from athena.records.nominals.models import Row
from athena.records.nominals.schemas import (
    AddressDraft,
    AssessmentDraft,
    ContactDraft,
    DescriptionDraft,
    IdentifierDraft,
    InvolvementDraft,
    InvolvementView,
    LocationDraft,
    MarkerDraft,
    NameDraft,
)

DRAFTS: Mapping[str, type[BaseModel]] = {
    "names": NameDraft,
    "identifiers": IdentifierDraft,
    "contacts": ContactDraft,
    "addresses": AddressDraft,
    "descriptions": DescriptionDraft,
    "markers": MarkerDraft,
    "assessments": AssessmentDraft,
    "involvements": InvolvementDraft,
}
VIEWS: Mapping[str, type[BaseModel]] = {**DRAFTS, "involvements": InvolvementView}


def row_value(model: type[BaseModel], row: Row) -> Any:
    """Return a stored row as a value; what is stored was validated when it was written."""
    values = {name: row.get(name) for name in model.model_fields}
    if model is AddressDraft:
        location = row["location"]
        values["location"] = {name: location.get(name) for name in LocationDraft.model_fields}
    return model.model_validate(values)


def canonical(item: BaseModel) -> str:
    """Return a value as text that is the same for the same value."""
    return json.dumps(item.model_dump(mode="json"), sort_keys=True)
