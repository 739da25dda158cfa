"""From a row to a nominal: cells are translated, and each part is checked by the usual rules.

The rules are those of `nominals.schemas`, nothing is checked otherwise. What often comes again (a
name, a place, a day) is checked once and remembered, which is most of what makes an import fast.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from athena.platform.kernel.errors import InvalidInputError
from athena.records.imports.mapping import Cell, FileMapping, Formats
from athena.records.imports.parts import described, home_at, name_of, partial, whole
from athena.records.imports.reading import RawRow
from athena.records.nominals.schemas import (
    AddressDraft,
    AssessmentDraft,
    ContactDraft,
    DescriptionDraft,
    IdentifierDraft,
    InvolvementDraft,
    MarkerDraft,
    NameDraft,
    NominalDraft,
)
from athena.records.nominals.values import ContactKind, NameKind

Part = TypeVar("Part", bound=BaseModel)
Take = Callable[[Sequence[str]], str]
_LOCATION = ("premises", "street", "town", "county", "postcode")
_LISTED = ("code", "value")
"""The cell of a part that can hold several values."""
_ONCE = ("sex", "gender", "place_of_birth", "marking", "handling")
_FLAGS = {"true": True, "yes": True, "y": True, "1": True, "": False}
_FLAGS |= {"false": False, "no": False, "n": False, "0": False}


@dataclass(frozen=True, slots=True)
class Problem:
    """A rule that a row breaks: the field, and the rule in words that never quote the value."""

    field: str
    reason: str


class DraftError(Exception):
    """A row that can't become a nominal."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems[0].reason)
        self.problems = problems


@dataclass(frozen=True, slots=True)
class SourcedDraft:
    """A nominal to load, and the id of the record it comes from."""

    source_id: str
    draft: NominalDraft


