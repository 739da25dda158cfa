"""What an officer asks for: names, dates, ages, identifiers, places, in whatever order typed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from athena.platform.kernel import clock
from athena.platform.kernel.errors import InvalidInputError
from athena.records.names.normalise import given_tokens, surname_tokens
from athena.records.nominals.dates import PartialDate, parse_partial_date
from athena.records.nominals.identifiers import Identifier, guess_identifiers
from athena.records.nominals.values import (
    Sex,
    WarningMarker,
    clean_text,
    parse_postcode,
    parse_telephone,
)
from athena.sharing.search.line import read_line
from athena.sharing.search.places import Place, read_address

LONGEST_NAME = 200
_WITH_GIVEN_NAMES = frozenset(
    {"begum", "bibi", "devi", "kaur", "khatun", "kumar", "kumari", "singh"}
)
"""Names that many bear beside a given name; as often given for the surname as recorded with it."""

OLDEST = 120
"""The highest age that anybody is looked for at (Minimum POLE Data Standards, 034)."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read the typed name: which tokens are the surname and which are given names."""

    surname: tuple[str, ...]
    given: tuple[str, ...]
    how: str = ""
    penalty: float = 0.0


@dataclass(frozen=True, slots=True)
class Filters:
    """Whom a search leaves out, whatever they are found by."""

    sex: Sex | None = None
    """Those recorded as another sex are left out."""
    markers: tuple[WarningMarker, ...] = ()
    """Those are left out who carry none of these warnings today that the officer may see."""


NO_FILTERS = Filters()


@dataclass(frozen=True, slots=True)
class PersonQuery:
    """A question about a person; at least one part is there."""

    readings: tuple[Reading, ...] = ()
    born: PartialDate | None = None
    """A whole date."""
    born_years: tuple[int, int] | None = None
    """The first and the last year of birth, where no whole date is known."""
    born_month: int | None = None
    """The month of that year, 1 to 12, if it is known."""
    filters: Filters = NO_FILTERS
    identifiers: tuple[Identifier, ...] = ()
    postcode: str | None = None
    place: Place | None = None
    telephone: str | None = None

    @property
    def has_name(self) -> bool:
        """Whether there is a name to look for."""
        return bool(self.readings)

    @property
    def has_value(self) -> bool:
        """Whether there is something to look for that is recorded just so, or not at all."""
        return bool(self.identifiers or self.postcode or self.place or self.telephone)


@dataclass(frozen=True, slots=True)
class Asked:
    """The fields of a search as they were typed."""

    name: str | None = None
    given_name: str | None = None
    surname: str | None = None
    date_of_birth: str | None = None
    year_of_birth: int | None = None
    age_from: int | None = None
    age_to: int | None = None
    sex: Sex | None = None
    identifier: str | None = None
    postcode: str | None = None
    address: str | None = None
    telephone: str | None = None
    markers: tuple[WarningMarker, ...] = ()
    today: date = field(default_factory=clock.today)


def understand(asked: Asked) -> PersonQuery:
    """Return the query that typed fields mean, or InvalidInputError that says what is missing."""
    query = PersonQuery(filters=Filters(asked.sex, asked.markers))
    if asked.name and asked.name.strip():
        query = _free_text(query, clean_text(asked.name, "/name", LONGEST_NAME), asked.today)
    if asked.given_name or asked.surname:
        given = clean_text(asked.given_name or "", "/given_name", LONGEST_NAME)
        surname = clean_text(asked.surname or "", "/surname", LONGEST_NAME)
        query = replace(query, readings=_readings_of_fields(given, surname))
    query = _dates(query, asked)
    if asked.identifier and asked.identifier.strip():
        found = guess_identifiers(asked.identifier)
        if not found:
            raise InvalidInputError(
                "This isn't an identifier we know; check its check letter, "
                "or search by name instead.",
                field="/identifier",
            )
        query = replace(query, identifiers=tuple(found))
    if asked.address and asked.address.strip():
        place, postcode = read_address(clean_text(asked.address, "/address", LONGEST_NAME))
        query = replace(query, place=place, postcode=postcode)
    if asked.postcode and asked.postcode.strip():
        query = replace(query, postcode=parse_postcode(asked.postcode))
    if asked.telephone and asked.telephone.strip():
        query = replace(query, telephone=parse_telephone(asked.telephone))
    if not (query.has_name or query.has_value):
        raise InvalidInputError(
            "Search by a name, an identifier, an address, a postcode or a telephone number.",
            field="/name",
        )
    return query


