"""What is compared of a person: names, date of birth, sex, places, telephones, register numbers.

All of it is normalised here, once, so that training and scoring compare the same text. An empty
text stands for what isn't known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from athena.records.names.normalise import normalise
from athena.records.nominals.dates import PartialDate
from athena.records.nominals.identifiers import IdentifierKind
from athena.sharing.search.nicknames import related_names

REGISTERS = (
    IdentifierKind.PNC_ID,
    IdentifierKind.CRO_NUMBER,
    IdentifierKind.NATIONAL_INSURANCE_NUMBER,
    IdentifierKind.DRIVING_LICENCE_NUMBER,
    IdentifierKind.PROBATION_CRN,
    IdentifierKind.PRISON_NOMIS_NUMBER,
)
"""The numbers that name one person in a national register; a crime number names an event."""


@dataclass(frozen=True, slots=True)
class Name:
    """A name as it is compared."""

    given: str = ""
    """The first given name."""
    middle: str = ""
    """The other given names, separated by spaces."""
    surname: str = ""
    forms: str = ""
    """Other forms of the first given name, each between bars: ``|bill|will|``."""


@dataclass(frozen=True, slots=True)
class Place:
    """An address as it is compared."""

    premises: str = ""
    street: str = ""
    further: str = ""
    """A second line, where addresses have one."""
    town: str = ""
    area: str = ""
    postcode: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """A nominal as it is compared: every name, every address, every number."""

    names: tuple[Name, ...] = ()
    born: str = ""
    """The date of birth in digits, as far as it is known: 19800312, 198003 or 1980."""
    sex: str = ""
    places: tuple[Place, ...] = ()
    telephones: tuple[str, ...] = ()
    numbers: Mapping[str, str] = field(default_factory=dict)
    """Register numbers by kind."""


def make_name(given_names: str, surname: str) -> Name:
    """Return a name as written in the form in which it is compared."""
    first, _, others = normalise(given_names).partition(" ")
    forms = related_names(first)
    return Name(
        given=first,
        middle=others,
        surname=normalise(surname).replace(" ", ""),
        forms=f"|{'|'.join(sorted(forms))}|" if forms else "",
    )


def make_place(
    premises: str = "",
    street: str = "",
    town: str = "",
    postcode: str = "",
    area: str = "",
    further: str = "",
) -> Place:
    """Return an address as written in the form in which it is compared."""
    return Place(
        premises=_plain(premises),
        street=_plain(street),
        further=_plain(further),
        town=_plain(town),
        area=_plain(area),
        postcode="".join(postcode.split()).lower(),
    )


def born_digits(born: PartialDate | None) -> str:
    """Return a date of birth in digits, as far as it is known."""
    return str(born).replace("-", "") if born is not None else ""


def _plain(text: str) -> str:
    return " ".join(text.lower().split())
