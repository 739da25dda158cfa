"""Addresses as they are typed: a line, the postcode found in it, and the ways a street is written.

Places are compared for equality alone, which row-level security lets an index do; so a street is
looked for in each way in which it is commonly written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from athena.platform.kernel.errors import InvalidInputError
from athena.records.nominals.values import parse_postcode

_POSTCODE = re.compile(r"\b([A-Z]{1,2}[0-9][A-Z0-9]?)\s*([0-9][A-Z]{2})\s*$", re.IGNORECASE)
_NUMBER = re.compile(
    r"((?:flat|unit|apartment|apt)\s+\w+|\d+\s?[a-z]?(?:\s?[-/]\s?\d+[a-z]?)?)\b\s*(.*)",
    re.IGNORECASE,
)
"""Premises at the beginning of a line: a flat or a number, and what follows."""

_SHORT = {
    "avenue": "ave",
    "close": "cl",
    "court": "ct",
    "crescent": "cres",
    "drive": "dr",
    "gardens": "gdns",
    "grove": "gr",
    "lane": "ln",
    "place": "pl",
    "road": "rd",
    "square": "sq",
    "street": "st",
    "terrace": "terr",
}
"""How the last word of a street is commonly shortened."""

_LONG = {short: long for long, short in _SHORT.items()}


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody is said to live: a street, and what else of the address was typed."""

    street: str
    premises: str = ""
    town: str = ""

    def streets(self) -> list[str]:
        """Return the ways in which the street may be recorded."""
        words = self.street.split()
        last = words[-1].lower().rstrip(".")
        ends = {last, _SHORT.get(last, last), _LONG.get(last, last)}
        return _cases(" ".join([*words[:-1], end]) for end in sorted(ends))

    def towns(self) -> list[str]:
        """Return the ways in which the town may be recorded; none where none was typed."""
        return _cases([self.town]) if self.town else []

    def numbers(self) -> list[str]:
        """Return the ways in which the premises may be recorded; none where none were typed."""
        return _cases([self.premises, self.premises.replace(" ", "")]) if self.premises else []


def read_address(text: str) -> tuple[Place | None, str | None]:
    """Return the place and the postcode in a line such as ``12 High Street, Norwich NR1 3AA``.

    InvalidInputError where there is neither.
    """
    postcode = None
    if found := _POSTCODE.search(text):
        postcode = parse_postcode(found[0])
        text = text[: found.start()]
    parts = [part.strip() for part in text.split(",") if part.strip()]
    premises = ""
    if len(parts) > 1 and _is_premises(parts[0]):
        premises, *parts = parts
    elif parts and (number := _NUMBER.fullmatch(parts[0])) and number[2]:
        premises, parts[0] = number[1], number[2]
    if parts:
        town = parts[1] if len(parts) > 1 else ""
        return Place(parts[0], " ".join(premises.split()), town), postcode
    if postcode is None:
        raise InvalidInputError(
            "Give a street, with a number or a town if you know them, as in "
            "12 High Street, Norwich; or a postcode.",
            field="/address",
        )
    return None, postcode


def _is_premises(text: str) -> bool:
    """Whether a part of an address that stands alone before a comma is a number or a flat."""
    number = _NUMBER.fullmatch(text)
    return number is not None and not number[2]


def _cases(texts: Iterable[str]) -> list[str]:
    """Return texts in the letters they were typed in, as titles, in capitals and in small ones."""
    forms: list[str] = []
    for text in texts:
        forms += [text, _titled(text), text.upper(), text.lower()]
    return list(dict.fromkeys(forms))


def _titled(text: str) -> str:
    """Return words with a capital each; St. Mary's stays so, and 12a stays 12a."""
    return " ".join(word[:1].upper() + word[1:].lower() for word in text.split())
