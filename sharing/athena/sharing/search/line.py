"""Reads one typed line: names in any order, with a date, a year or an age among them.

Tolerant by intent: what can't be a name, a date or an age is passed over. Dates are British, the
day first, unless the year is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from athena.records.names.normalise import normalise
from athena.records.nominals.dates import PartialDate, parse_partial_date

MOST_WORDS = 8

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_ALSO_NAMES = r"(?:jan|may|april|june|august)\b"
"""Months that are as likely somebody's name, unless a day or a word before says otherwise."""

_DATES = [
    re.compile(pattern)
    for pattern in (
        r"\b(?P<year>\d{4})[-/.](?P<month>\d{1,2})(?:[-/.](?P<day>\d{1,2}))?\b",
        r"\b(?P<day>\d{1,2})[-/.](?P<month>\d{1,2})[-/.](?P<year>\d{4}|\d{2})\b",
        rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?[-/. ]+(?P<month>{_MONTH})[-/., ]+"
        r"(?P<year>\d{4}|\d{2})\b",
        rf"\b(?:(?:born|dob|in)[: ]+(?P<day>)|(?!{_ALSO_NAMES}))"
        rf"(?P<month>\d{{1,2}}|{_MONTH})[-/. ]+(?P<year>\d{{4}})\b",
    )
]
_AGE = re.compile(
    r"\b(?:(?:aged?|about)\s+)+(\d{1,3})(?:\s*(?:-|to|or)\s*(\d{1,3}))?\b"
    r"|\b(\d{1,3})\s*(?:-|to)\s*(\d{1,3})\b"
)
_YEAR = re.compile(r"\b(?:1[89]|20)\d\d\b")
_LABELS = frozenset({"born", "dob", "dr", "miss", "mr", "mrs", "ms", "mx"})
"""Words that stand beside a name and aren't part of it, unless nothing else is there."""


@dataclass(frozen=True, slots=True)
class Line:
    """What a typed line says: words that may be names, and at most one of date, ages and year."""

    words: tuple[str, ...]
    after_comma: tuple[str, ...] = ()
    """The words after a comma, as in "Smith, John"; then ``words`` are the surname."""
    born: PartialDate | None = None
    ages: tuple[int, int] | None = None
    year: int | None = None


def read_line(text: str, today: date) -> Line:
    """Read a line; raises InvalidInputError for a date that is on no calendar."""
    rest = text.lower()
    born, ages, year = None, None, None
    for pattern in _DATES:
        if match := pattern.search(rest):
            born = _read_date(match, today)
            rest = rest.replace(match[0], " ")
            break
    else:
        if match := _AGE.search(rest):
            low, high = match[1] or match[3], match[2] or match[4] or match[1]
            ages = int(low), int(high)
            rest = rest.replace(match[0], " ")
        elif match := _YEAR.search(rest):
            year = int(match[0])
            rest = rest.replace(match[0], " ")
    before, _, after = rest.partition(",")
    words, words_after = _names(before), _names(after)
    if not words:
        words, words_after = words_after, ()
    return Line(words, words_after, born, ages, year)


def _names(text: str) -> tuple[str, ...]:
    words = [word for word in text.split() if normalise(word)]
    named = [word for word in words if normalise(word) not in _LABELS]
    return tuple((named or words)[:MOST_WORDS])


def _read_date(match: re.Match[str], today: date) -> PartialDate:
    year = int(match["year"])
    if year < 100:
        century = today.year // 100 * 100
        year += century if year <= today.year - century else century - 100
    parts = [match["day"], match["month"][:3], f"{year:04}"]
    return parse_partial_date("/".join(part for part in parts if part), "/name")
