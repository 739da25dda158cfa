"""A mapping file: which column of a file is which field of a nominal, and how it is translated.

A field is a column's name, or a table that says more: ``{column = "sex", values = {Female = "F"}}``
translates codes, ``{constant = "suspect"}`` is the same for every row, ``formats`` are the forms in
which dates are written. Nothing in a mapping is a program.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from athena.platform.kernel.errors import InvalidInputError
from athena.records.nominals.identifiers import IdentifierKind
from athena.records.nominals.values import AddressKind, ContactKind, NameKind, Sex

Formats = tuple[Annotated[str, Field(min_length=2, max_length=50)], ...]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def cells(self) -> Iterator[Cell]:
        """Yield every cell."""
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, Cell):
                yield value


class Cell(BaseModel):
    """Where a field comes from: a column, or a constant."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str | None = Field(default=None, min_length=1)
    constant: str | None = None
    values: dict[str, str] = Field(default_factory=dict, description="Codes and what they mean")
    otherwise: str | None = Field(default=None, description="For codes that aren't listed")
    formats: Formats = Field(default=(), description="Of dates, as in Python, such as %Y%m%d")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.column is None) == (self.constant is None):
            raise ValueError("name either a column or a constant")
        return self

    def means(self, text: str) -> str:
        """Return what a code of the column means; nothing stays nothing."""
        if not text:
            return text
        return self.values.get(text, text if self.otherwise is None else self.otherwise)


def _cell(value: Any) -> Any:
    return {"column": value} if isinstance(value, str) else value


Source = Annotated[Cell, BeforeValidator(_cell)]
Optional = Source | None
Separator = Annotated[str | None, Field(min_length=1, max_length=5)]


class Columns(_Part):
    """The fields that a nominal has once; leave out what the file doesn't have."""

    given_names: Optional = None
    surname: Optional = None
    date_of_birth: Optional = None
    date_of_death: Optional = None
    sex: Optional = None
    gender: Optional = None
    place_of_birth: Optional = None
    premises: Optional = None
    street: Optional = None
    town: Optional = None
    county: Optional = None
    postcode: Optional = None
    telephone: Optional = None
    email: Optional = None
    marking: Optional = None
    handling: Optional = None
    conditions: Optional = None
    sensitive: Optional = None
    restricted: Optional = None
    sealed: Optional = None


class NameColumns(_Part):
    """A further name."""

    kind: NameKind = NameKind.ALIAS
    given_names: Optional = None
    surname: Optional = None


class AddressColumns(_Part):
    """A further address."""

    kind: AddressKind = AddressKind.PREVIOUS
    premises: Optional = None
    street: Optional = None
    town: Optional = None
    county: Optional = None
    postcode: Optional = None
    uprn: Optional = None
    latitude: Optional = None
    longitude: Optional = None
    valid_from: Optional = None
    valid_to: Optional = None


class ContactColumns(_Part):
    """A further telephone number or email address, or several in one cell."""

    kind: ContactKind
    value: Source
    separator: Separator = None


class IdentifierColumns(_Part):
    """Several identifiers of a kind in one cell."""

    kind: IdentifierKind
    value: Source
    separator: Separator = None


class MarkerColumns(_Part):
    """A warning marker, or several in one cell."""

    code: Source
    note: Optional = None
    valid_from: Optional = None
    valid_to: Optional = None
    separator: Separator = None


class DescriptionColumns(_Part):
    """A descriptive attribute, or several in one cell."""

    attribute: Source
    value: Source
    separator: Separator = None


class AssessmentColumns(_Part):
    """An assessment: an opinion, kept apart from facts."""

    basis: Source
    text: Source


class InvolvementColumns(_Part):
    """A part in a record."""

    record_class: Source
    record_number: Source
    role: Source
    vulnerability_factors: Optional = None


class FileMapping(BaseModel):
    """How to read a file: ``source`` names the system, ``id`` the column that tells rows apart."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field(min_length=1, max_length=100)
    id: str = Field(min_length=1)
    format: Literal["csv", "jsonl", "parquet"] | None = Field(
        default=None, description="By default as the file's name ends"
    )
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    date_format: str | None = Field(default=None, description="As in Python, such as %Y%m%d")
    date_formats: Formats = ()
    columns: Columns
    identifiers: dict[IdentifierKind, Source] = Field(default_factory=dict)
    sex_values: dict[str, Sex] = Field(default_factory=dict)
    names: tuple[NameColumns, ...] = ()
    addresses: tuple[AddressColumns, ...] = ()
    contacts: tuple[ContactColumns, ...] = ()
    more_identifiers: tuple[IdentifierColumns, ...] = ()
    markers: tuple[MarkerColumns, ...] = ()
    descriptions: tuple[DescriptionColumns, ...] = ()
    assessments: tuple[AssessmentColumns, ...] = ()
    involvements: tuple[InvolvementColumns, ...] = ()

    def columns_used(self) -> tuple[str, ...]:
        """Return every column that the file must have, the id first."""
        parts: list[_Part] = [
            self.columns,
            *self.names,
            *self.addresses,
            *self.contacts,
            *self.more_identifiers,
            *self.markers,
            *self.descriptions,
            *self.assessments,
            *self.involvements,
        ]
        cells = [cell for part in parts for cell in part.cells()]
        named = [cell.column for cell in (*cells, *self.identifiers.values()) if cell.column]
        return tuple(dict.fromkeys([self.id, *named]))

    @property
    def sha256(self) -> str:
        """The digest of what the mapping says, whatever its file looks like."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    @property
    def formats(self) -> Formats:
        """The forms in which dates are written, tried in their order; none for the usual ones."""
        return (self.date_format,) if self.date_format else self.date_formats


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
        raise InvalidInputError(f"{path}: {place}: {first['msg'].rstrip('.')}.") from None