def _free_text(query: PersonQuery, text: str, today: date) -> PersonQuery:
    """Read one line: ``jon smyth 1980``, ``Smith, John 12/03/1980``, ``03/123456L``."""
    # A date and a name run together would pass for some force's own number.
    has_name = any(word.isalpha() and len(word) > 2 for word in text.split())
    if not has_name and (identifiers := guess_identifiers(text)):
        return replace(query, identifiers=tuple(identifiers))
    line = read_line(text, today)
    years = (line.year, line.year) if line.year is not None else None
    if line.ages is not None:
        years = _years(*line.ages, today)
    if line.after_comma:
        readings = _readings_of_fields(" ".join(line.after_comma), " ".join(line.words))
    else:
        readings = _readings_of_words(line.words)
    return replace(query, readings=readings, born=line.born, born_years=years)


def _readings_of_words(words: Sequence[str]) -> tuple[Reading, ...]:
    """Return the readings of a typed line: the last word as surname first, then other orders."""
    if not words:
        return ()
    if len(words) == 1:
        tokens = surname_tokens(words[0])
        return (Reading(tokens, ()), Reading((), tokens, "as a given name", 1.0))
    readings = [
        Reading(surname_tokens(words[-1]), given_tokens(" ".join(words[:-1]))),
        Reading(surname_tokens(words[0]), given_tokens(" ".join(words[1:])), "swapped", 0.5),
    ]
    if len(words) > 2:
        first, last = " ".join(words[:-1]), " ".join(words[1:])
        how = "surname of several words"
        readings.append(Reading(surname_tokens(last), given_tokens(words[0]), how, 0.3))
        readings.append(Reading(surname_tokens(first), given_tokens(words[-1]), how, 0.8))
    return (*readings, *_without_surname(" ".join(words[:-1]), words[-1]))


def _readings_of_fields(given: str, surname: str) -> tuple[Reading, ...]:
    surnames, givens = surname_tokens(surname), given_tokens(given)
    if not surnames and not givens:
        return ()
    readings = [Reading(surnames, givens)]
    if surnames and givens:
        swapped = Reading(surname_tokens(given), given_tokens(surname), "swapped", 1.2)
        readings.append(swapped)
    return (*readings, *_without_surname(given, surname))


def _without_surname(given: str, surname: str) -> tuple[Reading, ...]:
    """Return the reading that Jaswinder Kaur gave both her given names and no surname."""
    if given and surname.lower() in _WITH_GIVEN_NAMES:
        return (Reading((), given_tokens(f"{given} {surname}"), "given names alone", 1.5),)
    return ()


def _dates(query: PersonQuery, asked: Asked) -> PersonQuery:
    if asked.date_of_birth and asked.date_of_birth.strip():
        query = replace(query, born=parse_partial_date(asked.date_of_birth))
    elif asked.year_of_birth is not None:
        query = replace(query, born_years=(asked.year_of_birth, asked.year_of_birth))
    elif asked.age_from is not None or asked.age_to is not None:
        youngest = 0 if asked.age_from is None else asked.age_from
        oldest = OLDEST if asked.age_to is None else asked.age_to
        query = replace(query, born_years=_years(youngest, oldest, asked.today))
    if query.born is not None:
        if query.born.earliest > asked.today:
            raise InvalidInputError(
                "A date of birth can't be in the future.", field="/date_of_birth"
            )
        years = (query.born.year, query.born.year)
        _check_years(years, asked.today)
        if query.born.day is None:
            query = replace(query, born=None, born_years=years, born_month=query.born.month)
    if query.born_years is not None:
        _check_years(query.born_years, asked.today)
    return query


def _check_years(years: tuple[int, int], today: date) -> None:
    if not 1900 <= years[0] <= today.year:
        raise InvalidInputError(
            f"Give a year of birth from 1900 to {today.year}.", field="/year_of_birth"
        )


def _years(youngest: int, oldest: int, today: date) -> tuple[int, int]:
    if oldest < youngest:
        youngest, oldest = oldest, youngest
    if oldest > OLDEST:
        raise InvalidInputError(f"An age is at most {OLDEST}.", field="/age_to")
    return max(today.year - oldest - 1, 1900), today.year - youngest
