"""A batch ready to be copied: lines of text for each table, and what decides over each row.

Whoever reads a file makes these, in a process of its own (`ahead`); the store joins them to what
only it knows: labels, terms of names, places and headers. Nothing here asks the store.
"""

from __future__ import annotations

import os
import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import count

from athena.records.imports.drafting import SourcedDraft
from athena.records.imports.models import CELL, OF_ONE_PERSON, Batch, Item, Row
from athena.records.names.keys import day_number, name_key
from athena.records.names.normalise import name_pairs
from athena.records.nominals.models import LabelParts, label_parts, record_key
from athena.records.nominals.schemas import LocationDraft, NameDraft, NominalDraft

FIELD, QUOTE, NOTHING = "\x1f", "\x02", "\x03"
"""What parts fields, encloses texts of several lines, and stands for NULL: none is ever in a text,
for the rules of nominals refuse control characters."""


def stage_items(items: Iterable[Item]) -> Batch:
    """Return a batch of the rows of a file."""
    stager = _Stager()
    for item in items:
        if item.draft is None:
            stager.batch.rows.append(
                Row(item.row_number, item.line, item.source_id, item.field, item.reason)
            )
        else:
            stager.add(item.row_number, item.line, item.source_id, item.draft, item.cells)
    return stager.finish()


def stage_drafts(drafts: Sequence[SourcedDraft]) -> Batch:
    """Return a batch of nominals that come from no file."""
    stager = _Stager()
    for number, item in enumerate(drafts, start=1):
        stager.add(number, number, item.source_id, item.draft)
    return stager.finish()


TABLES = (
    "import_nominal",
    "import_name",
    "import_key",
    "import_identifier",
    "import_contact",
    "import_address",
    "import_description",
    "import_marker",
    "import_assessment",
    "import_involvement",
    "import_place",
    "import_header",
)
"""The tables that a batch travels through, as `records.stage_import` makes them."""