class Drafter:
    """Turns the rows of one file into nominals."""

    def __init__(self, mapping: FileMapping) -> None:
        """Find where each field of the mapping stands among the columns used."""
        self._mapping = mapping
        self._places = {name: place for place, name in enumerate(mapping.columns_used())}
        columns = mapping.columns
        sex = columns.sex
        if sex is not None and mapping.sex_values:
            codes = {code: value.value for code, value in mapping.sex_values.items()}
            sex = sex.model_copy(update={"values": {**codes, **sex.values}})
        self._take: dict[str, Take] = {
            name: self._taker(cell)
            for name in type(columns).model_fields
            if (cell := sex if name == "sex" else getattr(columns, name)) is not None
        }
        self._formats: dict[str, Formats] = {
            name: (cell.formats or mapping.formats)
            for name in ("date_of_birth", "date_of_death")
            if (cell := getattr(columns, name)) is not None
        }
        self._identifiers = [
            (kind, cell, self._taker(cell), None) for kind, cell in mapping.identifiers.items()
        ] + [
            (more.kind, more.value, self._taker(more.value, listed=True), more.separator)
            for more in mapping.more_identifiers
        ]
        self._blocks = {
            section: [(part, self._takers(part)) for part in getattr(mapping, section)]
            for section in (
                "names",
                "addresses",
                "contacts",
                "markers",
                "descriptions",
                "assessments",
                "involvements",
            )
        }

        self._home = [self._take.get(name) for name in _LOCATION]
        self._plain_contacts = [
            (kind, take) for kind in ContactKind if (take := self._take.get(kind.value))
        ]
        blocks = self._blocks
        sections: list[tuple[str, Callable[..., list[Any]], bool]] = [
            ("identifiers", self._all_identifiers, bool(self._identifiers)),
            ("contacts", self._contacts, bool(self._plain_contacts or blocks["contacts"])),
            ("addresses", self._addresses, any(self._home) or bool(blocks["addresses"])),
            ("markers", self._markers, bool(blocks["markers"])),
            ("descriptions", self._descriptions, bool(blocks["descriptions"])),
            ("assessments", self._assessments, bool(blocks["assessments"])),
            ("involvements", self._involvements, bool(blocks["involvements"])),
        ]
        self._sections = [(name, make) for name, make, mapped in sections if mapped]

    @property
    def fields(self) -> dict[str, Take]:
        """The fields that a row can fill, by what a report calls them."""
        found = dict(self._take)
        for kind, _, take, _ in self._identifiers:
            found[f"identifiers.{kind.value}"] = take
        for section, blocks in self._blocks.items():
            for number, (_, takers) in enumerate(blocks, start=1):
                found |= {f"{section} {number}.{name}": take for name, take in takers.items()}
        return found

    def source_id(self, row: RawRow) -> str:
        """Return the id of a row; DraftError where it was unreadable or has no proper id."""
        if row.problem:
            raise DraftError([Problem("", row.problem)])
        source_id = row.cells[0]
        if not source_id or len(source_id) > 200 or not source_id.isprintable():
            reason = "The row has no id, or one over 200 printable characters"
            raise DraftError([Problem(self._mapping.id, reason)])
        return source_id

    def draft(self, row: RawRow) -> NominalDraft:
        """Return the nominal of a row; DraftError tells every rule that it breaks."""
        cells = row.cells
        problems: list[Problem] = []
        fields: dict[str, Any] = {
            "names": self._names(cells, problems),
        }
        for name, make in self._sections:
            if parts := make(cells, problems):
                fields[name] = parts
        self._add_once(cells, fields, problems)
        if problems:
            raise DraftError(problems)
        try:
            return NominalDraft(**fields)
        except ValidationError as error:
            raise DraftError([*_told(error, "")]) from None

    def _add_once(
        self, cells: Sequence[str], fields: dict[str, Any], problems: list[Problem]
    ) -> None:
        """Add what a nominal has once."""
        for name in _ONCE:
            if (take := self._take.get(name)) and (text := take(cells)):
                fields[name] = text
        for name in ("sensitive", "restricted", "sealed"):
            if take := self._take.get(name):
                self._flag(name, take(cells), fields, problems)
        if take := self._take.get("conditions"):
            fields["conditions"] = tuple(_split(take(cells), ";"))
        if (take := self._take.get("date_of_birth")) and (text := take(cells)):
            born = _kept(problems, "/date_of_birth", partial, text, self._formats["date_of_birth"])
            fields["date_of_birth"] = born
        if (take := self._take.get("date_of_death")) and (text := take(cells)):
            died = _kept(problems, "/date_of_death", whole, text, self._formats["date_of_death"])
            fields["date_of_death"] = died

    def _taker(self, cell: Cell, *, listed: bool = False) -> Take:
        """Return what takes a field out of a row; the values of a list are translated later."""
        if cell.constant is not None:
            constant = cell.constant
            return lambda _: constant
        place = self._places[cell.column or ""]
        if listed or not (cell.values or cell.otherwise is not None):
            return lambda cells: cells[place]
        return lambda cells: cell.means(cells[place])

    def _takers(self, part: BaseModel) -> dict[str, Take]:
        listed = getattr(part, "separator", None) is not None
        return {
            name: self._taker(cell, listed=listed and name in _LISTED)
            for name in type(part).model_fields
            if isinstance(cell := getattr(part, name), Cell)
        }

    def _names(self, cells: Sequence[str], problems: list[Problem]) -> list[NameDraft]:
        given, family = self._text("given_names", cells), self._text("surname", cells)
        found = [*_one(problems, "/names/0", name_of, NameKind.PRIMARY, given, family)]
        for number, (part, take) in enumerate(self._blocks["names"], start=1):
            given, family = (
                take[n](cells) if n in take else "" for n in ("given_names", "surname")
            )
            if given or family:
                found += _one(problems, f"/names/{number}", name_of, part.kind, given, family)
        return found

    def _all_identifiers(
        self, cells: Sequence[str], problems: list[Problem]
    ) -> list[IdentifierDraft]:
        found: list[IdentifierDraft] = []
        for kind, cell, take, separator in self._identifiers:
            if text := take(cells):
                for each in self._each(cell, text, separator):
                    place = f"/identifiers/{kind.value}"
                    found += _one(problems, place, IdentifierDraft, kind=kind, value=each)
        return found

    def _contacts(self, cells: Sequence[str], problems: list[Problem]) -> list[ContactDraft]:
        found: list[ContactDraft] = []
        for kind, take in self._plain_contacts:
            if text := take(cells):
                place = f"/contacts/{kind.value}"
                found += _one(problems, place, ContactDraft, kind=kind, value=text)
        for part, takers in self._blocks["contacts"]:
            for text in self._each(part.value, takers["value"](cells), part.separator):
                place = f"/contacts/{part.kind.value}"
                found += _one(problems, place, ContactDraft, kind=part.kind, value=text)
        return found

    def _addresses(self, cells: Sequence[str], problems: list[Problem]) -> list[AddressDraft]:
        made: list[AddressDraft] = []
        home = [take(cells) if take else "" for take in self._home]
        if any(home):
            made += _one(problems, "/addresses/home", home_at, *home)
        for part, takers in self._blocks["addresses"]:
            found = {name: text for name, taking in takers.items() if (text := taking(cells))}
            dates = self._dates(found, problems, f"/addresses/{part.kind.value}")
            if found:
                place = f"/addresses/{part.kind.value}"
                made += _one(problems, place, AddressDraft, kind=part.kind, location=found, **dates)
        return made

    def _markers(self, cells: Sequence[str], problems: list[Problem]) -> list[MarkerDraft]:
        made: list[MarkerDraft] = []
        for part, take in self._blocks["markers"]:
            found = {name: text for name, taking in take.items() if (text := taking(cells))}
            codes = self._each(part.code, found.pop("code", ""), part.separator)
            dates = self._dates(found, problems, "/markers") if codes else {}
            for code in codes:
                made += _one(problems, "/markers", MarkerDraft, code=code, **found, **dates)
        return made

    def _descriptions(
        self, cells: Sequence[str], problems: list[Problem]
    ) -> list[DescriptionDraft]:
        made: list[DescriptionDraft] = []
        for part, take in self._blocks["descriptions"]:
            if text := take["value"](cells):
                attribute = take["attribute"](cells)
                for value in self._each(part.value, text, part.separator):
                    made += _one(problems, "/descriptions", described, attribute, value)
        return made

    def _assessments(self, cells: Sequence[str], problems: list[Problem]) -> list[AssessmentDraft]:
        made: list[AssessmentDraft] = []
        for _, take in self._blocks["assessments"]:
            if text := take["text"](cells):
                basis = take["basis"](cells)
                made += _one(problems, "/assessments", AssessmentDraft, basis=basis, text=text)
        return made

    def _involvements(
        self, cells: Sequence[str], problems: list[Problem]
    ) -> list[InvolvementDraft]:
        made: list[InvolvementDraft] = []
        for _, take in self._blocks["involvements"]:
            if take["record_number"](cells):
                found: dict[str, Any] = {name: taking(cells) for name, taking in take.items()}
                if "vulnerability_factors" in found:
                    factors = _split(found["vulnerability_factors"], ";")
                    found["vulnerability_factors"] = tuple(factors)
                made += _one(problems, "/involvements", InvolvementDraft, **found)
        return made

    def _dates(
        self, found: dict[str, str], problems: list[Problem], place: str
    ) -> dict[str, date | None]:
        """Take the dates out of what was found and return them as dates."""
        return {
            name: _kept(problems, f"{place}/{name}", whole, found.pop(name), self._mapping.formats)
            for name in ("valid_from", "valid_to")
            if name in found
        }

    def _each(self, cell: Cell, text: str, separator: str | None) -> list[str]:
        """Return the values in a cell; one of several is translated by itself."""
        if separator is None:
            return [text] if text else []
        return [value for code in _split(text, separator) if (value := cell.means(code))]

    def _text(self, name: str, cells: Sequence[str]) -> str:
        take = self._take.get(name)
        return take(cells) if take else ""

    def _flag(self, name: str, text: str, fields: dict[str, Any], problems: list[Problem]) -> None:
        value = _FLAGS.get(text.lower())
        if value is None:
            problems.append(Problem(f"/{name}", "Write yes or no."))
        else:
            fields[name] = value


def _one(
    problems: list[Problem], place: str, make: Callable[..., Part], *args: Any, **fields: Any
) -> tuple[Part, ...]:
    """Return what is made, or note which rules it breaks and return nothing."""
    made = _kept(problems, place, make, *args, **fields)
    return () if made is None else (made,)


def _kept(
    problems: list[Problem], place: str, make: Callable[..., Any], *args: Any, **fields: Any
) -> Any:
    try:
        return make(*args, **fields)
    except ValidationError as error:
        problems += _told(error, place)
    except InvalidInputError as error:
        problems.append(Problem(place, error.detail))
    return None


def _told(error: ValidationError, place: str) -> Iterator[Problem]:
    for each in error.errors(include_url=False, include_input=False, include_context=False):
        path = "".join(f"/{part}" for part in each["loc"])
        yield Problem(f"{place}{path}"[:200], each["msg"].removeprefix("Value error, ")[:500])


def _split(text: str, separator: str | None) -> list[str]:
    if separator is None:
        return [text] if text else []
    return [part for piece in text.split(separator) if (part := piece.strip())]
