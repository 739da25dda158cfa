"""A batch ready to be copied: lines of text for each table, and what decides over each row.

Whoever reads a file makes these, in a process of its own (`ahead`); the store joins them to what only
it knows: labels, terms of names, places and headers. Nothing here asks the store.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import count

from athena.records.imports.drafting import SourcedDraft
from athena.records.imports.models import OF_ONE_PERSON, Batch, Item, Row
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
            stager.add(item.row_number, item.line, item.source_id, item.draft, whole=True)
    return stager.finish()


def stage_drafts(drafts: Sequence[SourcedDraft]) -> Batch:
    """Return a batch of nominals that come from no file."""
    stager = _Stager()
    for number, item in enumerate(drafts, start=1):
        stager.add(number, number, item.source_id, item.draft)
    return stager.finish()


class _Stager:
    """Turns nominals into lines, one batch's."""

    def __init__(self) -> None:
        self.batch = Batch()
        self._ids = _Ids()
        self._lines: dict[str, list[str]] = {}
        self._labels: dict[LabelParts, int] = {}
        self._tokens: dict[str, int] = {"": 0}
        self._pairs: dict[tuple[str, str], tuple[int, int]] = {}
        self._named: dict[tuple[str, str], list[tuple[int, int]]] = {}
        self._places: dict[LocationDraft, int] = {}
        self._headers: dict[tuple[str, str], int] = {}
        self._numbers = count(1)

    def finish(self) -> Batch:
        """Return the batch with all its lines."""
        self.batch.labels = list(self._labels)
        self.batch.tokens = list(self._tokens)[1:]
        self.batch.pairs = list(self._pairs)
        self.batch.tables = {name: "".join(lines).encode() for name, lines in self._lines.items()}
        return self.batch

    def add(
        self,
        row_number: int,
        line: int,
        source_id: str,
        draft: NominalDraft,
        *,
        whole: bool = False,
    ) -> None:
        """Add a nominal; ``whole`` keeps it as JSON too."""
        n = next(self._numbers)
        nominal_id = self._ids.take()
        born = draft.date_of_birth
        first = born.earliest if born else None
        day = day_number(first)
        label_no = self._labels.setdefault(label_parts(draft), len(self._labels) + 1)
        self._put(
            "import_nominal",
            n,
            nominal_id,
            label_no,
            row_number,
            source_id,
            day,
            draft.sex,
            draft.gender,
            first,
            born.precision if born else None,
            draft.date_of_death,
            draft.place_of_birth,
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
        self.batch.rows.append(
            Row(
                row_number,
                line,
                source_id,
                place=n,
                nominal_id=nominal_id,
                label_no=label_no,
                numbers=tuple(
                    (str(each.kind), each.value)
                    for each in draft.identifiers
                    if each.kind in OF_ONE_PERSON
                ),
                leading=leading,
                day=day,
                keys=tuple(keys),
                draft=draft.model_dump_json() if whole else "",
            )
        )

    def _add_name(self, n: int, name: NameDraft) -> list[tuple[int, int]]:
        """Add a name and what it is found by; return its pairs of tokens."""
        row_id = self._ids.take()
        self._put("import_name", n, row_id, name.kind, name.given_names, name.surname)
        spelt = (name.given_names, name.surname)
        pairs = self._named.get(spelt)
        if pairs is None:
            pairs = self._named[spelt] = [self._number(pair) for pair in name_pairs(*spelt)]
        for family, given in pairs:
            self._put("import_key", n, self._ids.take(), row_id, family, given)
        return pairs

    def _number(self, pair: tuple[str, str]) -> tuple[int, int]:
        found = self._pairs.get(pair)
        if found is None:
            tokens = self._tokens
            family, given = (tokens.setdefault(token, len(tokens)) for token in pair)
            found = self._pairs[pair] = family, given
        return found

    def _add_children(self, n: int, draft: NominalDraft) -> None:
        put, new_id = self._put, self._ids.take
        for number in draft.identifiers:
            put("import_identifier", n, new_id(), number.kind, number.value)
        for contact in draft.contacts:
            put("import_contact", n, new_id(), contact.kind, contact.value)
        for home in draft.addresses:
            place = self._place(n, home.location)
            put("import_address", n, new_id(), home.kind, place, home.valid_from, home.valid_to)
        for each in draft.descriptions:
            put("import_description", n, new_id(), each.attribute, each.value)
        for marker in draft.markers:
            dates = (marker.valid_from, marker.valid_to)
            put("import_marker", n, new_id(), marker.code, marker.note, *dates)
        for opinion in draft.assessments:
            text = f"{QUOTE}{opinion.text}{QUOTE}"
            put("import_assessment", n, new_id(), opinion.basis, text)
        for part in draft.involvements:
            factors = "{" + ",".join(part.vulnerability_factors) + "}"
            header = self._header(n, record_key(part))
            put("import_involvement", n, new_id(), header, part.role, factors)

    def _place(self, n: int, place: LocationDraft) -> int:
        number = self._places.get(place)
        if number is None:
            number = self._places[place] = len(self._places) + 1
            self._put(
                "import_place",
                number,
                self._ids.take(),
                place.premises,
                place.street,
                place.town,
                place.county,
                place.postcode,
                place.uprn,
                place.latitude,
                place.longitude,
            )
        return number

    def _header(self, n: int, key: tuple[str, str]) -> int:
        number = self._headers.get(key)
        if number is None:
            number = self._headers[key] = len(self._headers) + 1
            self._put("import_header", number, self._ids.take(), *key)
        return number

    def _put(self, table: str, *values: str | float | date | None) -> None:
        line = FIELD.join([NOTHING if value is None else str(value) for value in values])
        self._lines.setdefault(table, []).append(line + "\n")


class _Ids:
    """Random ids (UUID version 4, RFC 9562) of one batch, whose first 16 bits are the same.

    A batch's rows so stand together in every index, which saves the store from reading and writing a
    page for each of them. 106 bits of an id stay random.
    """

    def __init__(self) -> None:
        self._lead = secrets.token_hex(2)
        self._random = ""
        self._at = 0

    def take(self) -> str:
        """Return the next id, as 32 hexadecimal digits."""
        at = self._at
        if at + 28 > len(self._random):
            self._random, at = os.urandom(14 * 4_096).hex(), 0
        self._at = at + 28
        drawn = self._random
        return (
            f"{self._lead}{drawn[at : at + 8]}4{drawn[at + 8 : at + 11]}"
            f"{_VARIANT[drawn[at + 11]]}{drawn[at + 12 : at + 27]}"
        )


_VARIANT = {digit: "89ab"[number % 4] for number, digit in enumerate("0123456789abcdef")}
