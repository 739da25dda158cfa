"""What an officer asks for: names, dates, ages, identifiers, places, in whatever order typed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import date

from athena.platform.kernel.errors import InvalidInputError
from athena.records.names.normalise import given_tokens, normalise, surname_tokens
from athena.records.nominals.dates import PartialDate, parse_partial_date
from athena.records.nominals.identifiers import Identifier, guess_identifiers
from athena.records.nominals.values import Sex, clean_text, parse_postcode, parse_telephone

LONGEST_NAME = 200
MOST_WORDS = 8

_AGE = re.compile(r"\b(?:aged?|about)\s+(\d{1,3})(?:\s*(?:-|to)\s*(\d{1,3}))?\b")
_DATE = re.compile(
    r"\b(\d{4}-\d{1,2}(?:-\d{1,2})?|\d{1,2}[/.-]\d{1,2}[/.-]\d{4}|\d{1,2}[/.-]\d{4}"
    r"|(?:\d{1,2}\s+)?(?:jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)[a-z]*\s+\d{4})\b"
)
_YEAR = re.compile(r"\b(1[89]\d\d|20\d\d)\b")


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read the typed name: which tokens are the surname and which are given names."""

    surname: tuple[str, ...]
    given: tuple[str, ...]
    how: str = ""
    penalty: float = 0.0


@dataclass(frozen=True, slots=True)
class PersonQuery:
    """A question about a person; at least one part is there."""

    readings: tuple[Reading, ...] = ()
    typed_given: str = ""
    typed_surname: str = ""
    born: PartialDate | None = None
    born_years: tuple[int, int] | None = None
    """The first and the last year of birth, where only an age or a year is known."""
    sex: Sex | None = None
    identifiers: tuple[Identifier, ...] = ()
    postcode: str | None = None
    telephone: str | None = None

    @property
    def has_name(self) -> bool:
        """Whether there is a name to look for."""
        return bool(self.readings)


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
    telephone: str | None = None
    today: date = field(default_factory=date.today)


def understand(asked: Asked) -> PersonQuery:
    """Return the query that typed fields mean, or InvalidInputError that says what is missing."""
    query = PersonQuery(sex=asked.sex)
    if asked.name and asked.name.strip():
        query = _free_text(query, clean_text(asked.name, "/name", LONGEST_NAME), asked.today)
    if asked.given_name or asked.surname:
        given = clean_text(asked.given_name or "", "/given_name", LONGEST_NAME)
        surname = clean_text(asked.surname or "", "/surname", LONGEST_NAME)
        query = replace(
            query,
            readings=_readings_of_fields(given, surname),
            typed_given=given,
            typed_surname=surname,
        )
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
    if asked.postcode and asked.postcode.strip():
        query = replace(query, postcode=parse_postcode(asked.postcode))
    if asked.telephone and asked.telephone.strip():
        query = replace(query, telephone=parse_telephone(asked.telephone))
    if not (query.has_name or query.identifiers or query.postcode or query.telephone):
        raise InvalidInputError(
            "Search by a name, an identifier, a postcode or a telephone number.", field="/name"
        )
    return query


def _free_text(query: PersonQuery, text: str, today: date) -> PersonQuery:
    """Read one line: ``jon smyth 1980``, ``Smith, John 12/03/1980``, ``03/123456L``."""
    identifiers = guess_identifiers(text)
    if identifiers:
        return replace(query, identifiers=tuple(identifiers))
    rest = text.lower()
    if match := _DATE.search(rest):
        query = replace(query, born=parse_partial_date(match[1].replace(".", "/"), "/name"))
        rest = rest.replace(match[0], " ")
    elif match := _AGE.search(rest):
        query = replace(query, born_years=_years(int(match[1]), int(match[2] or match[1]), today))
        rest = rest.replace(match[0], " ")
    elif match := _YEAR.search(rest):
        query = replace(query, born_years=(int(match[1]), int(match[1])))
        rest = rest.replace(match[0], " ")
    surname_first, comma, given_after = rest.partition(",")
    if comma:
        readings = _readings_of_fields(given_after, surname_first)
        return replace(
            query,
            readings=readings,
            typed_given=given_after.strip(),
            typed_surname=surname_first.strip(),
        )
    words = rest.split()[:MOST_WORDS]
    return replace(
        query,
        readings=_readings_of_words([word for word in words if normalise(word)]),
        typed_given=" ".join(words[:-1]),
        typed_surname=" ".join(words[-1:]),
    )


def _readings_of_words(words: list[str]) -> tuple[Reading, ...]:
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
        joined = Reading(
            surname_tokens(" ".join(words[1:])), given_tokens(words[0]), "surname of two words", 0.3
        )
        readings.append(joined)
    return tuple(readings)


def _readings_of_fields(given: str, surname: str) -> tuple[Reading, ...]:
    surnames, givens = surname_tokens(surname), given_tokens(given)
    if not surnames and not givens:
        return ()
    readings = [Reading(surnames, givens)]
    if surnames and givens:
        swapped = Reading(surname_tokens(given), given_tokens(surname), "swapped", 1.2)
        readings.append(swapped)
    return tuple(readings)


def _dates(query: PersonQuery, asked: Asked) -> PersonQuery:
    if asked.date_of_birth and asked.date_of_birth.strip():
        query = replace(query, born=parse_partial_date(asked.date_of_birth))
    elif asked.year_of_birth is not None:
        query = replace(query, born_years=(asked.year_of_birth, asked.year_of_birth))
    elif asked.age_from is not None or asked.age_to is not None:
        low = asked.age_from if asked.age_from is not None else asked.age_to
        high = asked.age_to if asked.age_to is not None else asked.age_from
        assert low is not None  # one of the two is there
        assert high is not None
        query = replace(query, born_years=_years(low, high, asked.today))
    if query.born is not None:
        if query.born.earliest > asked.today:
            raise InvalidInputError("A date of birth can't be in the future.", field="/born")
        if query.born.day is None:
            years = (query.born.earliest.year, query.born.latest.year)
            query = replace(query, born_years=years, born=None)
    if query.born_years is not None and not 1900 <= query.born_years[0] <= asked.today.year:
        raise InvalidInputError(
            f"Give a year of birth from 1900 to {asked.today.year}.", field="/year_of_birth"
        )
    return query


def _years(youngest: int, oldest: int, today: date) -> tuple[int, int]:
    if oldest < youngest:
        youngest, oldest = oldest, youngest
    if oldest > 120:
        raise InvalidInputError("An age is at most 120.", field="/age_to")
    return max(today.year - oldest - 1, 1900), today.year - youngest
