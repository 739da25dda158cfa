"""Parts of nominals that come again and again: each is checked once and then remembered."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache

from athena.platform.kernel.errors import InvalidInputError
from athena.records.imports.mapping import Formats
from athena.records.nominals.dates import PartialDate, parse_partial_date
from athena.records.nominals.schemas import (
    AddressDraft,
    DescriptionDraft,
    LocationDraft,
    NameDraft,
)
from athena.records.nominals.values import NameKind

REMEMBERED = 20_000
"""How many different days are remembered: a life's worth, some 4 MB."""

OF_NEIGHBOURS = 2_000
"""How many names and places are remembered: they come again near each other or hardly at all."""


@lru_cache(OF_NEIGHBOURS)
def name_of(kind: NameKind, given_names: str, surname: str) -> NameDraft:
    """Return a name."""
    return NameDraft(kind=kind, given_names=given_names, surname=surname)


@lru_cache(OF_NEIGHBOURS)
def home_at(premises: str, street: str, town: str, county: str, postcode: str) -> AddressDraft:
    """Return the address of a home."""
    location = LocationDraft(
        premises=premises, street=street, town=town, county=county, postcode=postcode or None
    )
    return AddressDraft(location=location)


@lru_cache(1_000)
def described(attribute: str, value: str) -> DescriptionDraft:
    """Return a descriptive attribute."""
    return DescriptionDraft.model_validate({"attribute": attribute, "value": value})


@lru_cache(REMEMBERED)
def partial(text: str, formats: Formats) -> PartialDate:
    """Return a date as far as it is known; a form without a day or a month says so."""
    if not formats:
        return parse_partial_date(text)
    for form in formats:
        try:
            day = datetime.strptime(text, form).date()  # noqa: DTZ007 - a date
        except ValueError:
            continue
        if "%d" in form or "%j" in form or "%x" in form:
            return PartialDate.of(day)
        return PartialDate(day.year, day.month if "%m" in form or "%b" in form.lower() else None)
    raise InvalidInputError(f"There is no such date in the form {' or '.join(formats)}.")


def whole(text: str, formats: Formats) -> date:
    """Return a date that must be known to the day."""
    found = partial(text, formats)
    if found.day is None:
        raise InvalidInputError("Give the day, the month and the year.")
    return found.earliest
