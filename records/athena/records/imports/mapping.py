"""A mapping file: which column of a CSV file is which field of a nominal."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from athena.platform.kernel.errors import InvalidInputError
from athena.records.nominals.identifiers import IdentifierKind
from athena.records.nominals.schemas import NominalDraft
from athena.records.nominals.values import Sex


class Columns(BaseModel):
    """The column that holds each field; leave out what the file doesn't have."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    given_names: str | None = None
    surname: str | None = None
    date_of_birth: str | None = None
    sex: str | None = None
    place_of_birth: str | None = None
    premises: str | None = None
    street: str | None = None
    town: str | None = None
    county: str | None = None
    postcode: str | None = None
    telephone: str | None = None
    email: str | None = None


class FileMapping(BaseModel):
    """How to read a file: ``source`` names the system, ``id`` the column that tells rows apart."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field(min_length=1, max_length=100)
    id: str
    date_format: str | None = Field(default=None, description="As in Python, such as %Y%m%d")
    columns: Columns
    identifiers: dict[IdentifierKind, str] = Field(default_factory=dict)
    sex_values: dict[str, Sex] = Field(default_factory=dict)

    def columns_used(self) -> set[str]:
        """Return every column that the file must have."""
        named = {name for name in self.columns.model_dump().values() if name}
        return {self.id, *named, *self.identifiers.values()}

    def draft(self, row: Mapping[str, str]) -> NominalDraft:
        """Return the nominal of a row; ValidationError or InvalidInputError tell what is wrong."""
        columns = self.columns

        def cell(column: str | None) -> str:
            return row[column].strip() if column else ""

        location = {
            name: cell(getattr(columns, name))
            for name in ("premises", "street", "town", "county", "postcode")
            if cell(getattr(columns, name))
        }
        contacts = [
            {"kind": kind, "value": cell(getattr(columns, kind))}
            for kind in ("telephone", "email")
            if cell(getattr(columns, kind))
        ]
        identifiers = [
            {"kind": kind, "value": cell(column)}
            for kind, column in self.identifiers.items()
            if cell(column)
        ]
        fields: dict[str, Any] = {
            "names": [{"given_names": cell(columns.given_names), "surname": cell(columns.surname)}],
            "identifiers": identifiers,
            "contacts": contacts,
            "addresses": [{"location": location}] if location else [],
        }
        if cell(columns.date_of_birth):
            fields["date_of_birth"] = self._date(cell(columns.date_of_birth))
        if cell(columns.sex):
            fields["sex"] = self.sex_values.get(cell(columns.sex), cell(columns.sex))
        if cell(columns.place_of_birth):
            fields["place_of_birth"] = cell(columns.place_of_birth)
        return NominalDraft.model_validate(fields)

    def _date(self, text: str) -> str:
        if self.date_format is None:
            return text
        try:
            return datetime.strptime(text, self.date_format).date().isoformat()  # noqa: DTZ007 - a date
        except ValueError:
            raise InvalidInputError(
                f"There is no such date in the form {self.date_format}.", field="/date_of_birth"
            ) from None


def load_mapping(path: Path) -> FileMapping:
    """Read a mapping file, or say in one sentence what is wrong with it."""
    try:
        return FileMapping.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InvalidInputError(f"{path} can't be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path} isn't TOML in UTF-8: {error}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InvalidInputError(f"{path}: {place}: {first['msg']}.") from None