class _Stager:
    """Turns nominals into lines, one batch's."""

    def __init__(self) -> None:
        self.batch = Batch()
        self._ids = _ids()
        self._lines: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        self._put = {name: self._lines[name].append for name in TABLES}
        self._labels: dict[LabelParts, int] = {}
        self._tokens: dict[str, int] = {"": 0}
        self._pairs: dict[tuple[str, str], tuple[int, int]] = {}
        self._named: dict[tuple[str, str], list[tuple[int, int]]] = {}
        self._places: dict[LocationDraft, str] = {}
        self._headers: dict[tuple[str, str], str] = {}
        self._numbers = count(1)

    def finish(self) -> Batch:
        """Return the batch with all its lines."""
        self.batch.labels = list(self._labels)
        self.batch.tokens = list(self._tokens)[1:]
        self.batch.pairs = list(self._pairs)
        self.batch.tables = {
            name: "".join([FIELD.join(line) + "\n" for line in lines]).encode()
            for name, lines in self._lines.items()
            if lines
        }
        return self.batch

    def add(
        self,
        row_number: int,
        line: int,
        source_id: str,
        draft: NominalDraft,
        cells: Sequence[str] = (),
    ) -> None:
        """Add a nominal; ``cells`` are what it was made of, and hold no NUL."""
        place = next(self._numbers)
        n, nominal_id = str(place), next(self._ids)
        born = draft.date_of_birth
        first = born.earliest if born else None
        day = day_number(first)
        label_no = self._labels.setdefault(label_parts(draft), len(self._labels) + 1)
        self._put["import_nominal"](
            (
                n,
                nominal_id,
                str(label_no),
                str(row_number),
                source_id,
                str(day),
                draft.sex or NOTHING,
                _or_null(draft.gender),
                _or_null(first),
                born.precision if born else NOTHING,
                _or_null(draft.date_of_death),
                _or_null(draft.place_of_birth),
            )
        )
        known_day = born is not None and born.day is not None
        keys: list[int] = []
        leading: tuple[int, int] | None = None
        for name in draft.names:
            for pair in self._add_name(n, name):
                if known_day and all(pair):
                    leading = leading or pair
                    keys.append(name_key(*pair, day))
        self._add_children(n, draft)
        numbers = tuple(
            (str(each.kind), each.value) for each in draft.identifiers if each.kind in OF_ONE_PERSON
        )
        self.batch.rows.append(
            Row(
                row_number,
                line,
                source_id,
                "",
                "",
                place,
                nominal_id,
                label_no,
                numbers,
                leading,
                day,
                tuple(keys),
                CELL.join(cells),
            )
        )

    def _add_name(self, n: str, name: NameDraft) -> list[tuple[int, int]]:
        """Add a name and what it is found by; return its pairs of tokens."""
        row_id = next(self._ids)
        self._put["import_name"]((n, row_id, name.kind, name.given_names, name.surname))
        spelt = (name.given_names, name.surname)
        pairs = self._named.get(spelt)
        if pairs is None:
            pairs = self._named[spelt] = [self._number(pair) for pair in name_pairs(*spelt)]
        for family, given in pairs:
            self._put["import_key"]((n, next(self._ids), row_id, str(family), str(given)))
        return pairs

    def _number(self, pair: tuple[str, str]) -> tuple[int, int]:
        found = self._pairs.get(pair)
        if found is None:
            tokens = self._tokens
            family, given = (tokens.setdefault(token, len(tokens)) for token in pair)
            found = self._pairs[pair] = family, given
        return found

    def _add_children(self, n: str, draft: NominalDraft) -> None:
        put, ids = self._put, self._ids
        for number in draft.identifiers:
            put["import_identifier"]((n, next(ids), number.kind, number.value))
        for contact in draft.contacts:
            put["import_contact"]((n, next(ids), contact.kind, contact.value))
        for home in draft.addresses:
            place = self._place(home.location)
            dates = (_or_null(home.valid_from), _or_null(home.valid_to))
            put["import_address"]((n, next(ids), home.kind, place, *dates))
        for each in draft.descriptions:
            put["import_description"]((n, next(ids), each.attribute, each.value))
        for marker in draft.markers:
            dates = (_or_null(marker.valid_from), _or_null(marker.valid_to))
            put["import_marker"]((n, next(ids), marker.code, marker.note, *dates))
        for opinion in draft.assessments:
            text = f"{QUOTE}{opinion.text}{QUOTE}"
            put["import_assessment"]((n, next(ids), opinion.basis, text))
        for part in draft.involvements:
            factors = "{" + ",".join(part.vulnerability_factors) + "}"
            header = self._header(record_key(part))
            put["import_involvement"]((n, next(ids), header, part.role, factors))

    def _place(self, place: LocationDraft) -> str:
        number = self._places.get(place)
        if number is None:
            number = self._places[place] = str(len(self._places) + 1)
            self._put["import_place"](
                (
                    number,
                    next(self._ids),
                    place.premises,
                    place.street,
                    place.town,
                    place.county,
                    _or_null(place.postcode),
                    _or_null(place.uprn),
                    _or_null(place.latitude),
                    _or_null(place.longitude),
                )
            )
        return number

    def _header(self, key: tuple[str, str]) -> str:
        number = self._headers.get(key)
        if number is None:
            number = self._headers[key] = str(len(self._headers) + 1)
            self._put["import_header"]((number, next(self._ids), *key))
        return number


def _or_null(value: str | float | date | None) -> str:
    return NOTHING if value is None else str(value)


def _ids() -> Iterator[str]:
    """Yield random ids (UUID version 4, RFC 9562) whose first 16 bits are the same.

    The rows of a batch so stand together in every index, which saves the store from reading and
    writing a page for each of them. 106 bits of an id stay random.
    """
    lead = secrets.token_bytes(2)
    while True:
        drawn = bytearray(os.urandom(16 * _AT_ONCE))
        drawn[0::16], drawn[1::16] = lead[:1] * _AT_ONCE, lead[1:] * _AT_ONCE
        drawn[6::16] = drawn[6::16].translate(_VERSION)
        drawn[8::16] = drawn[8::16].translate(_VARIANT)
        text = drawn.hex()
        yield from [text[at : at + 32] for at in range(0, 32 * _AT_ONCE, 32)]


_AT_ONCE = 4_096
_VERSION = bytes(0x40 | byte & 0x0F for byte in range(256))
_VARIANT = bytes(0x80 | byte & 0x3F for byte in range(256))
"""What the seventh and the ninth byte become: the version 4, and the variant of the standard."""
